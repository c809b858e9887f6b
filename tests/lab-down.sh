#!/usr/bin/env bash
# `scripts/lab down` leaves nothing: no hosts, namespaces, links, mounts, cgroups, NAT rules, state.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/lab down
left=$({
    ip netns list | grep -E '^node[0-9]+' || :
    ip -o link show | grep -E 'slipway' || :
    grep -E 'slipway-lab' /proc/mounts || :
    iptables-save -t nat 2>/dev/null | grep -F 192.168.77. || :
    find /sys/fs/cgroup -maxdepth 3 -type d -path '*slipway*' 2>/dev/null || :
    find /var/lib/slipway-lab -maxdepth 0 2>/dev/null || :
    pgrep -fa 'systemd-nspawn.*slipway' || :
})
if [ -n "$left" ]; then
    printf 'error: scripts/lab down left this behind:\n%s\n' "$left" >&2
    exit 1
fi
