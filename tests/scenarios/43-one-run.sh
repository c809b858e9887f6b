#!/usr/bin/env bash
# One run at a time: of two that want the same hosts one goes on and the other says who is there; whoever was killed holds nobody up.
# And hosts whose plug is pulled in the middle of a step, a worker's and then the control plane's, are waited for and finished.
# lane: any
# long: yes
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=killing.sh
source tests/scenarios/killing.sh

first=${lane_nodes[0]}
second=${lane_nodes[1]}

# Starts `up` in the background and returns when this step has begun: begin STEP
begin() {
    : >"$work/events"
    "$slipway" up -c "$cluster" --output json >"$work/events" 2>&1 </dev/null &
    run=$!
    for _ in {1..1200}; do
        ! grep -q "\"event\":\"started\".*\"step\":\"$1\"" "$work/events" || return 0
        kill -0 "$run" 2>/dev/null || fail "up ended before $1 began: $(tail -n 5 "$work/events")"
        sleep 0.1
    done
    fail "$1 never began"
}

ends_well() {
    wait "$run" || fail "up failed: $(tail -n 3 "$work/events")"
}

say "bare hosts"
debian_hosts "${lane_nodes[@]}"
cluster_of "$first" "$second"
# The third one too, which may be of another cluster: what comes behind this in the lane has all three.
scripts/lab rebuild "${lane_nodes[@]}" >/dev/null

say "two at once: the second one says who is there, and changes nothing"
begin "$second/install/runtime"
kubeconfig=$work/$(sed -n 's/^name *= *"\(.*\)"/\1/p;/^name/q' "$cluster").kubeconfig
echo 'of an earlier cluster' >"$kubeconfig"
expect 26 "$slipway" up -c "$cluster"
[ -e "$kubeconfig" ] || fail "a run that was refused has deleted $kubeconfig"
shows "^error: $first: another slipway is at work there, for [0-9]+ s: .slipway up. on .* \\(process $run\\)"
shows 'let it end, and run this again'
expect 26 "$slipway" reset --yes -c "$cluster"

say "the plug of the worker is pulled while it installs the runtime"
scripts/lab reboot "$second" >/dev/null
ends_well
[ "$(losses_in "$second/")" -gt 0 ] || fail "nobody noticed that $second restarts"
nodes_are_ready 2
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'

say "the plug of the control plane is pulled in the middle of kubeadm init"
# Nobody has seen the end of the step, and the host itself knows that kubeadm has begun and not ended.
init_was_cut() {
    [ "$(losses_in "$first/init/kubeadm")" -gt 0 ] &&
        [ "$(said_in "$first/init/kubeadm" line text 'an earlier kubeadm init was cut short')" -gt 0 ]
}
# Another lane may have kept the lab busy until kubeadm was done.
for try in 1 2 3; do
    expect 0 "$slipway" reset --yes -c "$cluster"
    begin "$first/init/kubeadm"
    sleep 5
    scripts/lab reboot "$first" >/dev/null
    ends_well
    nodes_are_ready 2
    ! init_was_cut || break
    [ "$try" != 3 ] || fail "kubeadm init was never under way when $first was restarted"
    say "kubeadm init was not under way when $first was restarted: once more"
done

say "kill -9, and the next one goes on at once"
expect 0 "$slipway" reset --yes -c "$cluster"
begin "$first/init/kubeadm"
kill -9 "$run"
wait "$run" || :
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 2
for node in "$first" "$second"; do
    ! on "$node" test -e /run/slipway/lease || fail "$node is still held"
done
