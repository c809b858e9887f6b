#!/usr/bin/env bash
# A node is reset and built again, and the other nodes are left alone.
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

cluster_is_up
kept=$(on node3 stat -c %Y /etc/kubernetes/kubelet.conf)
expect 0 "$slipway" reset node2 --yes -c "$cluster"
nodes_are_ready 2
on node2 test ! -e /etc/kubernetes/kubelet.conf || fail "node2 still has a kubelet.conf"
expect 0 "$slipway" up -c "$cluster" --output json
nodes_are_ready 3
touched=$(jq -rs '[.[] | select(.event == "finished" and .outcome == "changed") | .step] | unique | .[]' "$work/out")
echo "$touched"
# Beside node2, only what the rebuilt node itself demands: its token, its route, and the verification.
others=$(grep -Ev '^node2/|/verify/|/join/(token|stale-nodes)$|/cni/' <<<"$touched" || :)
[ -z "$others" ] || fail "steps of other nodes ran: $others"
[ "$(on node3 stat -c %Y /etc/kubernetes/kubelet.conf)" = "$kept" ] || fail "node3 was joined again"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
# The only control plane would take the cluster with it.
expect 30 "$slipway" repair node1 --yes -c "$cluster"
shows 'node1 is the only control plane'
