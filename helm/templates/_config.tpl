{{/* What is read from the connector's configuration, and the mistakes that only the chart can see. */}}

{{/* The configuration file, as YAML. */}}
{{- define "connector.config" -}}
{{- if not .Values.config -}}
{{- fail "config: is empty. It takes the connector's configuration, such as `connector example` prints: helm install crm ./helm --values crm.yaml, with `config:` at the top of crm.yaml" -}}
{{- end -}}
{{- $config := deepCopy .Values.config -}}
{{- $http := $config.http | default dict -}}
{{- if or (not $http.host) (regexMatch "^(127\\..*|localhost|::1)$" (toString $http.host)) -}}
{{- $http = merge (dict "host" "0.0.0.0") $http -}}
{{- end -}}
{{- toYaml (set $config "http" $http) -}}
{{- end -}}

{{/* Changes whenever what the process reads at its start does. */}}
{{- define "connector.checksum" -}}
{{- list (include "connector.config" .) .Values.schemas | toJson | sha256sum -}}
{{- end -}}

{{- define "connector.port" -}}
{{- $port := dig "http" "port" 8080 .Values.config | int -}}
{{- if not $port }}{{ fail "config.http.port: 0 takes any free port, which no probe could find; give one, such as 8080" }}{{ end -}}
{{- $port -}}
{{- end -}}

{{- define "connector.sinks" -}}
{{- $sinks := keys (.Values.config.sinks | default dict) | sortAlpha -}}
{{- if not $sinks }}{{ fail "config.sinks: is empty; the connector needs a vendor account to deliver to" }}{{ end -}}
{{- toJson $sinks -}}
{{- end -}}

{{/* Seconds of a duration: 500ms, 20s, 5m, 1h. Takes (dict "path" WHERE "value" DURATION). */}}
{{- define "connector.seconds" -}}
{{- $text := toString .value -}}
{{- if not (regexMatch "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$" $text) -}}
{{- fail (printf "%s: %q is no duration: a number with ms, s, m or h, such as 20s" .path $text) -}}
{{- end -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (index (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit) -}}
{{- end -}}

{{/* The grace that a Pod needs: the process ends within drain + 5 s. A host chart adds its own application's. */}}
{{- define "connector.terminationGracePeriodSeconds" -}}
{{- $drain := dict "path" "config.delivery.drain" "value" (dig "delivery" "drain" "20s" .Values.config) -}}
{{- add 10 (include "connector.seconds" $drain | float64 | ceil | int) -}}
{{- end -}}

{{/* The brokers as text. They may be a reference to a secret, which nobody here can read. */}}
{{- define "connector.brokers" -}}
{{- $kafka := .Values.config.kafka | default dict -}}
{{- $brokers := index $kafka "bootstrap.servers" | default (index $kafka "metadata.broker.list") -}}
{{- if kindIs "string" $brokers }}{{ $brokers }}{{ end -}}
{{- end -}}

{{/* The brokers' ports, as JSON. */}}
{{- define "connector.kafkaPorts" -}}
{{- $ports := .Values.networkPolicy.kafka.ports -}}
{{- if not $ports -}}
{{- range splitList "," (include "connector.brokers" .) -}}
{{- $port := regexFind ":[0-9]+$" (trim .) | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default "9092" | int) -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/* The vendors' ports, as JSON. */}}
{{- define "connector.vendorPorts" -}}
{{- $ports := list -}}
{{- range .Values.config.sinks -}}
{{- $url := urlParse (.base_url | default "") -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default (eq $url.scheme "http" | ternary "80" "443") | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/* Fails on what would be lost or refused later. Included once, by the ConfigMap, which every mode has. */}}
{{- define "connector.check" -}}
{{- $sinks := include "connector.sinks" . | fromJsonArray -}}
{{- range $name, $_ := .Values.perSink -}}
{{- if not (has $name $sinks) }}{{ fail (printf "perSink.%s: config.sinks has no such sink; it has %s" $name (join ", " $sinks)) }}{{ end -}}
{{- end -}}
{{- if and .Values.perSink (ne .Values.mode "deployment-per-sink") -}}
{{- fail (printf "perSink: only `mode: deployment-per-sink` gives a sink values of its own; the mode is %s" .Values.mode) -}}
{{- end -}}
{{- if and .Values.alerts.enabled (not .Values.podMonitor.enabled) -}}
{{- fail "alerts.enabled: needs podMonitor.enabled; the rules look at the metrics that it has scraped" -}}
{{- end -}}
{{- include "connector.checkReferences" . -}}
{{- $names := dict -}}
{{- range include "connector.workloads" . | fromJsonArray -}}
{{- $name := include "connector.workload" (dict "root" $ "sink" .sink) -}}
{{- if hasKey $names $name }}{{ fail (printf "config.sinks: %s and %s would both be the Deployment %s; rename one" (get $names $name) .sink $name) }}{{ end -}}
{{- $_ := set $names $name .sink -}}
{{- include "connector.checkWorkload" (dict "root" $ "workload" .) -}}
{{- end -}}
{{- end -}}

{{/* A file or variable that no Pod would have is never found by the process either. */}}
{{- define "connector.checkReferences" -}}
{{- range $name, $topic := .Values.config.topics -}}
{{- with ($topic | default dict).schema -}}
{{- if not (hasKey $.Values.schemas .) }}{{ fail (printf "config.topics.%s.schema: `schemas` has no %s; it holds the text of each JSON Schema under its path" $name .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $text := pick .Values.config "kafka" "sinks" | toJson -}}
{{- range regexFindAll "\\{\"(env|file)\":\"[^\"]*\"\\}" $text -1 -}}
{{- $reference := fromJson . -}}
{{- if and $reference.env (not (hasKey $.Values.secretEnv $reference.env)) -}}
{{- fail (printf "config: {env: %s} is named, but secretEnv does not say which Secret's key it is: {%s: {secret: NAME, key: KEY}}" $reference.env $reference.env) -}}
{{- end -}}
{{- if and $reference.file (not (hasKey $.Values.secretFiles $reference.file)) -}}
{{- fail (printf "config: {file: %s} is named, but secretFiles does not say which Secret's key it is: {%s: {secret: NAME, key: KEY}}" $reference.file $reference.file) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.mode "sidecar" -}}
{{- range include "connector.secretDirectories" . | fromJsonArray -}}
{{- if has . (list "/run/secrets" "/var/run/secrets") -}}
{{- fail (printf "secretFiles: in a sidecar no file may lie in %s itself, where Kubernetes puts the application's service-account token; use %s/connector/…" . .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "connector.checkWorkload" -}}
{{- $scale := .workload.values.autoscaling -}}
{{- $members := .workload.values.replicas | int -}}
{{- if $scale.enabled -}}
{{- $members = $scale.maxReplicas | int -}}
{{- if gt (int $scale.minReplicas) $members }}{{ fail (printf "autoscaling.minReplicas: %v is more than maxReplicas, %v" $scale.minReplicas $members) }}{{ end -}}
{{- if not (include "connector.brokers" .root) }}{{ fail "autoscaling.enabled: KEDA needs config.kafka's bootstrap.servers as text" }}{{ end -}}
{{- end -}}
{{- $sinks := .root.Values.config.sinks -}}
{{- with .workload.sink }}{{ $sinks = pick $sinks . }}{{ end -}}
{{- range $name, $sink := $sinks -}}
{{- if eq $sink.kind "sailplay" -}}
{{- $rate := $sink.rate | default "40/s" | trimSuffix "/s" | float64 -}}
{{- if gt (mulf $rate $members) 50.0 -}}
{{- fail (printf "config.sinks.%s.rate: %v/s in each of %d processes is more than the 50 requests a second that SailPlay takes; divide the rate by the replicas, or lower these" $name $rate $members) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
