# What every scenario needs. Sourced, with the checkout as the working directory. A scenario runs in a lane, and uses the hosts of that lane only
# (1: node1 to node3, 2: node4 to node6, 3: node7 to node9), so that scripts/test may run one scenario in each lane at the same time. It says in
# its head which one, by a line `# lane: N`, or `# lane: any`; SLIPWAY_LANE=N says it for one that names no hosts. `# long: yes` behind it
# leaves the scenario to scripts/test --long, and to CI in its turn.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
slipway=${SLIPWAY:-$PWD/target/release/slipway}
scenario=$(basename "$0")
lane=${SLIPWAY_LANE:-$(sed -n '1,/^source /s/^# lane: \([a-z0-9]*\)$/\1/p' "tests/scenarios/$scenario")}
case $lane in
[1-9]) ;;
any | alone) lane=1 ;;
*) echo "$0 says no lane in its head: # lane: 1, 2, 3, any or alone" >&2 && exit 2 ;;
esac
lane_nodes=("node$((3 * lane - 2))" "node$((3 * lane - 1))" "node$((3 * lane))")
work=$(mktemp -d)
# The cluster file of the lane's hosts, the first of them as the control plane: a lab may run more.
cluster=$work/scenario.toml
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state

say() { printf -- '--- %s\n' "$*"; }

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

on() {
    local node=$1
    shift
    scripts/lab ssh "$node" "$@"
}

# Runs a command with its output in $work/out; fails unless it exits with this code: expect CODE COMMAND...
expect() {
    local wanted=$1 code=0
    shift
    printf '$ %s\n' "${*/#$slipway/slipway}"
    "$@" >"$work/out" 2>&1 </dev/null || code=$?
    tail -n 40 "$work/out"
    [ "$code" = "$wanted" ] || fail "exit code $code instead of $wanted: $*"
}

# The output of the last `expect` has this line somewhere (an extended regular expression).
shows() { grep -Eq -- "$1" "$work/out" || fail "the output does not show: $1"; }

# So many nodes are Ready, seen through the API server itself.
control_plane=${lane_nodes[0]}
nodes_are_ready() {
    local count
    count=$(on "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers | grep -cw Ready || true)
    [ "$count" = "$1" ] || fail "$count nodes are Ready instead of $1"
}

# The lane's hosts are there, all of them Debian on the bridge.
lab_is_up() {
    debian_hosts "${lane_nodes[@]}"
    cluster_of "${lane_nodes[@]}"
}

# A cluster file of `slipway new` from standard input, with what is particular to the lab: settings, and its own repository and
# registry in place of pkgs.k8s.io and registry.k8s.io.
for_the_lab() {
    grep -E '^(skip_phases|kubelet_extra_args)' target/lab/cluster.toml >"$work/settings"
    sed -e '/^#* *skip_phases/d' -e "/^kubernetes /r $work/settings"
    sed -n '/^\[packages\]/,/^\[ssh\]/{/^\[ssh\]/!p}' target/lab/cluster.toml
}

# Writes the cluster file of these hosts of the lab, the first of them as the control plane: cluster_of NODE...
cluster_of() {
    local node role=control-plane
    control_plane=$1
    awk '/^\[\[host\]\]/ { exit } { print }' target/lab/cluster.toml >"$cluster"
    for node; do
        awk -v node="$node" -v role="$role" 'BEGIN { RS = ""; FS = "\n" }
            /^\[\[host\]\]/ && index($0, "\"" node "\"\n") { sub(/role    = "[^"]*"/, "role    = \"" role "\""); print $0 "\n" }' target/lab/cluster.toml >>"$cluster"
        role=worker
    done
}

# Debian hosts on the bridge, whatever they were before: debian_hosts NODE...
debian_hosts() {
    local node options=()
    for node; do options+=(--image "$node=debian" --network "$node=bridge" --disk "$node=machine"); done
    scripts/lab up --nodes "$(printf '%s\n' "${@#node}" | sort -n | tail -n 1)" "${options[@]}" >/dev/null
}

bare_hosts() {
    say "bare hosts"
    lab_is_up
    scripts/lab rebuild "${lane_nodes[@]}" >/dev/null
}

cluster_is_up() {
    lab_is_up
    expect 0 "$slipway" up -c "$cluster"
}

# What could change on a host: packages, files of interest with their content, units, processes of Kubernetes, links, rules.
fingerprint() {
    on "$1" sh -s <<'END'
dpkg-query -W
apt-mark showhold
find /etc /var/lib/slipway /var/lib/kubelet /opt/cni /usr/local /root -xdev -type f -exec sha256sum {} + 2>/dev/null | sort -k 2
# Transient units are logins, the one that runs this among them.
systemctl list-unit-files --no-legend --no-pager | awk '$2 != "transient"'
ip -o link | cut -d: -f2
iptables-save | grep -v '^[#:]' || :
cat /proc/sys/net/ipv4/ip_forward
END
}
