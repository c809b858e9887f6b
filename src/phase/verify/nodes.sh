# Values: nodes (names), want (Ready or registered).

node_states() {
    kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
}

nodes_missing() {
    node_states | awk -v wanted="$nodes" -v want="$want" '
        $2 == "True" || want == "registered" { good[$1] = 1 }
        END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!good[name[i]]) print name[i] }'
}

# Names that the cluster does not know. A join ends only when its node is registered: one that is missing here was deleted.
nodes_unknown() {
    node_states | awk -v wanted="$nodes" '
        { known[$1] = 1 }
        END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!known[name[i]]) print name[i] }'
}

nodes_registered() {
    v_states=$(node_states) && [ -n "$v_states" ] && [ -z "$(nodes_unknown)" ]
}

nodes_good() {
    v_states=$(node_states) && [ -n "$v_states" ] && [ -z "$(nodes_missing)" ]
}

await_nodes() {
    (wait_for 30 'the registration of the nodes' nodes_registered) || {
        v_unknown=$(nodes_unknown | tr '\n' ' ')
        [ -n "$v_unknown" ] || die 'the API server does not list the nodes'
        for v_node in $v_unknown; do
            say "$v_node: \`systemctl restart kubelet\` on it registers it again; or \`slipway reset $v_node --yes\`, then \`slipway up\`"
        done
        die "not registered in the cluster: ${v_unknown% }"
    }
    (wait_for 240 'the nodes' nodes_good) || {
        for v_node in $(nodes_missing); do
            say "$v_node: $(kube get node "$v_node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}' 2>&1)"
        done
        die "not $want: $(nodes_missing | tr '\n' ' ')"
    }
}
