# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway, work, tools, venv and bench_packages are set by whoever measures
# 20 files, 5 kernel settings and 3 packages changed on eight hosts. slipway's part is benches/change.rs, the floor one script an OpenSSH client.

# changes_json: what is to be there. The files are there already, with other content; the settings are those of the host's own network.
changes_json() {
    jq -n --args '{
        files: [range(20) | {path: "/etc/bench.d/\(.).conf", content: ([range(20) as $line | "key\($line) = new value \($line)\n"] | add)}],
        settings: {"net.ipv4.tcp_fin_timeout": "45", "net.ipv4.tcp_keepalive_time": "600", "net.ipv4.tcp_syn_retries": "5",
            "net.ipv4.conf.all.send_redirects": "0", "net.ipv4.conf.all.accept_redirects": "0"},
        packages: $ARGS.positional}' "${bench_packages[@]}"
}

# change_before: the script that puts a host back.
change_before() {
    cat <<'SCRIPT'
set -eu
rm -rf /etc/sysctl.d/98-bench.conf /var/lib/slipway/undo/*-bench.* /var/lib/slipway/before/etc/bench.d
mkdir -p /etc/bench.d
number=0
while [ "$number" -lt 20 ]; do
    echo "old value $number" >/etc/bench.d/$number.conf
    number=$((number + 1))
done
sysctl -q -w net.ipv4.tcp_fin_timeout=60 net.ipv4.tcp_keepalive_time=7200 net.ipv4.tcp_syn_retries=6 \
    net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.all.accept_redirects=1
SCRIPT
    echo "dpkg --purge --force-depends ${bench_packages[*]} >/dev/null 2>&1; true"
}

# change_script FILE: what OpenSSH carries: everything is done, whatever is there.
change_script() {
    jq -r '(.files[] | "cat >\(.path) <<\u0027END\u0027\n\(.content)END"),
        "cat >/etc/sysctl.d/98-bench.conf <<\u0027END\u0027", (.settings | to_entries[] | "\(.key) = \(.value)"), "END",
        "sysctl -q -p /etc/sysctl.d/98-bench.conf",
        "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \(.packages | join(" ")) </dev/null >/dev/null 2>&1"' "$1"
}

# change_check FILE: a script that says `changed` if all of it is there.
change_check() {
    jq -r '"set -eu", (.files[] | "cat <<\u0027END\u0027 | cmp -s - \(.path)\n\(.content)END"),
        (.settings | to_entries[] | "[ \"$(sysctl -n \(.key))\" = \(.value) ]"),
        "[ \"$(dpkg-query -W -f \u0027${db:Status-Status} \u0027 \(.packages | join(" ")))\" = \"\(.packages | map("installed ") | add)\" ]",
        "echo changed"' "$1"
}

# everywhere SCRIPT OUT: runs it on all hosts at once; what they say goes to OUT.HOST.
everywhere() {
    local host pids=() pid bad=0
    for host in "${names[@]}"; do
        ssh -F "$work/at/ssh_config" "$host" /bin/sh -s <"$1" >"$2.$host" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || bad=1; done
    return "$bad"
}

# change_run TOOL
change_run() {
    case $1 in
    slipway) target/release/examples/change "$work/at/cluster.toml" "$work/changes.json" ;;
    openssh) everywhere "$work/change.sh" "$work/at/openssh" ;;
    ansible) ansible_with linear "$PWD/scripts/bench.d/change.yml" "$work/changes.json" ;;
    mitogen) ansible_with mitogen_linear "$PWD/scripts/bench.d/change.yml" "$work/changes.json" ;;
    pyinfra) pyinfra_with "$PWD/scripts/bench.d/change.py" "$work/changes.json" ;;
    esac
}

change() {
    local rounds=$1 count=8 round tool took index execs=null delay
    local -a names=()
    local -A spent
    work=$(mktemp -d)
    trap 'cut_wire; rm -rf "$work"' EXIT
    export XDG_STATE_HOME=$work/state
    build delay change
    install_peers
    bench_hosts "$count"
    for ((index = 0; index < count; index++)); do names+=("$(name_of "$index")"); done
    changes_json >"$work/changes.json"
    change_before >"$work/before.sh"
    change_script "$work/changes.json" >"$work/change.sh"
    change_check "$work/changes.json" >"$work/check.sh"
    read -r -a delays <<<"${DELAYS:-0 20 100}"
    known_hosts_file "${delays[@]}"
    for delay in "${delays[@]}"; do
        rm -rf "$work/at"
        wire "$count" "$delay"
        peer_files "$count" "$delay"
        spent=()
        for ((round = 1; round <= rounds; round++)); do
            for tool in "${tools[@]}"; do
                ((${spent[$tool]:-0} < patience)) || continue
                everywhere "$work/before.sh" "$work/at/before"
                took=$(milliseconds change_run "$tool")
                spent[$tool]=$((${spent[$tool]:-0} + took))
                [ "$tool" != slipway ] || execs=$(jq .execs "$work/out")
                everywhere "$work/check.sh" "$work/at/check" || { cat "$work/out" >&2; echo "error: $tool did not change all of it" >&2; return 1; }
                [ "$(cat "$work"/at/check.* | grep -c '^changed$')" = "$count" ]
                sample "$count" "$delay" "$tool" "$took"
                printf '%2d hosts, +%3d ms, round %d: %-8s %7d ms\n' "$count" "$delay" "$round" "$tool" "$took"
            done
        done
        cut_wire
        write_results change "$(jq -n --argjson execs "$execs" '{slipway_execs_a_host: $execs}')"
    done
    # The last wire is cut.
    peer_files "$count" 0
    everywhere "$work/before.sh" "$work/at/before"
    change_table
}
