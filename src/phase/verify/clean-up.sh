no_namespace() {
    v_names=$(kube get namespaces -o name) && ! printf '%s\n' "$v_names" | grep -qx namespace/slipway-verify
}

no_pods() {
    v_pods=$(kube -n slipway-verify get pods -o name) && [ -z "$v_pods" ]
}

# The pods first: a namespace that goes with pods in it looks only every few seconds whether they have gone.
kube -n slipway-verify delete daemonset sleeper --ignore-not-found --wait=false
(wait_for 30 'the pods of the verification to go' no_pods) || :
kube delete namespace slipway-verify --ignore-not-found --wait=false
wait_for 120 'the namespace slipway-verify to go' no_namespace
