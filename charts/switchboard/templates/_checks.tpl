{{/* Values that each may be as they are, and cannot be so together: said before anything is made. */}}
{{- define "switchboard.checks" -}}
{{- if and .Values.watch.allNamespaces .Values.watch.namespaces -}}
{{- fail "watch.allNamespaces and watch.namespaces say two things: keep the list, or allNamespaces: true, which lets the operator read every Secret of the cluster" -}}
{{- end -}}
{{- if and .Values.gateway.image.digest .Values.gateway.image.runtimes -}}
{{- fail "gateway.image.runtimes chooses a tag, and gateway.image.digest wins over every tag: give the digest of the image that you want, and leave runtimes false" -}}
{{- end -}}
{{- with .Values.gateway.drain -}}
{{- /* The gateway takes requests for 5 s, answers what it has begun for 30, then ends its ports and children. */}}
{{- $needed := add .preStopSeconds 50 -}}
{{- if lt (int .gracePeriodSeconds) (int $needed) -}}
{{- fail (printf "gateway.drain.gracePeriodSeconds is %d, and calls under way would be cut off: give it %d, which is preStopSeconds and 50 more" (int .gracePeriodSeconds) (int $needed)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.gateway.autoscaling -}}
{{- if .enabled -}}
{{- if lt (int .maxReplicas) (int .minReplicas) -}}
{{- fail (printf "gateway.autoscaling.maxReplicas (%d) is below minReplicas (%d)" (int .maxReplicas) (int .minReplicas)) -}}
{{- end -}}
{{- if not (or .targetCPUUtilizationPercentage .metrics) -}}
{{- fail "gateway.autoscaling has nothing to scale by: set targetCPUUtilizationPercentage or metrics" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.gateway.ingress.enabled (not .Values.gateway.ingress.hosts) -}}
{{- fail "gateway.ingress is enabled and names no host: set gateway.ingress.hosts" -}}
{{- end -}}
{{- if and .Values.gateway.httpRoute.enabled (not .Values.gateway.httpRoute.parentRefs) -}}
{{- fail "gateway.httpRoute is enabled and belongs to no Gateway: set gateway.httpRoute.parentRefs" -}}
{{- end -}}
{{- with .Values.monitoring -}}
{{- if and .serviceMonitor.enabled .podMonitor.enabled -}}
{{- fail "monitoring.serviceMonitor and monitoring.podMonitor are both enabled: everything would be counted twice. Keep one" -}}
{{- end -}}
{{- if and (or .serviceMonitor.enabled .podMonitor.enabled) $.Values.networkPolicy.enabled (not $.Values.networkPolicy.monitoring) -}}
{{- fail "metrics are to be read, and networkPolicy.monitoring lets nobody read them: name Prometheus' namespace there" -}}
{{- end -}}
{{- end -}}
{{- end -}}
