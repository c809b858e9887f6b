# Nodes of the cluster that have the names of hosts about to join, and members of etcd. Values: newcomers (NAME=ADDRESS, separated by
# blanks), leaders (the names of those that are control planes). With leaders, survivor.sh of the reset phase stands before this.

no_stale_nodes() {
    nodes=$(kube get nodes -o name) || return 1
    for newcomer in $newcomers; do
        ! printf '%s\n' "$nodes" | grep -Fxq -e "node/${newcomer%%=*}" || return 1
        [ -z "$(stale_members)" ] || return 1
    done
}

# Members of etcd that are the earlier life of $newcomer. Where etcd can not be asked, kubeadm's own check of it will say so.
stale_members() {
    node=${newcomer%%=*} peers=${newcomer#*=} member=
    case " $leaders " in *" $node "*) member=yes ;; esac
    [ -z "$member" ] || member_id 2>/dev/null || :
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
    for newcomer in $newcomers; do
        if [ -n "$(stale_members)" ]; then
            node=${newcomer%%=*} peers=${newcomer#*=} member=yes
            leave_etcd
        fi
    done
    # shellcheck disable=SC2086 # names are words
    kube delete node --ignore-not-found --wait=false $stale
}
