# The profile bridge. Values: node, known (this node's subnet as the facts have it), lines (known lines of pod-routes), nodes (names),
# pods and family (the pod network), default (the default route's destination).

conflist=/etc/cni/net.d/10-slipway-bridge.conflist

own_subnet() {
    b_subnet=$(kubelet_kube get node "$node" -o 'jsonpath={.spec.podCIDR}') && [ -n "$b_subnet" ] && printf '%s\n' "$b_subnet"
}

conflist_for() {
    cat <<CONFLIST
{
  "cniVersion": "0.4.0",
  "name": "slipway",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": false,
      "hairpinMode": true,
      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$1" }]], "routes": [{ "dst": "$default" }] }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
CONFLIST
}

# Compares with what the facts know before it asks the API: a run that finds nothing to do asks nobody.
has_conflist() {
    [ -s "$conflist" ] || return 1
    if [ -n "$known" ] && conflist_for "$known" | cmp -s - "$conflist"; then return 0; fi
    b_subnet=$(own_subnet) && conflist_for "$b_subnet" | cmp -s - "$conflist"
}

# The table as the API has it: a line a node, with its subnet, its address and its name.
table_now() {
    kube get nodes -o 'jsonpath={range .items[*]}{.spec.podCIDR}{" "}{.status.addresses[?(@.type=="InternalIP")].address}{" "}{.metadata.name}{"\n"}{end}' |
        awk 'NF >= 3 { print $1, $2, $NF }' | sort
}

# Whether each node that is wanted stands in the table on standard input.
names_all() {
    awk -v wanted="$nodes" '{ seen[$3] = 1 } END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!seen[name[i]]) exit 1 }'
}

table_is_whole() {
    table_now | names_all
}

# Whether each known line stands in a file; no line is known where a subnet is not.
has_lines() {
    [ -n "$lines" ] && [ -s "$1" ] || return 1
    printf '%s\n' "$lines" | while read -r b_line; do
        grep -Fxq "$b_line" "$1" || exit 1
    done
}

# Kubelets may read this table, and not other nodes (since Kubernetes 1.32 the node authorizer refuses them).
published() {
    kubelet_kube -n kube-system get configmap slipway-pod-routes -o 'jsonpath={.data.routes}'
}

has_routes() {
    [ -e /etc/systemd/system/multi-user.target.wants/slipway-pod-network.service ] || return 1
    if ! has_lines /etc/slipway/pod-routes; then
        b_table=$(published) && [ "$b_table" = "$(cat /etc/slipway/pod-routes)" ] && printf '%s\n' "$b_table" | names_all || return 1
    fi
    b_routes=$(ip "-$family" route show proto 115)
    b_own=" $(ip -o "-$family" addr show | awk '{ sub("/.*", "", $4); printf "%s ", $4 }')"
    while read -r b_subnet b_via b_name; do
        case $b_own in *" $b_via "*) continue ;; esac
        case $b_routes in *"$b_subnet via $b_via "*) ;; *) return 1 ;; esac
    done </etc/slipway/pod-routes
    b_tables=iptables
    [ "$family" = 4 ] || b_tables=ip6tables
    $b_tables -w 10 -t nat -C POSTROUTING -s "$pods" -j SLIPWAY-POSTROUTING && $b_tables -w 10 -C FORWARD -j SLIPWAY-FORWARD
}
