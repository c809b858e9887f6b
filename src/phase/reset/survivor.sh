# On a control plane that stays. Values: node, which goes; member, which is set when it was a control plane.

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

# etcdctl in the etcd container here, as the kubelet's probe of etcd speaks to it. etcd's images have no shell.
own_etcdctl() {
    r_label='labels."io.kubernetes.container.name"==etcd,labels."io.kubernetes.pod.namespace"==kube-system'
    r_running=$(timeout 20 ctr -n k8s.io tasks ls | awk '$3 == "RUNNING" { print $1 }') || return 1
    r_etcd=$(timeout 20 ctr -n k8s.io containers ls -q "$r_label" | grep -Fx "$r_running" | head -n 1)
    [ -n "$r_etcd" ] || {
        echo 'etcd does not run on this host' >&2
        return 1
    }
    r_url=$(sed -n 's/.*--listen-client-urls=\([^,]*\).*/\1/p' /etc/kubernetes/manifests/etcd.yaml | head -n 1)
    timeout 30 ctr -n k8s.io tasks exec --exec-id "slipway-$$-$1-$2" "$r_etcd" etcdctl --endpoints="$r_url" \
        --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt \
        --key=/etc/kubernetes/pki/etcd/healthcheck-client.key "$@"
}

# Prints the id of the node's etcd member. 0 also when there is none; 1 when etcd can not be asked. Etcd elsewhere is not ours.
member_id() {
    [ -n "$member" ] && [ -f /etc/kubernetes/manifests/etcd.yaml ] || return 0
    r_members=$(own_etcdctl member list -w simple) || return 1
    printf '%s\n' "$r_members" | awk -F ', ' -v node="$node" '$3 == node { print $1 }'
}

is_forgotten() {
    node_is_known
    [ $? = 1 ] && r_id=$(member_id 2>/dev/null) && [ -z "$r_id" ]
}
