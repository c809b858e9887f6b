# What every scenario needs. Sourced, with the checkout as the working directory; scenarios run on the lab's three hosts.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
slipway=${SLIPWAY:-$PWD/target/release/slipway}
# The lab's cluster file as far as its third host: a lab may run more.
cluster=target/lab/scenario.toml
work=$(mktemp -d)
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
nodes_are_ready() {
    local count
    count=$(on node1 kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers | grep -cw Ready || true)
    [ "$count" = "$1" ] || fail "$count nodes are Ready instead of $1"
}

lab_is_up() {
    scripts/lab up --nodes 3 >/dev/null
    awk '/^\[\[host\]\]/ { if (++hosts > 3) exit } { print }' target/lab/cluster.toml >"$cluster"
}

bare_hosts() {
    say "bare hosts"
    lab_is_up
    scripts/lab rebuild node1 node2 node3 >/dev/null
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
systemctl list-unit-files --no-legend --no-pager
ip -o link | cut -d: -f2
iptables-save | grep -v '^[#:]' || :
cat /proc/sys/net/ipv4/ip_forward
END
}
