{{/* What the daemon's pod and the trainer's have in common. */}}

{{- define "reconwatch.podSecurity" -}}
automountServiceAccountToken: false
serviceAccountName: {{ include "reconwatch.name" . }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "reconwatch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "reconwatch.environment" -}}
- name: RECONWATCH__SERVER__TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .Values.existingSecret }}, key: {{ .Values.tokenKey }}}
{{- range $variable, $key := .Values.secretKeys }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.existingSecret }}, key: {{ $key }}}
{{- end }}
{{- end }}

{{- define "reconwatch.mounts" -}}
- {name: config, mountPath: /etc/reconwatch, readOnly: true}
- {name: state, mountPath: /var/lib/reconwatch}
- {name: tmp, mountPath: /tmp}
{{- range .Values.secretFolders }}
- {name: {{ .name }}, mountPath: {{ .path }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "reconwatch.volumes" -}}
- name: config
  configMap: {name: {{ include "reconwatch.name" . }}}
- name: state
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- range .Values.secretFolders }}
- name: {{ .name }}
  secret: {secretName: {{ .name }}, defaultMode: 0440}
{{- end }}
{{- end }}
