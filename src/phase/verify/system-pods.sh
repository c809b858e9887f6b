# Names of the pods in kube-system that neither run with all their containers ready nor have done their work. The pod's own condition
# Ready is of no use here: the node controller clears it while a new node has no network, and the kubelet takes a minute to mend it.
# For up to a minute after a start the kubelet calls containers of static pods not ready though they run: of those it is enough that all
# their containers run, for the rest of the verification shows that they do their work.
pods_waiting() {
    kube -n kube-system get pods -o 'jsonpath={range .items[*]}{.metadata.name}{"|"}{.status.phase}{"|"}{.metadata.annotations.kubernetes\.io/config\.mirror}{"|"}{.status.containerStatuses[*].ready}{"|"}{.status.containerStatuses[*].state.running.startedAt}{"\n"}{end}' |
        pods_not_good
}

# Reads lines of name|phase|mark of a static pod|readiness of each container|start of each container that runs.
pods_not_good() {
    awk -F'|' '
        { n = split($4, ready, " "); good = $2 == "Running" && n > 0 }
        $3 != "" { if (split($5, started, " ") != n) good = 0 }
        $3 == "" { for (i = 1; i <= n; i++) if (ready[i] != "true") good = 0 }
        !good && $2 != "Succeeded" { print $1 }
        END { if (!NR) print "none-at-all" }'
}

# DaemonSets that have not reached every node yet.
daemonsets_waiting() {
    kube -n kube-system get daemonsets -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.desiredNumberScheduled}{" "}{.status.numberReady}{"\n"}{end}' |
        awk '$2 != $3 { print $1 }'
}

system_is_up() {
    v_list=$(pods_waiting && daemonsets_waiting) && [ -z "$v_list" ]
}

(wait_for 300 'the system pods' system_is_up) || {
    kube -n kube-system get pods -o wide || :
    kube -n kube-system get events --field-selector type=Warning --sort-by=.lastTimestamp 2>/dev/null | tail -n 10
    die "not running in kube-system: $(pods_waiting | tr '\n' ' ')"
}
