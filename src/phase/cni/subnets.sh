wait_for 180 'a pod subnet for every node' table_is_whole
table=$(table_now)
mkdir -p "$STATE/cni"
{
    cat <<'MANIFEST'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: slipway-pod-routes, namespace: kube-system }
rules:
  - { apiGroups: [""], resources: [configmaps], resourceNames: [slipway-pod-routes], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: slipway-pod-routes, namespace: kube-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: slipway-pod-routes }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:nodes" }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: slipway-pod-routes, namespace: kube-system }
data:
  routes: |-
MANIFEST
    printf '%s\n' "$table" | sed 's/^/    /'
} >"$RUN/pod-routes.yaml"
kube apply -f "$RUN/pod-routes.yaml"
rm -f "$RUN/pod-routes.yaml"
printf '%s\n' "$table" >"$STATE/cni/routes"
