# Names of the pods in kube-system that neither run with all their containers ready nor have done their work. The pod's own condition
# Ready is of no use here: the node controller clears it while a new node has no network, and the kubelet takes a minute to mend it.
pods_waiting() {
    kube -n kube-system get pods -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.phase}{" "}{.status.containerStatuses[*].ready}{"\n"}{end}' |
        awk '{ good = $2 == "Running" && NF > 2; for (i = 3; i <= NF; i++) if ($i != "true") good = 0 }
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
