# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway, hosts and results are set by scripts/bench
# A cluster of three bare hosts, and its end: how long, how much of that the longest chain of steps is, and which steps that is.

# up_part NAME COMMAND...: one run, whose report goes to $work/NAME, a line a round, and whose timeline is $results/NAME.html.
up_part() {
    local name=$1
    shift
    "$slipway" "$@" -c "$work/cluster.toml" --output json >"$work/out" 2>&1 || { tail -n 5 "$work/out" >&2; return 1; }
    grep '"event":"report"' "$work/out" >>"$work/$name"
    "$slipway" report --to "$results/$name.html" >"$work/out"
    jq -r --arg name "$name" '"\($name): \(.seconds) s, \(.critical_seconds) s of them on the critical path"' < <(tail -n 1 "$work/$name")
}

up() {
    local rounds=$1 round
    local -a hosts
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    export XDG_STATE_HOME=$work/state
    mkdir -p "$results"
    prepare 3
    for ((round = 1; round <= rounds; round++)); do
        scripts/lab rebuild "${hosts[@]}"
        up_part up up
        up_part reset reset --yes
        up_part up-again up
        up_part purge reset --purge --yes
    done
    # Of each, the round that took neither the least nor the most.
    jq -s --argjson machine "$(machine)" --arg date "$(date -u +%F)" '
        def median: sort_by(.seconds)[length / 2 | floor];
        {machine: $machine, date: $date, rows: (group_by(.part) | map(. as $all | median
            | {part, rounds: ($all | length), seconds, critical_seconds, ratio, critical_path}))}' \
        < <(for part in up reset up-again purge; do jq -c --arg part "$part" '. + {part: $part}' "$work/$part"; done) >"$results/up.json"
    up_table
}

up_table() {
    [ -e "$results/up.json" ] || return 0
    jq -r '
        def name: {"up": "`up` of bare hosts", "reset": "`reset`", "up-again": "`up` after that", "purge": "`reset --purge`"}[.];
        def seconds: . * 10 | round / 10;
        "", "| three hosts | time | critical path | where the time goes |", "|---|---|---|---|",
        (["up", "reset", "up-again", "purge"][] as $part | .rows[] | select(.part == $part)
            | "| \(.part | name) | \(.seconds | seconds) s | \(.critical_seconds | seconds) s (\(.critical_seconds / .seconds * 100 | round) %) | "
                + ([.critical_path[] | select(.seconds >= 1)] | sort_by(-.seconds) | .[:4] | map("\(.what) \(.seconds | seconds) s") | join(", ")) + " |")' "$results/up.json"
}
