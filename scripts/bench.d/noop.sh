# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway, work, tools and venv are set by whoever measures
# A run that has nothing to do: what `slipway install` lays down is there. slipway looks at all that it can know of a host, and checks its 16
# steps. The peers have tasks for the same end state, and rather fewer: no probe, no dead repositories, no expiry of keys.

# wanted_state HOST: the state that slipway has laid down there, as JSON for the peers: its files, packages, settings and units.
wanted_state() {
    # shellcheck disable=SC2016 # for the host's shell to expand
    on "$1" 'cd / && for file in $(find etc/sysctl.d/99-slipway.conf etc/containerd/config.toml etc/containerd/certs.d etc/crictl.yaml \
            etc/apt/keyrings/kubernetes.asc etc/apt/sources.list.d/kubernetes.list -type f); do
            echo "file /$file $(stat -c %a "$file") $(base64 -w0 "$file")"
        done
        dpkg-query -W -f "version \${Package} \${Version}\n" kubeadm kubelet kubectl' |
        jq -R -s 'split("\n") | map(select(. != "") | split(" ")) as $lines
            | {files: ($lines | map(select(.[0] == "file") | {path: .[1], mode: ("0" + .[2]), content: (.[3] | @base64d)})),
               kubernetes: ($lines | map(select(.[0] == "version") | {name: .[1], version: .[2]})),
               packages: "ca-certificates conntrack ebtables ethtool iproute2 iptables kmod procps socat containerd runc" | split(" "),
               settings: {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1", "net.bridge.bridge-nf-call-ip6tables": "1"}}'
}

noop_openssh() {
    local host pids=() pid bad=0
    for host in "${names[@]}"; do
        ssh -F "$work/at/ssh_config" "$host" /bin/sh -s <"$work/at/$host.sh" >"$work/at/$host.out" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || bad=1; done
    return "$bad"
}

# noop_run TOOL
noop_run() {
    case $1 in
    slipway) "$slipway" install "${without[@]}" -c "$work/at/cluster.toml" ;;
    openssh) noop_openssh ;;
    ansible) ansible_with linear "$PWD/scripts/bench.d/noop.yml" "$work/wanted.json" ;;
    mitogen) ansible_with mitogen_linear "$PWD/scripts/bench.d/noop.yml" "$work/wanted.json" ;;
    pyinfra) pyinfra_with "$PWD/scripts/bench.d/noop.py" "$work/wanted.json" ;;
    esac
}

# noop_found_nothing TOOL: whether it says so, of all hosts. A run that did something is no run that had nothing to do.
noop_found_nothing() {
    local host
    case $1 in
    slipway) grep -q '^nothing to do' "$work/out" ;;
    openssh)
        for host in "${names[@]}"; do
            grep -q 'survey-end' "$work/at/$host.out" && grep -q ' check ' "$work/at/$host.out" || return 1
            ! grep -q ' check [0-9a-f]* 0$' "$work/at/$host.out" || return 1
        done
        ;;
    ansible | mitogen) [ "$(ansible_changed "$work/out")" = 0 ] ;;
    pyinfra) [[ $(pyinfra_total "$work/out") =~ ^[0-9]+\ -\ -$ ]] ;;
    esac
}

# noop_row COUNT DELAY ROUNDS
noop_row() {
    local count=$1 delay=$2 rounds=$3 index round tool took
    local -A spent=()
    names=()
    for ((index = 0; index < count; index++)); do names+=("$(name_of "$index")"); done
    rm -rf "$work/at"
    wire "$count" "$delay"
    peer_files "$count" "$delay"
    # What an earlier cluster left there is not asked for again.
    for index in "${names[@]}"; do on "$index" rm -f /var/lib/slipway/checks; done
    # The first of these makes what may be missing, and leaves its checks on the hosts; the second finds nothing to do.
    noop_run slipway >"$work/out" && noop_run slipway >"$work/out"
    for index in "${names[@]}"; do "$slipway" render checks "$index" -c "$work/at/cluster.toml" >"$work/at/$index.sh"; done
    for ((round = 1; round <= rounds; round++)); do
        # Turn about, so that a busy moment of the machine hits all.
        for tool in "${tools[@]}"; do
            ((${spent[$tool]:-0} < patience)) || continue
            took=$(milliseconds noop_run "$tool")
            spent[$tool]=$((${spent[$tool]:-0} + took))
            noop_found_nothing "$tool" || { cat "$work/out" >&2; echo "error: $tool found something to do" >&2; return 1; }
            sample "$count" "$delay" "$tool" "$took"
            printf '%2d hosts, +%3d ms, round %d: %-8s %7d ms\n' "$count" "$delay" "$round" "$tool" "$took"
        done
    done
    cut_wire
}

noop() {
    local rounds=$1 count delay most=1
    local -a counts delays names
    read -r -a counts <<<"${HOSTS:-1 8 32}"
    read -r -a delays <<<"${DELAYS:-0 20 100}"
    work=$(mktemp -d)
    trap 'cut_wire; rm -rf "$work"' EXIT
    export XDG_STATE_HOME=$work/state
    build delay
    install_peers
    for count in "${counts[@]}"; do ((count <= most)) || most=$count; done
    bench_hosts "$most"
    known_hosts_file "${delays[@]}"
    wanted_state "$(name_of 0)" >"$work/wanted.json"
    for delay in "${delays[@]}"; do
        for count in "${counts[@]}"; do
            noop_row "$count" "$delay" "$rounds"
            write_results noop
        done
    done
    noop_table
}
