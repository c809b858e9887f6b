# Values: nodes (names), want (Ready or registered).

node_states() {
    kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
}

nodes_missing() {
    node_states | awk -v wanted="$nodes" -v want="$want" '
        $2 == "True" || want == "registered" { good[$1] = 1 }
        END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!good[name[i]]) print name[i] }'
}

nodes_good() {
    v_states=$(node_states) && [ -n "$v_states" ] && [ -z "$(nodes_missing)" ]
}

(wait_for 240 'the nodes' nodes_good) || {
    for v_node in $(nodes_missing); do
        say "$v_node: $(kube get node "$v_node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}' 2>&1)"
    done
    die "not $want: $(nodes_missing | tr '\n' ' ')"
}
