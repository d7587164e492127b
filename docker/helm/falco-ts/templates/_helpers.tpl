{{- define "falco.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "falco.fullname" -}}
{{- $name := include "falco.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "falco.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "falco.selectorLabels" -}}
app.kubernetes.io/name: {{ include "falco.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "falco.labels" -}}
{{ include "falco.selectorLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "falco.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "falco.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "falco.image" -}}
{{- with .Values.image.registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "falco.certs" -}}
{{- if .Values.certs.existingSecret }}{{ .Values.certs.existingSecret }}
{{- else if and .Values.certs.server.key .Values.certs.server.crt }}{{ include "falco.fullname" . }}-certs
{{- end }}
{{- end }}

{{/* What the container may do. */}}
{{- define "falco.securityContext" -}}
{{- if .Values.containerSecurityContext }}
{{- toYaml .Values.containerSecurityContext }}
{{- else if not .Values.driver.enabled }}
{{- toYaml (dict "readOnlyRootFilesystem" true "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL"))) }}
{{- else if .Values.driver.modernEbpf.leastPrivileged }}
{{- $capabilities := dict "drop" (list "ALL") "add" (list "BPF" "PERFMON" "SYS_PTRACE" "DAC_READ_SEARCH") }}
{{- $unconfined := dict "type" "Unconfined" }}
{{- toYaml (dict "readOnlyRootFilesystem" true "allowPrivilegeEscalation" false "capabilities" $capabilities "seccompProfile" $unconfined "appArmorProfile" $unconfined) }}
{{- else }}
{{- toYaml (dict "readOnlyRootFilesystem" true "privileged" true) }}
{{- end }}
{{- end }}

{{/* falco.yaml: .Values.falco, and what other values say. */}}
{{- define "falco.config" -}}
{{- $config := deepCopy .Values.falco }}
{{- $ebpf := .Values.driver.modernEbpf }}
{{- if .Values.driver.enabled }}
{{- if not (has .Values.driver.kind (list "auto" "modern_ebpf" "modern-bpf")) }}
{{- fail (printf "driver.kind %s: falco-ts has modern_ebpf only" .Values.driver.kind) }}
{{- end }}
{{- $probe := dict "buf_size_preset" $ebpf.bufSizePreset "drop_failed_exit" $ebpf.dropFailedExit "cpus_for_each_buffer" $ebpf.cpusForEachBuffer }}
{{- $_ := set $config "engine" (dict "kind" "modern_ebpf" "modern_ebpf" $probe) }}
{{- end }}
{{- with .Values.metrics }}
{{- $_ := set $config "metrics" (dict "enabled" .enabled "interval" .interval "output_rule" .outputRule "rules_counters_enabled" .rulesCountersEnabled "resource_utilization_enabled" .resourceUtilizationEnabled "state_counters_enabled" .stateCountersEnabled "kernel_event_counters_enabled" .kernelEventCountersEnabled "convert_memory_to_mb" .convertMemoryToMB "include_empty_values" .includeEmptyValues) }}
{{- end }}
{{- if and .Values.driver.enabled .Values.collectors.enabled .Values.collectors.containerEngine.enabled }}
{{- $engine := .Values.collectors.containerEngine }}
{{- $engines := dict }}
{{- range $name := list "docker" "podman" "containerd" "cri" }}
{{- $_ := set $engines $name (get $engine.engines $name) }}
{{- end }}
{{- $init := dict "label_max_len" $engine.labelMaxLen "hooks" $engine.hooks "engines" $engines }}
{{- $_ := set $config "plugins" (append (default list $config.plugins) (dict "name" "container" "init_config" $init)) }}
{{- $_ := set $config "load_plugins" (append (default list $config.load_plugins) "container") }}
{{- end }}
{{- if .Values.falcosidekick.enabled }}
{{- $http := default dict $config.http_output }}
{{- $host := printf "%s-falcosidekick" .Release.Name }}
{{- if .Values.falcosidekick.fullfqdn }}{{ $host = printf "%s.%s.svc.cluster.local" $host (include "falco.namespace" .) }}{{ end }}
{{- $url := default (printf "http://%s:%s" $host (default "2801" (toString .Values.falcosidekick.listenPort))) $http.url }}
{{- $_ := set $config "http_output" (merge (dict "enabled" true "url" $url) $http) }}
{{- $_ := set $config "json_output" true }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "falco.probe" -}}
{{- $probe := index .root.Values.healthChecks .name }}
{{ .name }}:
  httpGet:
    path: {{ .path }}
    port: {{ .root.Values.falco.webserver.listen_port }}
    {{- if .root.Values.falco.webserver.ssl_enabled }}
    scheme: HTTPS
    {{- end }}
  {{- toYaml $probe | nindent 2 }}
{{- end }}

{{- define "falco.pod" -}}
metadata:
  labels:
    {{- include "falco.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    {{- if and .Values.metrics.enabled .Values.falco.webserver.enabled }}
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ .Values.falco.webserver.listen_port | quote }}
    prometheus.io/path: /metrics
    {{- end }}
    {{- if not .Values.falco.watch_config_files }}
    checksum/config: {{ include "falco.config" . | sha256sum }}
    checksum/rules: {{ toYaml .Values.customRules | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  {{- with .Values.podHostname }}
  hostname: {{ . }}
  {{- end }}
  serviceAccountName: {{ include "falco.serviceAccountName" . }}
  automountServiceAccountToken: false
  {{- with .Values.podPriorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.extra.initContainers }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .Chart.Name }}
      image: {{ include "falco.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - -c
        - /etc/falco-ts/config/falco.yaml
        {{- if not .Values.driver.enabled }}
        - --disable-source
        - syscall
        {{- end }}
        {{- with .Values.extra.args }}{{ toYaml . | nindent 8 }}{{ end }}
      env:
        - name: HOST_ROOT
          value: /host
        {{- $named := false }}
        {{- range .Values.extra.env }}{{ if eq .name "FALCO_HOSTNAME" }}{{ $named = true }}{{ end }}{{ end }}
        {{- if and .Values.falcoHostnameEnv (not $named) }}
        - name: FALCO_HOSTNAME
          valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
        {{- end }}
        {{- with .Values.extra.env }}{{ toYaml . | nindent 8 }}{{ end }}
      tty: {{ .Values.tty }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "falco.securityContext" . | nindent 8 }}
      {{- if .Values.falco.webserver.enabled }}
      ports:
        - { name: web, containerPort: {{ .Values.falco.webserver.listen_port }}, protocol: TCP }
      {{- include "falco.probe" (dict "root" . "name" "startupProbe" "path" .Values.falco.webserver.k8s_healthz_endpoint) | nindent 6 }}
      {{- include "falco.probe" (dict "root" . "name" "livenessProbe" "path" .Values.falco.webserver.k8s_healthz_endpoint) | nindent 6 }}
      {{- include "falco.probe" (dict "root" . "name" "readinessProbe" "path" "/readyz") | nindent 6 }}
      {{- end }}
      volumeMounts:
        - { name: config, mountPath: /etc/falco-ts/config, readOnly: true }
        - { name: state, mountPath: /var/lib/falco-ts }
        {{- if .Values.customRules }}
        - { name: rules, mountPath: /etc/falco/rules.d, readOnly: true }
        {{- end }}
        {{- if include "falco.certs" . }}
        - { name: certs, mountPath: /etc/falco/certs, readOnly: true }
        {{- end }}
        {{- if .Values.driver.enabled }}
        - { name: proc, mountPath: /host/proc, readOnly: true }
        - { name: etc, mountPath: /host/etc, readOnly: true }
        - { name: run, mountPath: /host/run, readOnly: true }
        - { name: sys-kernel, mountPath: {{ .Values.driver.sysfsMountPath }}, readOnly: true }
        {{- end }}
        {{- with .Values.mounts.volumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - { name: config, configMap: { name: {{ include "falco.fullname" . }} } }
    {{- if .Values.persistence.enabled }}
    - { name: state, hostPath: { path: {{ .Values.persistence.hostPath }}, type: DirectoryOrCreate } }
    {{- else }}
    - { name: state, emptyDir: {} }
    {{- end }}
    {{- if .Values.customRules }}
    - { name: rules, configMap: { name: {{ include "falco.fullname" . }}-rules } }
    {{- end }}
    {{- with include "falco.certs" . }}
    - { name: certs, secret: { secretName: {{ . }} } }
    {{- end }}
    {{- if .Values.driver.enabled }}
    - { name: proc, hostPath: { path: /proc } }
    - { name: etc, hostPath: { path: /etc } }
    - { name: run, hostPath: { path: /run } }
    - { name: sys-kernel, hostPath: { path: {{ .Values.driver.sysfsMountPath }} } }
    {{- end }}
    {{- with .Values.mounts.volumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{- define "falco.metadata" -}}
name: {{ .name }}
namespace: {{ include "falco.namespace" .root }}
labels:
  {{- include "falco.labels" .root | nindent 2 }}
{{- end }}
