# Values: nodes (names), repository (kubeadm's image repository, or nothing), version. From its caller: sandbox_image(), which prints
# the image that this host's runtime starts each pod with.

# The image that every node has.
pause_image() {
    v_image=$(sandbox_image) || v_image=
    [ -n "$v_image" ] || v_image=$(kubeadm config images list --kubernetes-version "$version" ${repository:+--image-repository "$repository"} 2>/dev/null | grep pause)
    [ -n "$v_image" ] || die 'there is no telling which pause image this cluster uses'
    printf '%s\n' "$v_image"
}

pod_states() {
    kube -n slipway-verify get pods -o 'jsonpath={range .items[*]}{.spec.nodeName}{" "}{.status.phase}{" "}{.status.podIP}{"\n"}{end}'
}

pods_missing() {
    pod_states | awk -v wanted="$nodes" '
        $2 == "Running" && $3 != "" { good[$1] = 1 }
        END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!good[name[i]]) print name[i] }'
}

pods_run() {
    v_states=$(pod_states) && [ -n "$v_states" ] && [ -z "$(pods_missing)" ]
}

no_namespace() {
    v_names=$(kube get namespaces -o name) && ! printf '%s\n' "$v_names" | grep -qx namespace/slipway-verify
}

# What a verification that was cut has left.
if ! no_namespace; then
    kube delete namespace slipway-verify --ignore-not-found --wait=false
    (wait_for 120 'the namespace slipway-verify to go' no_namespace) ||
        die "the namespace of an earlier verification stays: $(kube get namespace slipway-verify -o 'jsonpath={.status.conditions[?(@.status=="True")].message}')"
fi
image=$(pause_image)
# From here on there is something to clean up, whatever becomes of this run.
rm -f "$STATE/verified/clean-up"
cat >"$RUN/verify.yaml" <<MANIFEST
apiVersion: v1
kind: Namespace
metadata: { name: slipway-verify }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: read-pods, namespace: slipway-verify }
rules:
  - { apiGroups: [""], resources: [pods], verbs: [get, list] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: read-pods, namespace: slipway-verify }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: read-pods }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:nodes" }]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: sleeper, namespace: slipway-verify }
spec:
  selector: { matchLabels: { app: sleeper } }
  template:
    metadata: { labels: { app: sleeper } }
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 0
      tolerations: [{ operator: Exists }]
      containers:
        - name: sleeper
          image: "$image"
          imagePullPolicy: IfNotPresent
          securityContext: { allowPrivilegeEscalation: false, runAsUser: 65534, runAsNonRoot: true }
MANIFEST
kube apply -f "$RUN/verify.yaml"
rm -f "$RUN/verify.yaml"
(wait_for 180 'a pod on every node' pods_run) || {
    kube -n slipway-verify get pods -o wide || :
    kube -n slipway-verify get events --field-selector type=Warning 2>/dev/null | tail -n 10
    die "no pod runs on: $(pods_missing | tr '\n' ' ')"
}
