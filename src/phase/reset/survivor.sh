# On a control plane that stays. Values: node, which goes; member, which is set when it was a control plane.

# Through this host's own API server: the cluster's endpoint may be on the host that goes.
own_kube() {
    # It asks five times what an API server that answers nobody can do.
    timeout -k 2 25 kubectl --kubeconfig /etc/kubernetes/admin.conf --server="$(own_server)" --cache-dir="$RUN/kube" --request-timeout=20s "$@"
}

own_server() {
    r_address=$(sed -n 's/.*--advertise-address=//p' /etc/kubernetes/manifests/kube-apiserver.yaml 2>/dev/null | head -n 1)
    case $r_address in *:*) r_address="[$r_address]" ;; esac
    echo "https://${r_address:-127.0.0.1}:6443"
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

# Runs a program in the etcd container here, whichever runtime that is in. etcd's images have no shell.
in_etcd() {
    r_running=$(timeout 20 ctr -n k8s.io tasks ls 2>/dev/null | awk '$3 == "RUNNING" { print $1 }')
    r_label='labels."io.kubernetes.container.name"==etcd,labels."io.kubernetes.pod.namespace"==kube-system'
    r_etcd=$(timeout 20 ctr -n k8s.io containers ls -q "$r_label" 2>/dev/null | grep -Fx "$r_running" | head -n 1)
    if [ -n "$r_running" ] && [ -n "$r_etcd" ]; then
        timeout 30 ctr -n k8s.io tasks exec --exec-id "slipway-$$-$2-$3" "$r_etcd" "$@"
        return
    fi
    r_label='label=io.kubernetes.container.name=etcd'
    r_etcd=$(timeout 20 docker ps -q --filter "$r_label" --filter label=io.kubernetes.pod.namespace=kube-system 2>/dev/null | head -n 1)
    if [ -n "$r_etcd" ]; then
        timeout 30 docker exec "$r_etcd" "$@"
        return
    fi
    r_etcd=$(timeout 20 crictl ps -q --name '^etcd$' --state Running 2>/dev/null | head -n 1)
    [ -n "$r_etcd" ] || {
        echo 'etcd does not run on this host' >&2
        return 1
    }
    timeout 30 crictl exec "$r_etcd" "$@"
}

# As the kubelet's probe of etcd speaks to it: own_etcdctl member list …
own_etcdctl() {
    r_url=$(sed -n 's/.*--listen-client-urls=\([^,]*\).*/\1/p' /etc/kubernetes/manifests/etcd.yaml | head -n 1)
    in_etcd etcdctl "$@" --endpoints="$r_url" --cacert=/etc/kubernetes/pki/etcd/ca.crt \
        --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key
}

# Prints the id of the node's etcd member. 0 also when there is none; 1 when etcd can not be asked. Etcd elsewhere is not ours.
member_id() {
    [ -n "$member" ] && [ -f /etc/kubernetes/manifests/etcd.yaml ] || return 0
    r_members=$(own_etcdctl member list -w simple) || return 1
    printf '%s\n' "$r_members" | awk -F ', ' -v node="$node" '$3 == node { print $1 }'
}

has_left_etcd() {
    r_id=$(member_id 2>/dev/null) && [ -z "$r_id" ]
}

leave_etcd() {
    if ! r_id=$(member_id 2>"$RUN/etcdctl"); then
        cat "$RUN/etcdctl" >&2
        ! grep -q 'executable file not found' "$RUN/etcdctl" || say "the image of etcd on this host has no etcdctl"
        rm -f "$RUN/etcdctl"
        die "nobody knows whether $node is still a member of etcd"
    fi
    rm -f "$RUN/etcdctl"
    [ -z "$r_id" ] || own_etcdctl member remove "$r_id" || die "$node is still a member of etcd: $r_id"
}

is_forgotten() {
    node_is_known
    [ $? = 1 ] && has_left_etcd
}
