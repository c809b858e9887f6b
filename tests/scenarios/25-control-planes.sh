#!/usr/bin/env bash
# Three control planes behind a name: up, one of them reset and built again, then the first one too, which joins what it once began.
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

# The name of the API server leads to this node, as its owner's DNS would have it: endpoint_is NODE
endpoint_is() {
    local node address
    address=$(on "$1" hostname -I | cut -d ' ' -f 1)
    for node in node1 node2 node3; do
        on "$node" sh -s <<<"sed -i '/ api\\.lab\$/d' /etc/hosts; echo '$address api.lab' >>/etc/hosts"
    done
}

# Etcd has these members, all of them started, says the one on a node: members NODE NAME...
members() {
    local speaker=$1 found
    shift
    found=$(on "$speaker" sh -s <<'END'
etcd=$(ctr -n k8s.io containers ls -q 'labels."io.kubernetes.container.name"==etcd' | while read -r id; do
    ctr -n k8s.io tasks ls -q | grep -Fx "$id"
done | head -n 1)
ctr -n k8s.io tasks exec --exec-id scenario-$$ "$etcd" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
    --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key member list |
    awk -F ', ' '$2 == "started" { print $3 }' | sort | paste -sd ' '
END
)
    [ "$found" = "$*" ] || fail "etcd's members are '$found' instead of '$*'"
}

bare_hosts
sed -e 's/^pod_cidr.*/&\nendpoint    = "api.lab:6443"/' -e 's/"worker"/"control-plane"/' "$cluster" >"$work/cluster.toml"
cluster=$work/cluster.toml
endpoint_is node1
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 3
members node1 node1 node2 node3
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'

say "a control plane goes and comes back"
expect 0 "$slipway" reset node2 --yes -c "$cluster"
nodes_are_ready 2
members node1 node1 node3
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 3
members node1 node1 node2 node3

say "the first one goes and comes back"
endpoint_is node3
expect 0 "$slipway" reset node1 --yes -c "$cluster"
members node3 node2 node3
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 3
members node3 node1 node2 node3
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
expect 0 "$slipway" reset --yes --purge -c "$cluster"
