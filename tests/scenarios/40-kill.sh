#!/usr/bin/env bash
# kill -9 of slipway while step after step is under way, and then `up` again: it converges. Half-done kubeadm included,
# once with the program on the host left alone, once with that killed too (as a restart of the host would).
# lane: 1
# long: yes
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=killing.sh
source tests/scenarios/killing.sh

moments=0

# Runs `up` and kills it the given time after a step has started: kill_at STEP SECONDS
kill_at() {
    if killed_at "$1" "$2" "$slipway" up; then moments=$((moments + 1)); fi
}

bare_hosts
# In the order in which a run gets there; each kill leaves the work half-done, and the next run goes on from there.
kill_at node1/install/prerequisites 0.5
kill_at node1/install/runtime 1
kill_at node2/install/kubernetes-key 0.1
kill_at node1/install/images 0.5
# The packages have begun beside the images, and on a quick host they would be there before the next run asks.
end_jobs node1
kill_at node1/install/kubernetes-packages 1
say "killing the package step on the host too"
end_jobs node1
kill_at node1/install/kubernetes-packages 1
end_jobs node1
kill_at node1/install/kubeadm-images 0.2
kill_at node1/init/kubeadm 1
kill_at node1/init/kubeadm 1
say "the step goes on by itself on the host; killing it there too"
end_jobs node1
kill_at node1/init/kubeadm 7
end_jobs node1
kill_at node1/init/kubeadm 12
kill_at node2/join/kubeadm 1
kill_at node3/join/kubeadm 3
kill_at node1/verify/nodes 0.2
kill_at node1/verify/pods 1
say "$moments kills; now to the end"
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 3
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
[ "$moments" -ge 10 ] || fail "only $moments moments"
