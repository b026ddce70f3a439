{{/* ConfigMaps of the snapshot: the pointer and its slots. */}}
{{- define "switchboard.snapshotNames" -}}
{{- $release := include "switchboard.fullname" . -}}
- {{ $release }}-snapshot
{{- range $slot := until 32 }}
- {{ $release }}-snapshot-{{ printf "%02d" $slot }}
{{- end }}
{{- end -}}

{{/* Secrets that operator and gateway share: the fleet's keys and the servers' credentials. */}}
{{- define "switchboard.secretNames" -}}
{{- $release := include "switchboard.fullname" . -}}
- {{ $release }}-keys
{{- range $slot := until 16 }}
- {{ $release }}-credentials-{{ printf "%02d" $slot }}
{{- end }}
{{- end -}}

{{/* What the operator may in each namespace that it watches. */}}
{{- define "switchboard.watchRules" -}}
- apiGroups: [switchboard.dev]
  resources: [mcpservers, mcpaccessgroups, mcpkeybindings]
  verbs: [get, list, watch]
- apiGroups: [switchboard.dev]
  resources: [mcpservers/status, mcpaccessgroups/status, mcpkeybindings/status]
  verbs: [patch]
# It reads those that carry switchboard.dev/use: credential; a role cannot say so.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
# Which release serves the namespace (R43).
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [switchboard]
  verbs: [get, update]
# A role cannot name what is yet to be made.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
