# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is used by other parts, and slipway, results and work are set by whoever measures
# Times, and what is made of them.

now() { date +%s%N; }

# milliseconds COMMAND...: how long it takes; its output stays in $work/out, and is shown only if it fails.
milliseconds() {
    local began
    began=$(now)
    "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; return 1; }
    echo $((($(now) - began) / 1000000))
}

# Who has taken so many milliseconds in the rounds of a row takes part in no further ones of it.
patience=${PATIENCE:-60000}

# machine: what this one is, as JSON.
machine() {
    jq -n --arg cores "$(nproc)" --arg kib "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" --arg kernel "$(uname -r)" \
        --arg processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed -n 1p)" --arg system "$(. /etc/os-release && echo "$PRETTY_NAME")" \
        '{cores: ($cores | tonumber), memory_gib: (($kib | tonumber) / 1048576 | round), kernel: $kernel, processor: $processor, system: $system}'
}

# sample HOSTS DELAY TOOL MILLISECONDS: keeps one.
sample() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$work/samples"; }

# write_results NAME [JSON]: all samples with their medians, and the ratios to slipway's, into $results/NAME.json, with more that is to be
# said. Rows that were measured before stay, if it was on this machine and with the same versions, slipway's commit among them: of sources
# that differ from their commit nobody knows that they are the same.
write_results() {
    local before=$results/$1.json more=${2:-}
    mkdir -p "$results"
    [ -e "$before" ] || before=/dev/null
    jq -R -s --argjson machine "$(machine)" --argjson versions "$(versions)" --arg date "$(date -u +%F)" --argjson more "${more:-"{}"}" \
        --slurpfile before "$before" '
        def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 | round end;
        def key: [.hosts, .delay_ms];
        split("\n") | map(select(. != "") | split("\t")
            | {hosts: (.[0] | tonumber), delay_ms: (.[1] | tonumber), tool: .[2], ms: (.[3] | tonumber)})
        | group_by(key)
        | map({hosts: .[0].hosts, delay_ms: .[0].delay_ms, date: $date,
            rounds_ms: (group_by(.tool) | map({(.[0].tool): map(.ms)}) | add)}
            | . + {median_ms: (.rounds_ms | map_values(median))}
            | .median_ms.slipway as $ours | . + {ratio: (.median_ms | map_values(. / $ours * 100 | round / 100))})
        | . as $new | map(key) as $keys
        | ($before[0] // {} | if .machine == $machine and .versions == $versions and ($versions.slipway | endswith("-dirty") | not) then .rows else [] end) as $old
        | {machine: $machine, versions: $versions} + $more
            + {rows: ($new + ($old | map(select(key as $one | $keys | index([$one]) | not))) | sort_by(key))}' "$work/samples" >"$results/$1.json.new"
    mv "$results/$1.json.new" "$results/$1.json"
    echo "$results/$1.json has all rounds"
}
