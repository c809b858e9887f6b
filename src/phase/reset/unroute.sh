# The route to the pods of a node that goes, on a host that stays (CNI profile bridge). Value: node.
routes=/etc/slipway/pod-routes

# Whether a table names the node.
names_node() {
    [ -f "$1" ] && awk -v node="$node" '$3 == node { found = 1 } END { exit !found }' "$1"
}

is_unrouted() {
    ! names_node "$routes" && ! names_node "$STATE/cni/routes"
}

# The published table goes too, so that the next run publishes it anew.
unroute() {
    if [ -f "$routes" ]; then
        awk -v node="$node" '$3 == node { print $1 }' "$routes" | while read -r subnet; do
            ip route del "$subnet" proto 115 2>/dev/null || ip -6 route del "$subnet" proto 115 2>/dev/null || :
        done
        awk -v node="$node" '$3 != node' "$routes" >"$routes.new"
        chmod 644 "$routes.new"
        mv -f "$routes.new" "$routes"
    fi
    rm -f "$STATE/cni/routes"
}
