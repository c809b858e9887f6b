# shellcheck shell=bash
# shellcheck disable=SC2154 # slipway, cluster and work are set by whoever measures
# Equal hosts that have been through `slipway install`, and the ways to them: straight, or over a wire that takes its time.

first=${SLIPWAY_BENCH_FIRST:-13}
# Without images, which are the same 460 MB on each host.
without=(--skip '*/install/images')
# Packages that a change brings: small, with no dependencies that are not there. They are fetched beforehand, for all tools.
bench_packages=(tree pv time)

on() {
    local host=$1
    shift
    ssh -F target/lab/ssh_config -l root "$host" "$@"
}

# name_of INDEX: of a host of the benchmark, from 0 on.
name_of() { echo "node$((first + $1))"; }

# bench_hosts COUNT: that many of them. The first is made by slipway, and gets what the peers need on a host (slipway needs no Python);
# the others are clones of it. The mark is the last thing that it gets.
bench_hosts() {
    local count=$1 template index missing=()
    template=$(name_of 0)
    # `up` alone brings back hosts that a restart of this machine ended, but bare.
    scripts/lab up --nodes "$first"
    if ! on "$template" test -e /etc/slipway-bench; then
        known_hosts_file 0
        cluster_file "$work/template.toml" 1 0
        "$slipway" install "${without[@]}" -c "$work/template.toml"
        on "$template" "apt-get install -y -qq --no-install-recommends python3 python3-apt && apt-get clean &&
            apt-get install -y -qq --download-only --no-install-recommends ${bench_packages[*]} && touch /etc/slipway-bench && sync" >/dev/null
    fi
    for ((index = 1; index < count; index++)); do
        on "$(name_of "$index")" test -e /etc/slipway-bench 2>/dev/null || missing+=("$(name_of "$index")")
    done
    ((${#missing[@]} == 0)) || scripts/lab clone "$template" "${missing[@]}"
    # A kubelet without a cluster is started again and again, which all hosts of this machine would pay for. That it is enabled is all that
    # anybody looks at.
    for ((index = 0; index < count; index++)); do on "$(name_of "$index")" systemctl stop kubelet </dev/null & done
    wait
}

# address_of INDEX DELAY, port_of INDEX DELAY: where a host is reached. Each delay has ports of its own.
address_of() { if (($2 == 0)); then sed -n "/^Host $(name_of "$1")\$/,/^\$/s/^ *HostName //p" target/lab/ssh_config; else echo 127.0.0.1; fi; }
port_of() { if (($2 == 0)); then echo 22; else echo $((20000 + $2 * 100 + $1)); fi; }

# cluster_file FILE COUNT DELAY
cluster_file() {
    local index role=control-plane
    {
        awk '/^\[\[host\]\]/ { exit } /^known_hosts/ { $0 = "known_hosts = \"" known "\"" } { print }' known="$work/known_hosts" "$cluster"
        for ((index = 0; index < $2; index++)); do
            printf '\n[[host]]\nname    = "%s"\naddress = "%s"\nrole    = "%s"\nssh     = { port = %s }\n' \
                "$(name_of "$index")" "$(address_of "$index" "$3")" "$role" "$(port_of "$index" "$3")"
            role=worker
        done
    } >"$1"
}

# known_hosts_file DELAY...: the hosts' keys, which the lab made, under all names by which they are reached. Nobody trusts on first use.
known_hosts_file() {
    local delay index key
    cp target/lab/known_hosts "$work/known_hosts"
    for ((index = 0; index < 32; index++)); do
        key=$(sed -n "s/^$(name_of "$index")[, ][^ ]* //p" target/lab/known_hosts)
        [ -n "$key" ] || continue
        for delay; do ((delay == 0)) || echo "[127.0.0.1]:$(port_of "$index" "$delay") $key"; done
    done >>"$work/known_hosts"
}

# ssh_config_file FILE COUNT DELAY
ssh_config_file() {
    local index
    for ((index = 0; index < $2; index++)); do
        cat <<CONFIG
Host $(name_of "$index")
  HostName $(address_of "$index" "$3")
  Port $(port_of "$index" "$3")
  User root
  UserKnownHostsFile "$work/known_hosts"
  StrictHostKeyChecking yes
  PasswordAuthentication no
  IdentityFile "$PWD/target/lab/id_ed25519"
  IdentitiesOnly yes
  LogLevel ERROR

CONFIG
    done >"$1"
}

# wire COUNT DELAY: puts the delay in front of the hosts; `cut_wire` ends it.
wire_pid=
wire() {
    local index ways=()
    (($2 > 0)) || return 0
    for ((index = 0; index < $1; index++)); do ways+=("$(port_of "$index" "$2")=$(address_of "$index" 0):22"); done
    target/release/examples/delay "$2" "${ways[@]}" >"$work/wire" &
    wire_pid=$!
    until grep -q listening "$work/wire"; do
        kill -0 "$wire_pid" || return 1
        sleep 0.1
    done
}
cut_wire() {
    if [ -n "$wire_pid" ]; then { kill "$wire_pid" && wait "$wire_pid"; } 2>/dev/null || :; fi
    wire_pid=
}
