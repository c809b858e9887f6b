# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway, work and hosts are set by scripts/bench
# The memory of slipway itself.

memory() {
    local -a hosts
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    prepare 8
    scripts/lab rebuild "${hosts[@]}"
    command -v /usr/bin/time >/dev/null || { apt-get update -qq && apt-get install -y -qq time >/dev/null; }
    /usr/bin/time -f '%M' -o "$work/peak" "$slipway" up -c "$work/cluster.toml"
    awk -v hosts="${#hosts[@]}" '{ printf "\nslipway'\''s peak memory with %d hosts: %.1f MiB\n", hosts, $1 / 1024 }' "$work/peak"
}
