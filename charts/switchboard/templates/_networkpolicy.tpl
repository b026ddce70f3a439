{{/*
One rule of a NetworkPolicy: dict direction (from, to), peers (All, or a list), ports (a list).
Nobody gets no rule: to Kubernetes an empty list is everybody.
*/}}
{{- define "switchboard.rule" -}}
{{- if .peers -}}
- ports:
    {{- range .ports }}
    - port: {{ .port }}
      protocol: {{ .protocol | default "TCP" }}
    {{- end }}
  {{- if kindIs "slice" .peers }}
  {{ .direction }}:
    {{- toYaml .peers | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* What both need to know: names, and the apiserver. */}}
{{- define "switchboard.commonEgress" -}}
{{- $policy := .Values.networkPolicy -}}
{{- $names := list (dict "port" 53 "protocol" "UDP") (dict "port" 53) -}}
{{- $ports := list -}}
{{- range $policy.apiServer.ports }}{{ $ports = append $ports (dict "port" .) }}{{ end -}}
{{- include "switchboard.rule" (dict "direction" "to" "peers" $policy.dns "ports" $names) }}
{{ include "switchboard.rule" (dict "direction" "to" "peers" $policy.apiServer.to "ports" $ports) }}
{{- end -}}

{{/* Pods of a component of this release, as peers: dict root, component. */}}
{{- define "switchboard.componentPeer" -}}
- podSelector:
    matchLabels:
      {{- include "switchboard.selector" . | nindent 6 }}
{{- end -}}
