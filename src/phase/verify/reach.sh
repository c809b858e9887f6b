# From the network namespace of this host's pod to every other pod. Values: node, service (the first service address), nodes.
# The pods only sleep. Nothing listens in them, so their kernel refuses a connection, and a refusal is an answer.

list_pods() {
    kubelet_kube -n slipway-verify get pods -o 'jsonpath={range .items[*]}{.spec.nodeName}{" "}{.status.podIP}{"\n"}{end}'
}

# The network namespace that has this address: the CNI's own names for them first, then those of any process.
netns_of() {
    for v_net in /run/netns/* /var/run/netns/* /proc/[0-9]*/ns/net; do
        [ -e "$v_net" ] || continue
        if nsenter --net="$v_net" ip -o addr show 2>/dev/null | grep -Fq " $1/"; then
            printf '%s\n' "$v_net"
            return 0
        fi
    done
    return 1
}

# How a TCP connection out of the pod ends: open, refused, or what went wrong. connect ADDRESS PORT
connect() {
    if have bash; then
        # shellcheck disable=SC2016 # the words are the inner shell's
        v_said=$(timeout 3 nsenter --net="$net" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1) && v_code=0 || v_code=$?
    elif have socat; then
        case $1 in *:*) v_to="[$1]" ;; *) v_to=$1 ;; esac
        v_said=$(timeout 3 nsenter --net="$net" socat -u /dev/null "TCP:$v_to:$2" 2>&1) && v_code=0 || v_code=$?
    else
        die 'bash or socat is needed to try connections; install one of them'
    fi
    case "$v_code $v_said" in
        0\ *) echo open ;;
        *refused*) echo refused ;;
        124\ *) echo 'no answer' ;;
        *'No route'* | *nreachable*) echo 'no route, or rejected by a firewall' ;;
        *) printf '%s\n' "$v_said" | tail -n 1 ;;
    esac
}

# Whether an address answers at all; a pod network may need a few seconds to settle. answers ADDRESS PORT WANTED
answers() {
    v_end=$(($(uptime_seconds) + 8))
    while :; do
        result=$(connect "$1" "$2")
        case " $3 " in *" $result "*) return 0 ;; esac
        [ "$(uptime_seconds)" -lt "$v_end" ] || return 1
        sleep 0.2
    done
}

pods=$(list_pods)
own=$(printf '%s\n' "$pods" | awk -v node="$node" '$1 == node { print $2 }')
[ -n "$own" ] || die "no pod of the verification runs on $node"
net=$(netns_of "$own") || die "the pod $own is not to be found on $node"
failed=
for peer in $nodes; do
    [ "$peer" != "$node" ] || continue
    address=$(printf '%s\n' "$pods" | awk -v node="$peer" '$1 == node { print $2 }')
    if [ -n "$address" ] && answers "$address" 9 'refused open'; then
        say "$node ($own) reaches $peer ($address)"
    else
        failed="$failed the pod on $peer (${address:-no address}: ${result:-});"
    fi
done
if answers "$service" 443 open; then
    say "$node ($own) reaches the service network ($service)"
else
    failed="$failed the service network ($service:443: $result; is kube-proxy well?);"
fi
[ -z "$failed" ] || die "from the pod on $node ($own) there is no way to:${failed%;}"
