# shellcheck shell=bash
# shellcheck disable=SC2154 # results is set by scripts/bench
# Tables in Markdown, from the results of earlier runs.

# rows FILE: a line a row: seconds of each, and how many times slipway's they are.
rows() {
    jq -r '
        def seconds: . / 1000 | if . < 10 then . * 100 | round / 100 else . * 10 | round / 10 end | tostring;
        def times: if . < 10 then . * 100 | round / 100 else round end | tostring;
        "| hosts | added round trip | slipway | OpenSSH | ansible | mitogen | pyinfra |", "|---|---|---|---|---|---|---|",
        (.rows | sort_by(.hosts, .delay_ms)[] | .median_ms as $ms
            | "| \(.hosts) | \(.delay_ms) ms | \($ms.slipway | seconds) s | "
                + (["openssh", "ansible", "mitogen", "pyinfra"] | map(if $ms[.] then "\($ms[.] | seconds) s (\($ms[.] / $ms.slipway | times))" else "-" end) | join(" | ")) + " |")' "$1"
}

measured() {
    jq -r '"Measured \(.rows | map(.date) | unique | if length > 1 then "from \(first) to \(last)" else first end) on \(.machine.cores) cores (\(.machine.processor)), \(.machine.memory_gib) GiB, Linux \(.machine.kernel), which carried the hosts too: "
        + (.versions | to_entries | map("\(.key) \(.value)") | join(", ")) + "."' "$1"
}

noop_table() { [ ! -e "$results/noop.json" ] || { echo && rows "$results/noop.json" && echo && measured "$results/noop.json"; }; }
change_table() { [ ! -e "$results/change.json" ] || { echo && rows "$results/change.json" && echo && measured "$results/change.json"; }; }

table() {
    [ -e "$results/noop.json" ] || [ -e "$results/change.json" ] || { echo "error: no results in $results: scripts/bench noop, scripts/bench change" >&2; return 1; }
    [ ! -e "$results/noop.json" ] || { echo "Nothing to do:" && noop_table; }
    [ ! -e "$results/change.json" ] || { echo && echo "20 files, 5 kernel settings and 3 packages changed:" && change_table; }
    up_table
}
