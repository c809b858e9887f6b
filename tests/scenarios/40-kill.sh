#!/usr/bin/env bash
# kill -9 of slipway while step after step is under way, and then `up` again: it converges. Half-done kubeadm included,
# once with the program on the host left alone, once with that killed too (as a restart of the host would).
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

moments=0

# Runs `up` and kills it the given time after a step has started: kill_at STEP SECONDS
kill_at() {
    local step=$1 pause=$2 pid deadline=$((SECONDS + 120))
    "$slipway" up -c "$cluster" --output json >"$work/events" 2>&1 </dev/null &
    pid=$!
    until grep -q "\"event\":\"started\".*\"step\":\"$step\"" "$work/events"; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$pid" 2>/dev/null; then
            tail -n 5 "$work/events"
            fail "$step never started"
        fi
        sleep 0.05
    done
    sleep "$pause"
    kill -9 "$pid" || {
        tail -n 5 "$work/events"
        fail "slipway ended by itself $pause s into $step"
    }
    wait "$pid" 2>/dev/null || :
    moments=$((moments + 1))
    say "killed $pause s into $step"
}

# Ends what detached steps are under way on a host, as a restart of the host would: kill_jobs NODE
kill_jobs() {
    on "$1" sh -s <<'END'
for dir in /run/slipway/job.*; do
    [ -s "$dir/pid" ] && kill -s KILL -- "-$(cat "$dir/pid")"
done
sleep 0.5
END
}

bare_hosts
# In the order in which a run gets there; each kill leaves the work half-done, and the next run goes on from there.
kill_at node1/install/prerequisites 0.5
kill_at node1/install/runtime 1
kill_at node2/install/kubernetes-key 0.1
kill_at node1/install/kubernetes-packages 1
say "killing the package step on the host too"
kill_jobs node1
kill_at node1/install/kubernetes-packages 3
kill_at node1/install/images 0.5
kill_at node1/init/kubeadm 1
kill_at node1/init/kubeadm 1
say "the step goes on by itself on the host; killing it there too"
kill_jobs node1
kill_at node1/init/kubeadm 7
kill_jobs node1
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
