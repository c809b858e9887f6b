#!/usr/bin/env bash
# kill -9 of slipway before, in and after step after step of a reset, once with the program on the host left alone, once with that killed too
# (as a restart of the host would); and the connections cut at every step. Each time another reset goes on from there, and ends with nothing
# left; and `up` makes Ready nodes of what it leaves.
# lane: any
# long: yes
# shellcheck disable=SC2016 # what stands in single quotes is for a host's shell
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=killing.sh
source tests/scenarios/killing.sh

read -r first second third <<<"${lane_nodes[*]}"
steps=(kubeconfigs kubeadm containers mounts network files kubelet-off undo audit)
moments=0

# Cuts all connections of a host but the one that does it: its session, and who started that, are spared. Prints what it has killed.
cut_connections() {
    on "$1" sh -s <<'END'
own= process=$$
while [ "$process" -gt 1 ]; do
    own="$own $process "
    process=$(sed 's/.*) //' "/proc/$process/stat" | cut -d ' ' -f 2)
done
for file in $(grep -lx sshd /proc/[0-9]*/comm); do
    process=${file#/proc/}
    process=${process%/comm}
    case $own in *" $process "*) continue ;; esac
    case $(tr '\0' ' ' <"/proc/$process/cmdline") in 'sshd: /usr/sbin/sshd'*) ;; sshd:*) kill -KILL "$process" && echo "$process" ;; esac
done 2>/dev/null || :
END
}

# Waits until the reset under way has begun, or ended, one of these steps of the second host; false when it ends before: until_event started|changed STEP...
until_event() {
    local event="\"event\":\"started\"" timeout=180
    [ "$1" = started ] || event='"event":"finished".*"outcome":"changed"'
    shift
    timeout "$timeout" grep -Eqm 1 "$event.*\"step\":\"$second/reset/($(IFS='|' && echo "$*"))\"" < <(exec tail -n +1 -s 0.05 -f --pid="$pid" "$work/events")
}

# How often the reset under way has said that the connection to the second host was lost in the middle of a step.
losses() { losses_in "$second/"; }

# Cuts the connections of the second host; false if there were none, or if nobody misses them for ten seconds.
cut_and_missed() {
    local before
    before=$(losses)
    [ -n "$(cut_connections "$second")" ] || return 1
    for _ in {1..100}; do
        [ "$(losses)" = "$before" ] || return 0
        # A reset that has ended misses nothing any more.
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    [ "$(losses)" != "$before" ]
}

begin_reset() {
    : >"$work/events"
    "$slipway" reset "$second" "$third" --yes -c "$cluster" --output json >"$work/events" 2>&1 </dev/null &
    pid=$!
}

# Resets the workers and kills slipway at a moment of one of the steps of the second host, or of those behind it if that one is done by now:
# kill_at before|in|after NUMBER. When all are done, which those on the hosts may be by themselves, the nodes are made again.
kill_at() {
    local moment=$1 event=started number=$2 code=0
    [ "$moment" != after ] || event=changed
    begin_reset
    if until_event "$event" "${steps[@]:$number}"; then
        [ "$moment" != in ] || sleep 0.4
        kill -KILL "$pid" 2>/dev/null || :
    fi
    wait "$pid" 2>/dev/null || code=$?
    if [ "$code" = 137 ]; then
        moments=$((moments + 1))
        say "killed $moment ${steps[$number]}"
    else
        [ "$code" = 0 ] || fail "exit code $code of a reset that nobody killed"
        say "nothing was left to do at ${steps[$number]}: the nodes are made again"
        expect 0 "$slipway" up -c "$cluster"
    fi
}

ends_clean() {
    expect 0 "$slipway" reset "$second" "$third" --yes -c "$cluster"
    expect 0 "$slipway" up -c "$cluster"
    nodes_are_ready 3
}

cluster_is_up
say "the programs on the hosts go on by themselves"
for number in "${!steps[@]}"; do
    for moment in before in after; do kill_at "$moment" "$number"; done
done
ends_clean

say "the programs on the hosts are killed too"
for number in "${!steps[@]}"; do
    kill_at in "$number"
    for node in "$second" "$third"; do end_jobs "$node"; done
done
ends_clean

say "the connections are cut, at every step"
begin_reset
cuts=0
for number in "${!steps[@]}"; do
    until_event started "${steps[$number]}" || continue
    if cut_and_missed; then
        cuts=$((cuts + 1))
        say "cut in ${steps[$number]} or behind it"
    fi
    [ "$number" != 0 ] || cut_connections "$first" >/dev/null
done
code=0
wait "$pid" || code=$?
say "$cuts cuts that it noticed; the reset that was cut ended with $code"
ends_clean
printf '%s\n' "${#steps[@]} steps, $moments kills in three moments, $cuts cuts: converged each time"
[ "$moments" -ge 20 ] || fail "only $moments kills"
[ "$cuts" -ge 4 ] || fail "only $cuts cuts that anybody noticed"
