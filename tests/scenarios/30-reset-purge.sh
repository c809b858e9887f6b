#!/usr/bin/env bash
# Everything is taken down, install included, and a cluster comes up again on the same hosts,
# phase by phase.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

cluster_is_up
expect 2 "$slipway" reset -c "$cluster"
shows '\-\-yes'
nodes_are_ready 3
expect 0 "$slipway" reset --yes --purge -c "$cluster"
for node in "${lane_nodes[@]}"; do
    left=$(on "$node" sh -s <<'END'
for path in /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/slipway /etc/cni/net.d /etc/crictl.yaml /etc/sysctl.d/99-slipway.conf \
    /etc/apt/sources.list.d/kubernetes.list /etc/apt/keyrings/kubernetes.asc /root/.kube/config; do
    [ ! -e "$path" ] || echo "$path"
done
dpkg-query -W -f '${Package} ${db:Status-Status}\n' kubeadm kubelet kubectl containerd 2>/dev/null | grep ' installed' || :
apt-mark showhold
iptables-save 2>/dev/null | grep -E 'KUBE-|CNI-|SLIPWAY' || :
ip -o link show | grep -E 'cni0|veth|flannel' || :
END
)
    # A veth of the lab itself is host0 or eth0 inside; nothing else may be there.
    [ -z "$left" ] || fail "$node still has: $left"
done
expect 0 "$slipway" reset --yes --purge -c "$cluster"
say "the phases one at a time come to the same as up"
for phase in install init join cni verify; do
    expect 0 "$slipway" "$phase" -c "$cluster"
done
nodes_are_ready 3
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
