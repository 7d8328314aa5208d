{{/* Names, labels and the image. Every template here takes the chart's own scope; a host chart passes .Subcharts.connector. */}}

{{- define "connector.fullname" -}}
{{- $name := .Chart.Name -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What the objects of one Deployment are called. Takes (dict "root" $ "sink" NAME); without a sink, those of all. */}}
{{- define "connector.workload" -}}
{{- $name := include "connector.fullname" .root -}}
{{- with .sink }}{{ $name = printf "%s-%s" $name (lower . | replace "_" "-" | trimAll "-") | trunc 63 | trimSuffix "-" }}{{ end -}}
{{- $name -}}
{{- end -}}

{{- define "connector.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "connector.selector" . }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A sink's name as a label's value. Takes (dict "sink" NAME). */}}
{{- define "connector.component" -}}
{{- .sink | default "all" | trunc 63 | trimAll "-_" -}}
{{- end -}}

{{/* Selects the Pods of one Deployment. Takes (dict "root" $ "sink" NAME). */}}
{{- define "connector.workloadSelector" -}}
{{ include "connector.selector" .root }}
app.kubernetes.io/component: {{ include "connector.component" . }}
{{- end -}}

{{/* For the Pods of a host chart, so that the PodMonitor finds them. */}}
{{- define "connector.sidecarLabels" -}}
connector-sidecar: {{ include "connector.fullname" . }}
{{- end -}}

{{- define "connector.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Deployments there are, as JSON: [{"sink": NAME or "", "values": its values}]. */}}
{{- define "connector.workloads" -}}
{{- $found := list -}}
{{- $common := pick .Values "replicas" "autoscaling" "resources" -}}
{{- if eq .Values.mode "deployment" -}}
{{- $found = append $found (dict "sink" "" "values" $common) -}}
{{- else if eq .Values.mode "deployment-per-sink" -}}
{{- range $sink := include "connector.sinks" . | fromJsonArray -}}
{{- $own := index $.Values.perSink $sink | default dict -}}
{{- $found = append $found (dict "sink" $sink "values" (mergeOverwrite (deepCopy $common) (deepCopy $own))) -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
