# Nodes of the cluster that have the names of hosts about to join. Value: newcomers (NAME=ADDRESS, separated by blanks).

no_stale_nodes() {
    nodes=$(kube get nodes -o name) || return 1
    for newcomer in $newcomers; do
        ! printf '%s\n' "$nodes" | grep -Fxq -e "node/${newcomer%%=*}" || return 1
    done
}

# All are judged before any is deleted: a Ready node with another address is another machine, alive.
forget_stale_nodes() {
    stale=
    for newcomer in $newcomers; do
        name=${newcomer%%=*} address=${newcomer#*=}
        state=$(kube get node "$name" --ignore-not-found \
            -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}{" "}{.status.addresses[?(@.type=="InternalIP")].address}')
        case "$state " in
            "True "*" $address "* | "True $address "*) ;;
            'True '*) die "the cluster has a Ready node $name at ${state#True }, which is not this $name at $address" ;;
        esac
        stale="$stale $name"
    done
    # shellcheck disable=SC2086 # names are words
    kube delete node --ignore-not-found --wait=false $stale
}
