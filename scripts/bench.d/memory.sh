# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway and cluster are set by scripts/bench
# The memory of slipway itself.

memory() {
    prepare
    mapfile -t hosts < <(sed -n 's/^name *= *"\(node[0-9]*\)"/\1/p' "$cluster")
    scripts/lab rebuild "${hosts[@]}"
    local log
    log=$(mktemp)
    command -v /usr/bin/time >/dev/null || { apt-get update -qq && apt-get install -y -qq time >/dev/null; }
    /usr/bin/time -f '%M' -o "$log" "$slipway" up -c "$cluster"
    awk '{ printf "\nslipway'\''s peak memory with 8 hosts: %.1f MiB\n", $1 / 1024 }' "$log"
    rm -f "$log"
}
