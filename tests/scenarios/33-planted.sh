#!/usr/bin/env bash
# What every CNI, kube-proxy, the kubelet and others leave is planted on a host beside what is not a cluster's (tests/plants): slipway finds
# each thing, under its owner's name, takes it away, and everything else is as it was. What the lab's kernel lacks is planted in a VM.
# NODE is the host to use.
# lane: 3
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

node=${NODE:-${lane_nodes[0]}}
plants=tests/plants

# A program that plants for these owners: planting OWNER...
planting() {
    local name
    echo 'set -e'
    for name; do printf '(\n'; cat "$plants/lib.sh" "$plants/$name.sh"; printf '\n) </dev/null\n'; done
}

# Each planted thing is in the listing, of its kind, under its owner's name, by all of its words; both are KIND, OWNER and WHAT with tabs
# between: all_are_listed PLANTED LISTING
all_are_listed() {
    awk -F '\t' '
        NR == FNR { what[$1, $2, ++count[$1, $2]] = " " $3 " "; kinds[$1, ++of[$1]] = $2 "\t" $3; next }
        {
            words = split($3, word, " "); listed = 0
            for (i = 1; i <= count[$1, $2] && !listed; i++) {
                listed = 1
                for (w = 1; w <= words && listed; w++) if (!index(what[$1, $2, i], " " word[w] " ")) listed = 0
            }
            if (!listed) { print "not listed: " $0; missing++ }
        }
        END { print FNR - missing " of " FNR " planted things are listed under their owners'"'"' names"; exit missing > 0 }' "$2" "$1"
}

# The listing of `slipway leftovers` in the output of the last `expect`.
listing() { jq -r 'select(.event == "leftovers") | .hosts[].leftovers[] | "\(.kind)\t\(.owner)\t\(.what)\t\(.fate)"' "$work/out"; }

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

say "in a virtual machine: IPVS, dummies, ipip, geneve and wireguard"
mkdir -p "$work/vm"
cp "$slipway" "$work/vm/slipway"
cp "$plants/record.sh" "$work/vm/"
cp "$plants/vm-rounds.sh" "$work/vm/run"
planting vm-strangers >"$work/vm/strangers"
planting vm-kernel >"$work/vm/plants"
scripts/vm run "$work/vm" || fail "the reset in the virtual machine"
cp "$work/vm/out/found" "$work/out"
listing >"$work/listed"
all_are_listed "$work/vm/out/planted" "$work/listed" || fail "not all that is planted in the virtual machine is found"
diff -U 1 "$work/vm/out/before" "$work/vm/out/after" || fail "something stayed in the virtual machine, or something that is not a cluster's was touched"
