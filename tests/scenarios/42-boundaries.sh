#!/usr/bin/env bash
# slipway is killed at every boundary of every step of a real `up` and of a real `reset --purge` of a control plane and a worker: before the
# host hears of the step, after its undo is written down, in the act, and after the act. The program on the host is killed at the very same
# boundary, and each next run goes on from what is there. (40-kill and 41-kill-reset leave the programs on the hosts alone.) A debug build does
# that to itself: src/execute/deaths.rs.
# lane: any
# long: yes
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

slipway=${SLIPWAY_DEBUG:-$PWD/target/debug/slipway}
[ -n "${SLIPWAY_DEBUG:-}" ] || cargo build --locked --quiet
ulimit -c 0
read -r first second _ <<<"${lane_nodes[*]}"
cluster_uid=
moments=(before-intent after-intent in-the-act after-the-act)
deaths=$work/deaths

# What is a secret wherever it stands: a bootstrap token, a private key.
secrets='(^|[^a-z0-9])[a-z0-9]{6}\.[a-z0-9]{16}([^a-z0-9]|$)|PRIVATE[ ]KEY-----'

lure=abcdef.0123456789abcdef

# Looks for secrets in the arguments of all processes of a host, until the scenario ends; a process with something like one shows that it does.
watch_arguments() {
    local seen=$work/arguments.$1
    on "$1" "while echo; do grep -lsaE '$secrets' /proc/[0-9]*/cmdline | while read -r file; do tr '\\0' ' ' <\"\$file\"; echo; done; sleep 0.2; done" \
        >>"$seen" 2>/dev/null </dev/null &
    watchers+=("$!")
    on "$1" sh -c "'sleep 3; :' sh $lure" </dev/null
    grep -Fq "$lure" "$seen" || fail "nobody watches the arguments of processes on $1"
}

uid_of_cluster() {
    on "$first" kubectl --kubeconfig /etc/kubernetes/admin.conf get namespace kube-system -o 'jsonpath={.metadata.uid}' 2>/dev/null || :
}

# Runs a command again and again until no boundary is left at which it has not died, of at least so many steps, and at least so many in all:
# dies_everywhere STEPS MOMENTS COMMAND...
dies_everywhere() {
    local least=$1 least_moments=$2 code began=$SECONDS runs=0 last
    shift 2
    : >"$deaths"
    : >"$work/said"
    cluster_uid=
    while :; do
        code=0
        SLIPWAY_DEATHS=$deaths "$@" -c "$cluster" --output json >"$work/events" 2>&1 </dev/null || code=$?
        cat "$work/events" >>"$work/said"
        [ "$code" = 134 ] || break
        runs=$((runs + 1))
        last=$(tail -n 1 "$deaths")
        [ "$runs" -lt 1000 ] || fail "it dies for ever"
        case $last in
        */init/kubeadm\ after-the-act)
            cluster_uid=$(uid_of_cluster)
            [ -n "$cluster_uid" ] || fail "kubeadm init has succeeded, and there is no cluster"
            ;;
        esac
    done
    [ "$code" = 0 ] || {
        tail -n 5 "$work/events"
        fail "exit code $code after $runs kills, the last of them at $(tail -n 1 "$deaths")"
    }
    sort -u "$deaths" | cmp -s - <(sort "$deaths") || fail "it died twice at one boundary"
    deaths_of "$((SECONDS - began))" "$least" "$least_moments"
}

# Counts what was hit. A moment can be missing for one reason only: the step had no work left, as the host said to a later run.
deaths_of() {
    local step moment steps=0 hit=0 done=0
    while read -r step; do
        steps=$((steps + 1))
        for moment in "${moments[@]}"; do
            if grep -Fxq "$step $moment" "$deaths"; then
                hit=$((hit + 1))
            else
                awk -v step="\"step\":\"$step\"" 'index($0, step) && /"event":"finished".*"outcome":"unchanged"/ { found = 1 } END { exit !found }' \
                    "$work/said" || fail "$step was never found done, and nobody died at it $moment"
                done=$((done + 1))
            fi
        done
    done < <(cut -d ' ' -f 1 "$deaths" | sort -u)
    say "$steps steps, $hit moments hit in $1 s, $done not since the step was done by then"
    [ "$steps" -ge "$2" ] || fail "only $steps steps"
    [ "$hit" -ge "$3" ] || fail "only $hit moments of $steps steps"
}

# Nothing of slipway runs on the hosts, and nothing half-done lies there.
nothing_runs() {
    local node left word rest
    for node in "$first" "$second"; do
        left=$(on "$node" sh -s <<'LEFT'
for job in /run/slipway/job.*; do
    [ ! -e "$job" ] || flock -n "$job/lock" true || echo "a job runs: $job"
    [ ! -e "$job/program" ] || echo "a program lies there: $job"
done
# The lease of a run that was killed is nobody's after a minute, and until then that of a process that is no more.
[ ! -e /run/slipway/lease ] || sed -n 's@^[^ ]* [0-9]* [0-9]* [^/]*/.*/\([0-9]*\)/[0-9]*$@lease \1@p' /run/slipway/lease
[ ! -e /run/slipway/lock ] || flock -n /run/slipway/lock true || echo "somebody holds the host"
find / -xdev \( -name '.slipway.*' -o -name '*.slipway-undo' -o -path '/var/lib/slipway/undo/.*.new' \) 2>/dev/null
find /run /tmp /var/tmp -xdev -name '.slipway.*' 2>/dev/null
for file in /proc/[0-9]*/cmdline; do
    case $(tr '\0' ' ' <"$file") in *'/run/slipway/job'* | 'tail -n +1 -s'*) echo "a process: $(tr '\0' ' ' <"$file")" ;; esac
done 2>/dev/null
LEFT
        )
        while read -r word rest; do
            case $word in
            '') ;;
            lease) [ ! -d "/proc/$rest" ] || fail "process $rest still holds $node" ;;
            *) fail "on $node: $left" ;;
            esac
        done <<<"$left"
    done
}

# Neither in arguments of processes, nor in what was printed, kept in journals, or logged on the hosts.
no_secret() {
    local node
    kill -0 "${watchers[@]}" || fail "nobody watched the arguments of processes any more"
    ! grep -haE "$secrets" "$work"/arguments.* | grep -v "$lure" || fail "a secret in the arguments of a process"
    ! grep -rlaE "$secrets" "$work/said" "$XDG_STATE_HOME" || fail "a secret was printed, or is in a journal"
    for node in "$first" "$second"; do
        ! on "$node" "journalctl -q --no-pager -b | grep -aE '$secrets'; grep -rlasE '$secrets' /var/log /run/slipway" | grep . || fail "a secret in a log of $node"
    done
}

debian_hosts "${lane_nodes[@]}"
cluster_of "$first" "$second"
# The third one too, which may be of another cluster: what comes behind this in the lane has all three.
scripts/lab rebuild "${lane_nodes[@]}" >/dev/null
watchers=()
trap 'kill "${watchers[@]}" 2>/dev/null || :; rm -rf "$work"' EXIT
for node in "$first" "$second"; do watch_arguments "$node"; done

round() {
    say "up, $1"
    dies_everywhere 30 120 "$slipway" up "${@:2}"
    nodes_are_ready 2
    nothing_runs
    [ -z "$cluster_uid" ] || [ "$(uid_of_cluster)" = "$cluster_uid" ] || fail "kubeadm init succeeded more than once"
    expect 0 "$slipway" up -c "$cluster"
    shows '^nothing to do'
    say "reset, $1"
    # Much of it is done by what comes before: steps that find nothing left die only before the host hears of them.
    dies_everywhere 15 40 "$slipway" reset --purge --yes "${@:2}"
    nothing_runs
    expect 0 "$slipway" leftovers -c "$cluster"
    no_secret
}

export SLIPWAY_DEATHS_ON_HOST=yes
# One step at a time, so that no other one is under way where a run dies: each boundary is hit, and counted, by itself.
round killed --concurrency 1
