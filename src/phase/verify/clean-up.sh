no_namespace() {
    v_names=$(kube get namespaces -o name) && ! printf '%s\n' "$v_names" | grep -qx namespace/slipway-verify
}

kube delete namespace slipway-verify --ignore-not-found --wait=false
wait_for 120 'the namespace slipway-verify to go' no_namespace
