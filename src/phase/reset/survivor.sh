# On a control plane that stays. Values: node, which goes; member, which is set when it was a control plane; peers, the addresses by
# which etcd would know it.

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

# Runs a program in the etcd container here, whichever runtime that is in. etcd's images have no shell. It has half a minute, or $r_limit.
in_etcd() {
    r_running=$(timeout 20 ctr -n k8s.io tasks ls 2>/dev/null | awk '$3 == "RUNNING" { print $1 }')
    r_label='labels."io.kubernetes.container.name"==etcd,labels."io.kubernetes.pod.namespace"==kube-system'
    r_etcd=$(timeout 20 ctr -n k8s.io containers ls -q "$r_label" 2>/dev/null | grep -Fx "$r_running" | head -n 1)
    if [ -n "$r_running" ] && [ -n "$r_etcd" ]; then
        timeout "${r_limit:-30}" ctr -n k8s.io tasks exec --exec-id "slipway-$$-$2-$3-$(date +%s)" "$r_etcd" "$@"
        return
    fi
    r_label='label=io.kubernetes.container.name=etcd'
    r_etcd=$(timeout 20 docker ps -q --filter "$r_label" --filter label=io.kubernetes.pod.namespace=kube-system 2>/dev/null | head -n 1)
    if [ -n "$r_etcd" ]; then
        timeout "${r_limit:-30}" docker exec "$r_etcd" "$@"
        return
    fi
    r_etcd=$(timeout 20 crictl ps -q --name '^etcd$' --state Running 2>/dev/null | head -n 1)
    [ -n "$r_etcd" ] || {
        echo 'etcd does not run on this host' >&2
        return 1
    }
    timeout "${r_limit:-30}" crictl exec "$r_etcd" "$@"
}

# As the kubelet's probe of etcd speaks to it: own_etcdctl member list …
own_etcdctl() {
    r_url=$(sed -n 's/.*--listen-client-urls=\([^,]*\).*/\1/p' /etc/kubernetes/manifests/etcd.yaml | head -n 1)
    in_etcd etcdctl "$@" --endpoints="$r_url" --cacert=/etc/kubernetes/pki/etcd/ca.crt \
        --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key
}

# Prints the ids of the node's etcd members: the one of its name, and any that was announced from its address and has never started,
# which has no name. 0 also when there is none; 1 when etcd can not be asked. Etcd elsewhere is not ours.
member_id() {
    [ -n "$member" ] && [ -f /etc/kubernetes/manifests/etcd.yaml ] || return 0
    r_members=$(own_etcdctl member list -w simple) || return 1
    printf '%s\n' "$r_members" | awk -F ', ' -v node="$node" -v peers="$peers" '
        BEGIN { count = split(peers, peer, " ") }
        $3 == node { print $1 }
        $3 == "" { for (i = 1; i <= count; i++) if (index($4, "//" peer[i] ":") || index($4, "//[" peer[i] "]:")) { print $1; next } }'
}

has_left_etcd() {
    r_id=$(member_id 2>/dev/null) && [ -z "$r_id" ]
}

# Etcd refuses for some seconds after another member has come or gone. Without a quorum it refuses for good, and says so only by being slow.
leave_etcd() {
    r_until=$(($(date +%s) + 15))
    until try_to_leave_etcd 2>"$RUN/etcdctl"; do
        if [ "$(date +%s)" -lt "$r_until" ]; then
            sleep 1
            continue
        fi
        r_why=$(tail -n 1 "$RUN/etcdctl")
        rm -f "$RUN/etcdctl"
        case $r_why in
            *'executable file not found'*) r_why='the image of etcd on this host has no etcdctl' ;;
            *'request timed out'* | *'deadline exceeded'* | *'no leader'*) r_why="etcd has no quorum ($r_why)" ;;
        esac
        if [ -z "$r_id" ]; then die "nobody knows whether $node is still a member of etcd: $r_why"; fi
        die "$node is still a member of etcd, $r_id: $r_why"
    done
    rm -f "$RUN/etcdctl"
}

try_to_leave_etcd() {
    r_id=
    r_id=$(member_id) || return 1
    for r_each in $r_id; do
        own_etcdctl member remove "$r_each" || return 1
    done
}

is_forgotten() {
    node_is_known
    [ $? = 1 ] && has_left_etcd
}
