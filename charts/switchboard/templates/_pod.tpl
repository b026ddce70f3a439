{{/* Labels and annotations of a component's pods: dict root, component, values. */}}
{{- define "switchboard.podMetadata" -}}
{{- $own := include "switchboard.selector" . | fromYaml -}}
labels:
  {{- toYaml (merge $own .values.podLabels) | nindent 2 }}
annotations:
  {{- toYaml (merge (dict "kubectl.kubernetes.io/default-container" .component) .values.podAnnotations) | nindent 2 }}
{{- end -}}

{{/* What every pod has, by which account it runs, where it may run: dict root, component, values. */}}
{{- define "switchboard.podSpec" -}}
serviceAccountName: {{ include "switchboard.fullname" .root }}-{{ .component }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "switchboard.podSecurity" . | nindent 0 }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- /* Of one revision only: pods of the old one are about to go. */}}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "switchboard.selector" . | fromYaml)) "matchLabelKeys" (list "pod-template-hash") }}
{{- $constraints := list }}
{{- range .values.topologySpreadConstraints }}
{{- $constraints = append $constraints (.labelSelector | empty | ternary (merge dict . $own) .) }}
{{- end }}
{{- with $constraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Pod Security `restricted`, whole. The group is that of what is mounted from Secrets. */}}
{{- define "switchboard.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "switchboard.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- define "switchboard.ownNamespace" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end -}}
