{{/*
The container and its volumes, the same in a Deployment and in an application's Pod. Every secret is optional: a sink whose
secret is not there is held, and says so; the other sinks, and a host's application, work.
*/}}

{{/* Restricted, and all of it on the container: a host's Pod has its own settings. */}}
{{- define "connector.securityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "connector.env" -}}
{{- range $name, $from := .Values.secretEnv }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $from.secret | quote }}, key: {{ $from.key | quote }}, optional: true}}
{{- end }}
{{- end -}}

{{/* The directories of the secrets' files, as JSON. */}}
{{- define "connector.secretDirectories" -}}
{{- $found := list -}}
{{- range $path, $_ := .Values.secretFiles }}{{ $found = append $found (dir $path) }}{{ end -}}
{{- $found | uniq | toJson -}}
{{- end -}}

{{/* Whole directories, no subPath: that is what lets a changed Secret arrive in a running container. */}}
{{- define "connector.volumeMounts" -}}
- {name: connector-config, mountPath: /etc/connector, readOnly: true}
{{- range $place, $directory := include "connector.secretDirectories" . | fromJsonArray }}
- {name: connector-secrets-{{ $place }}, mountPath: {{ $directory | quote }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "connector.volumes" -}}
- name: connector-config
  configMap:
    name: {{ include "connector.fullname" . }}
    items:
      - {key: connector.yaml, path: connector.yaml}
      {{- range $path, $_ := .Values.schemas }}
      - {key: {{ replace "/" "__" $path | quote }}, path: {{ $path | quote }}}
      {{- end }}
{{- range $place, $directory := include "connector.secretDirectories" . | fromJsonArray }}
- name: connector-secrets-{{ $place }}
  projected:
    sources:
      {{- range $path, $from := $.Values.secretFiles }}
      {{- if eq (dir $path) $directory }}
      - secret:
          name: {{ $from.secret | quote }}
          optional: true
          items: [{key: {{ $from.key | quote }}, path: {{ base $path | quote }}}]
      {{- end }}
      {{- end }}
{{- end }}
{{- end -}}

{{/* Takes (dict "root" $ "args" LIST "resources" MAP). */}}
{{- define "connector.container" -}}
name: connector
image: {{ include "connector.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: {{ toJson .args }}
{{- with include "connector.env" .root | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "connector.securityContext" .root | nindent 2 }}
resources:
  {{- toYaml .resources | nindent 2 }}
volumeMounts:
  {{- include "connector.volumeMounts" .root | nindent 2 }}
{{- end -}}

{{- define "connector.served" -}}
ports:
  - {name: connector, containerPort: {{ include "connector.port" . }}}
livenessProbe:
  httpGet: {path: /healthz, port: connector}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{/*
One entry for an application's initContainers: a native sidecar, started before the application and stopped after it.
No readiness probe: a Kafka outage must not take the application out of its Services. No startup probe: an application
would not start beside a connector that cannot.
*/}}
{{- define "connector.sidecar" -}}
- {{ include "connector.container" (dict "root" . "args" (list "run" "--config" "/etc/connector/connector.yaml") "resources" .Values.resources) | nindent 2 | trim }}
  restartPolicy: Always
  {{- include "connector.served" . | nindent 2 }}
{{- end -}}

{{/* For the Pods of a host chart: rolls them when the configuration changes. */}}
{{- define "connector.sidecarAnnotations" -}}
checksum/connector: {{ include "connector.checksum" . }}
{{- end -}}
