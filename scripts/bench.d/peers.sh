# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is used by other parts, and work is set by whoever measures
# Those that slipway is measured against, each with its best settings: pinned, in a virtual environment in the lab's cache.

peer_versions=(ansible-core==2.19.14 mitogen==0.3.54 pyinfra==3.10.0)
read -r -a tools <<<"${TOOLS:-slipway openssh ansible mitogen pyinfra}"

# install_peers: sets $venv.
install_peers() {
    local cache
    cache=${SLIPWAY_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-lab}
    venv=$cache/peers-$(printf '%s\n' "${peer_versions[@]}" | sha256sum | cut -c 1-12)
    [ ! -e "$venv/complete" ] || return 0
    command -v jq >/dev/null || apt-get install -y -qq jq >/dev/null
    python3 -c 'import ensurepip' 2>/dev/null || apt-get install -y -qq python3-venv >/dev/null
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "${peer_versions[@]}"
    touch "$venv/complete"
}

# versions: as JSON. slipway's has the commit too, or is known by its content where SLIPWAY names one that may be of any.
versions() {
    local each built
    if [ -n "${SLIPWAY:-}" ]; then built=$(sha256sum <"$slipway" | cut -c 1-12); else built=$(git describe --always --dirty --exclude '*'); fi
    {
        echo "slipway $("$slipway" --version | cut -d ' ' -f 2)-$built"
        echo "openssh $(ssh -V 2>&1 | sed 's/^OpenSSH_\([^ ,]*\).*/\1/')"
        for each in "${peer_versions[@]}"; do echo "${each/==/ }"; done
        echo "python $(python3 --version | cut -d ' ' -f 2)"
    } | jq -R -s 'split("\n") | map(select(. != "") | split(" ") | {(.[0]): .[1]}) | add'
}

# peer_files COUNT DELAY: inventories in $work/at.
peer_files() {
    local index
    mkdir -p "$work/at"
    cluster_file "$work/at/cluster.toml" "$1" "$2"
    ssh_config_file "$work/at/ssh_config" "$1" "$2"
    for ((index = 0; index < $1; index++)); do
        echo "$(name_of "$index") ansible_host=$(address_of "$index" "$2") ansible_port=$(port_of "$index" "$2") ansible_user=root" \
            "ansible_ssh_private_key_file=$PWD/target/lab/id_ed25519 ansible_python_interpreter=/usr/bin/python3"
    done >"$work/at/inventory"
    {
        echo 'hosts = ['
        for ((index = 0; index < $1; index++)); do
            printf '    ("%s", {"ssh_hostname": "%s", "ssh_port": %s}),\n' "$(name_of "$index")" "$(address_of "$index" "$2")" "$(port_of "$index" "$2")"
        done
        printf ']\nhosts = (hosts, {"ssh_user": "root", "ssh_key": "%s", "ssh_known_hosts_file": "%s", "ssh_strict_host_key_checking": "yes"})\n' \
            "$PWD/target/lab/id_ed25519" "$work/known_hosts"
    } >"$work/at/pyinfra_inventory.py"
}

# ansible_with STRATEGY PLAYBOOK STATE: pipelining, as many forks as hosts, no facts, connections that are kept for the whole run but not
# from one run to the next: each has a directory of its own for them.
ansible_with() {
    local sockets=$work/s$RANDOM$RANDOM status=0
    mkdir "$sockets"
    : >"$work/ansible.cfg"
    ANSIBLE_CONFIG=$work/ansible.cfg ANSIBLE_HOME=$work/ansible ANSIBLE_PIPELINING=True ANSIBLE_FORKS=$(wc -l <"$work/at/inventory") ANSIBLE_GATHERING=explicit \
        ANSIBLE_NOCOLOR=1 ANSIBLE_HOST_KEY_CHECKING=True ANSIBLE_SSH_CONTROL_PATH_DIR=$sockets \
        ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=20s -o UserKnownHostsFile=$work/known_hosts -o StrictHostKeyChecking=yes" \
        ANSIBLE_STRATEGY=$1 ANSIBLE_STRATEGY_PLUGINS=$(echo "$venv"/lib/python3*/site-packages/ansible_mitogen/plugins/strategy) \
        ANSIBLE_DEPRECATION_WARNINGS=False PATH="$venv/bin:$PATH" \
        "$venv/bin/ansible-playbook" -i "$work/at/inventory" -e "@$3" "$2" || status=$?
    return "$status"
}

# ansible_changed FILE: the numbers of `changed=` over all hosts, added up; nothing if a host was not reached or failed.
ansible_changed() {
    awk '/ok=.*changed=/ { hosts++; if ($0 !~ /unreachable=0 .*failed=0/) bad = 1; sub(/.*changed=/, ""); sum += $1 }
        END { if (hosts == want && !bad) print sum + 0 }' want="$(wc -l <"$work/at/inventory")" "$1"
}

pyinfra_with() { (cd "$work/at" && STATE="$2" "$venv/bin/pyinfra" -y pyinfra_inventory.py "$1"); }

# pyinfra_total FILE: operations, those that changed something, and errors, over all hosts; `-` for none. Nothing if a host was not reached.
pyinfra_total() {
    awk '/^ *\[[^]]*\] Connected$/ { hosts++ } /^ *Grand total / { all = $3; changed = $4; bad = $5 }
        END { if (hosts == want) print all, changed, bad }' want="$(grep -c ssh_hostname "$work/at/pyinfra_inventory.py")" "$1"
}
