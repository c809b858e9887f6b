#!/bin/sh
# Routes to the pods of the other nodes, and the rules of the pod network. Written by slipway (CNI profile bridge) and run at boot
# by slipway-pod-network.service. The values stand in pod-network.conf, the nodes in pod-routes: a pod subnet, an address, a name.
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
. /etc/slipway/pod-network.conf

if [ "$family" = 6 ]; then
    tables='ip6tables -w 10' multicast=ff00::/8
else
    tables='iptables -w 10' multicast=224.0.0.0/4
fi

# The lines of pod-routes without this node's own.
peers() {
    while read -r subnet via name; do
        [ -n "$(ip -o "-$family" addr show to "$via")" ] || printf '%s %s\n' "$subnet" "$via"
    done </etc/slipway/pod-routes
}

# 115 is slipway's mark on a route, so that only its own ever go.
routes() {
    wanted=$(peers)
    printf '%s\n' "$wanted" | while read -r subnet via; do
        [ -z "$subnet" ] || ip "-$family" route replace "$subnet" via "$via" proto 115 || exit 1
    done || return 1
    ip "-$family" route show proto 115 | while read -r subnet word via rest; do
        printf '%s\n' "$wanted" | grep -Fxq "$subnet $via" || ip "-$family" route del "$subnet" via "$via" proto 115
    done
}

# An own chain in a table, with one jump to it: chain TABLE NAME WHERE RULE...
chain() {
    table=$1 name=$2 where=$3
    shift 3
    $tables -t "$table" -N "$name" 2>/dev/null || $tables -t "$table" -F "$name"
    $tables -t "$table" -C "$@" -j "$name" 2>/dev/null || $tables -t "$table" "$where" "$@" -j "$name"
}

rules() {
    # What leaves the pod network leaves it with the node's address; what stays in it keeps its own.
    chain nat SLIPWAY-POSTROUTING -A POSTROUTING -s "$pods"
    $tables -t nat -A SLIPWAY-POSTROUTING -d "$pods" -j RETURN
    $tables -t nat -A SLIPWAY-POSTROUTING -d "$multicast" -j RETURN
    $tables -t nat -A SLIPWAY-POSTROUTING -j MASQUERADE
    chain filter SLIPWAY-FORWARD -I FORWARD
    $tables -t filter -A SLIPWAY-FORWARD -s "$pods" -j ACCEPT
    $tables -t filter -A SLIPWAY-FORWARD -d "$pods" -j ACCEPT
}

rules
# At boot the interface may come up late.
tries=0
until routes; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || exit 1
    sleep 1
done
