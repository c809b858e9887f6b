#!/usr/bin/env bash
# What every CNI, kube-proxy, the kubelet and others leave is planted on a host beside what is not a cluster's (tests/plants): slipway finds
# each thing, under its owner's name, takes it away, and everything else is as it was. What the lab's
# kernel lacks is in 34-planted-vm.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

node=${lane_nodes[0]}
# shellcheck source=planted.sh
source tests/scenarios/planted.sh

record() { on "$node" sh -s <"$plants/record.sh"; }

# Plants, finds, resets and compares: round BACK_END OWNER...
round() {
    local tables=$1
    shift
    say "$*, rules in iptables-$tables"
    planting "$@" | on "$node" env "tables=$tables" bpf=/root/bpf sh -s >"$work/planted"
    expect 42 "$slipway" leftovers "$node" -c "$cluster" --output json >/dev/null
    listing >"$work/listed"
    all_are_listed "$work/planted" "$work/listed" || fail "not all that is planted is found"
    expect 0 "$slipway" reset "$node" --yes -c "$cluster" >/dev/null
    record >"$work/after"
    diff -U 1 "$work/before" "$work/after" || fail "something stayed, or something that is not a cluster's was touched"
}

say "a bare host with what is not a cluster's"
debian_hosts "$node"
scripts/lab rebuild "$node" >/dev/null
cluster_of "$node"
gcc -O2 -static -o "$work/bpf" "$plants/bpf.c"
on "$node" 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nftables ipset bpftool >/dev/null 2>&1'
on "$node" 'cat >/root/bpf && chmod 755 /root/bpf' <"$work/bpf"
planting strangers | on "$node" env bpf=/root/bpf sh -s
record >"$work/before"
expect 42 "$slipway" leftovers "$node" -c "$cluster" --output json >/dev/null
# What is below the kubelet's directory is taken out of it, whoever put it there; nothing else is.
[ "$(listing | awk -F '\t' '$4 != "stays" { print $3 }' | sort | tr '\n' ' ')" = '/var/lib/kubelet /var/lib/kubelet/office-mount ' ] || fail "more than the kubelet's directory is said to go: $(listing)"

round nft kubelet kube-proxy kube-vip nodelocaldns flannel cni-plugins
round legacy calico antrea
round nft cilium weave
round legacy kube-router kube-ovn
round nft canal
expect 0 "$slipway" leftovers "$node" -c "$cluster"
