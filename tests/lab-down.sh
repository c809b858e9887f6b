#!/usr/bin/env bash
# `scripts/lab down` leaves nothing: no hosts, namespaces, links, mounts, cgroups, NAT rules, forwarded ports, state.
set -euo pipefail
cd "$(dirname "$0")/.."
state=${SLIPWAY_LAB_STATE:-/var/lib/slipway-lab}
scripts/lab down
left=$({
    ip netns list | grep -E '^slipway-' || :
    ip -o link show | grep -E 'slipway|slipp?-node' || :
    grep -F -e slipway-lab -e " $state/" /proc/mounts || :
    iptables-save 2>/dev/null | grep -E '192\.168\.77\.|slipway' || :
    find /sys/fs/cgroup -maxdepth 3 -type d -path '*slipway*' 2>/dev/null || :
    find "$state" -maxdepth 0 2>/dev/null || :
    pgrep -fa "systemd-nspawn.*$state/|lab\.d/forward\.py|tinyproxy.*$state/" || :
    find target/lab -mindepth 1 -name '*private_key*' 2>/dev/null || :
})
if [ -n "$left" ]; then
    printf 'error: scripts/lab down left this behind:\n%s\n' "$left" >&2
    exit 1
fi
