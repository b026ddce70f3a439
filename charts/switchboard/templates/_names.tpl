{{/* What everything is called. RELEASE of the documents; cut so that the longest name that is made of it fits. */}}
{{- define "switchboard.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "switchboard" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-switchboard" (.Release.Name | trunc 28 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{/* Of what is not in a namespace: no two releases of a cluster share it, since no name has a colon. */}}
{{- define "switchboard.clusterName" -}}
switchboard:{{ .Release.Namespace }}:{{ include "switchboard.fullname" . }}
{{- end -}}

{{/* The labels by which a component's pods are selected: dict root, component. */}}
{{- define "switchboard.selector" -}}
app.kubernetes.io/name: switchboard
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/*
Namespace, labels and annotations of an object: dict root, name, component, and labels and annotations of its own.
No label says the chart's version or its tool: what is rendered changes when it means another thing.
*/}}
{{- define "switchboard.metadata" -}}
{{- $labels := dict -}}
{{- $labels = merge $labels (.labels | default dict) .root.Values.commonLabels -}}
{{- $_ := unset $labels "app.kubernetes.io/name" -}}
{{- $_ := unset $labels "app.kubernetes.io/instance" -}}
{{- $_ := unset $labels "app.kubernetes.io/component" -}}
{{- $annotations := merge dict (.annotations | default dict) .root.Values.commonAnnotations -}}
name: {{ .name }}
{{- if not .cluster }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "switchboard.selector" . | nindent 2 }}
  {{- with $labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image: dict root, image. */}}
{{- define "switchboard.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ if .image.runtimes }}-runtimes{{ end }}
{{- end -}}
{{- end -}}

{{/* The namespaces that are watched, as JSON; an object of a list, since a template gives text. */}}
{{- define "switchboard.watched" -}}
{{- dict "namespaces" (.Values.watch.namespaces | default (list .Release.Namespace)) | toJson -}}
{{- end -}}

{{/* By what scheme the Service is called; also the name of its port. */}}
{{- define "switchboard.scheme" -}}
{{ .Values.gateway.tls.existingSecret | empty | ternary "http" "https" }}
{{- end -}}

{{- define "switchboard.port" -}}
{{ .Values.gateway.tls.existingSecret | empty | ternary 80 443 }}
{{- end -}}

{{/* By what a ServiceMonitor finds the Service with the metrics. Argo CD may write another instance on the Service. */}}
{{- define "switchboard.metricsLabel" -}}
switchboard.dev/metrics-of: {{ include "switchboard.fullname" . }}
{{- end -}}
