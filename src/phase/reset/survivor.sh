# On a control plane that stays. Value: node, which goes.

# Through this host's own API server: the cluster's endpoint may be on the host that goes.
own_kube() {
    r_address=$(sed -n 's/.*--advertise-address=//p' /etc/kubernetes/manifests/kube-apiserver.yaml | head -n 1)
    case $r_address in *:*) r_address="[$r_address]" ;; esac
    kubectl --kubeconfig /etc/kubernetes/admin.conf ${r_address:+--server="https://$r_address:6443"} \
        --cache-dir="$RUN/kube" --request-timeout=20s "$@"
}

# node_is_known: 0 yes, 1 no, 2 the API does not answer
node_is_known() {
    r_names=$(own_kube get nodes -o name 2>/dev/null) || return 2
    printf '%s\n' "$r_names" | grep -Fxq "node/$node"
}

is_drained() {
    node_is_known
    [ $? = 0 ] || return 0
    [ "$(own_kube get node "$node" -o 'jsonpath={.metadata.annotations.slipway-drained}')" = true ]
}
