# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway and hosts are set by scripts/bench
# All hosts at once against the slowest alone.

# Processor time that a host has used, in milliseconds: cpu_of NODE
cpu_of() {
    local group=/sys/fs/cgroup/cpuacct/slipway-lab/$1/cpuacct.usage
    if [ -r "$group" ]; then
        echo $(($(cat "$group") / 1000000))
    else
        find /sys/fs/cgroup \( -path "*/slipway-lab/$1/cpu.stat" -o -path "*/slipway-lab-$1.scope/cpu.stat" \) \
            -exec sed -n 's/^usage_usec \(.*\)...$/\1/p' {} \; -quit
    fi
}

# reset_round NAME [PERCENT]: each host alone first, one after another, then all at once: the same steps for each of them, since the whole
# cluster goes both times. With PERCENT of one processor for each host, so that they do not wait for one another's.
reset_round() {
    local title=$1 percent=${2-} name took slowest=0 slowest_name all used
    "$slipway" up -c "$work/cluster.toml"
    [ -z "$percent" ] || scripts/lab cpu "$percent" "${hosts[@]}"
    printf '\n%s, each host alone:\n' "$title" >>"$work/report"
    # Turned round, so that the control plane goes last, as whoever does it by hand would have it.
    for name in $(printf '%s\n' "${hosts[@]}" | tac); do
        used=$(cpu_of "$name")
        took=$(milliseconds "$slipway" reset --yes --only "$name/*" -c "$work/cluster.toml")
        used=$(($(cpu_of "$name") - used))
        printf '  %-8s %6d ms, of them on a processor %6d ms\n' "$name" "$took" "$used" >>"$work/report"
        if [ "$took" -gt "$slowest" ]; then slowest=$took slowest_name=$name; fi
    done
    [ -z "$percent" ] || scripts/lab cpu off "${hosts[@]}"
    "$slipway" up -c "$work/cluster.toml"
    [ -z "$percent" ] || scripts/lab cpu "$percent" "${hosts[@]}"
    all=$(milliseconds "$slipway" reset --yes -c "$work/cluster.toml")
    [ -z "$percent" ] || scripts/lab cpu off "${hosts[@]}"
    awk -v a="$all" -v b="$slowest" -v name="$slowest_name" -v n="${#hosts[@]}" \
        'BEGIN { printf "all %d at once: %d ms, ratio to the slowest alone (%s): %.2f\n", n, a, name, a / b }' >>"$work/report"
}

reset() {
    local count=${1:-8} percent
    local -a hosts
    work=$(mktemp -d)
    prepare "$count"
    # shellcheck disable=SC2064 # they are known now
    trap "for host in ${hosts[*]}; do scripts/lab cpu off \$host || :; done; rm -rf '$work'" EXIT
    # What is left over is for slipway itself, and for what this machine does besides.
    percent=$(($(nproc) * 80 / count))
    reset_round "reset, hosts with $percent % of a processor of their own" "$percent"
    reset_round "reset, hosts that share $(nproc) processors"
    cat "$work/report"
}
