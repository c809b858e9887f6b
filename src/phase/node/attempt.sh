# kubeadm init and kubeadm join leave half a node behind when they are cut. A mark of ours tells such a half from a node that
# somebody wants to keep: only what we began and did not end is ever cleared. Beside the mark stands the CA of the attempt, for a person
# may have made another cluster here since. Values: node, settings (lines `NAME DIGEST`), socket (as kubeadm takes it), and those of
# state.sh.

attempt_begins() {
    mkdir -p "$STATE/cni"
    # What stands here before there is a node is not the cluster's CNI (podman has one of its own). A second try keeps the list of the first.
    [ -n "$attempt" ] && [ -e "$STATE/cni/before" ] || ls -d /etc/cni/net.d/* >"$STATE/cni/before" 2>/dev/null || :
    printf '%s\n' "$ca" >"$STATE/attempt.ca"
    printf '%s\n' "$1" >"$STATE/attempt.new"
    sync "$STATE/attempt.new" 2>/dev/null || sync
    mv -f "$STATE/attempt.new" "$STATE/attempt"
}

# What was asked of kubeadm is kept: a cluster file that asks for something else later is told that this is how it is.
attempt_ends() {
    [ "$role" = worker ] || printf 'since %s\n%s\n' "$(date +%s)" "$settings" >"$STATE/settings"
    rm -f "$STATE/attempt" "$STATE/attempt.ca"
}

# Sets `attempt` to what was begun here and has not ended, or to nothing. The mark of another cluster than the one that is here is void.
attempt_reads() {
    attempt=$(cat "$STATE/attempt" 2>/dev/null) || attempt=
    if [ -n "$attempt" ] && [ -e /etc/kubernetes/pki/ca.crt ] && ! grep -Fxq -e "$(ca_here)" "$STATE/attempt.ca" 2>/dev/null; then
        say "slipway's kubeadm $attempt was cut short here, but what is here now has another CA: leaving it alone"
        attempt=
    fi
}

# Processes of containers do not count: a container may run a kubeadm of its own.
no_kubeadm() {
    for a_comm in $(grep -lx kubeadm /proc/[0-9]*/comm 2>/dev/null); do
        [ "$(readlink "${a_comm%/comm}/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || return 1
    done
}

# What of a node is there, in words.
node_parts() {
    for a_file in /etc/kubernetes/admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/manifests/*.yaml /var/lib/etcd/member; do
        [ ! -e "$a_file" ] || printf '%s ' "$a_file"
    done
}

# Refuses to touch a node that we did not begin.
refuse_foreign() {
    a_parts=$(node_parts)
    [ -z "$a_parts" ] || die "$1: ${a_parts% }"
}

# Nodes and pods that a control plane has only if somebody has gone on with it by hand.
found_by_api() {
    kube get nodes -o 'jsonpath={range .items[*]}{"node "}{.metadata.name}{"\n"}{end}' 2>/dev/null | grep -Fxv -e "node $node" || :
    kube get pods --all-namespaces -o 'jsonpath={range .items[*]}{.metadata.namespace}{" pod "}{.metadata.name}{"\n"}{end}' 2>/dev/null |
        grep -v -e '^kube-system ' -e '^slipway-verify ' || :
}

refuse_in_use() {
    a_found=$(found_by_api | head -n 3)
    [ -z "$a_found" ] || die "slipway's kubeadm init was cut short here, but the cluster is in use ($(printf '%s' "$a_found" | tr '\n' ',')):" \
        "not clearing it. Run \`rm $STATE/attempt\` on $node to keep the cluster, or \`slipway reset\` to give it up"
}

# Clears what a cut attempt left, with the CAs kept: the hosts that join have been told their hash.
attempt_clears() {
    [ "$1" != init ] || refuse_in_use
    say "an earlier kubeadm $1 was cut short here: clearing what it left"
    a_keep=$RUN/pki
    rm -rf "$a_keep"
    mkdir -p "$a_keep/etcd"
    for a_file in ca.crt ca.key front-proxy-ca.crt front-proxy-ca.key sa.key sa.pub etcd/ca.crt etcd/ca.key; do
        [ ! -e "/etc/kubernetes/pki/$a_file" ] || cp -p "/etc/kubernetes/pki/$a_file" "$a_keep/$a_file"
    done
    # The first control plane has no one to say goodbye to: without admin.conf, kubeadm does not try to.
    [ "$1" != init ] || rm -f /etc/kubernetes/admin.conf
    timeout 60 systemctl stop kubelet || :
    # Of etcd, those that are in the cluster have taken a cut join's member out before anything was asked of this host. Kubeadm would look
    # for it for minutes.
    a_skip=
    [ "$1" = init ] || a_skip=--skip-phases=remove-etcd-member
    timeout 180 kubeadm reset -f --cri-socket="$socket" ${a_skip:+"$a_skip"} || say 'kubeadm reset did not end well; going on'
    rm -f /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/manifests/kube-controller-manager.yaml \
        /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes/manifests/etcd.yaml \
        /etc/kubernetes/admin.conf /etc/kubernetes/super-admin.conf /etc/kubernetes/kubelet.conf \
        /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf
    rm -rf /var/lib/etcd/member
    if [ "$1" = init ]; then
        mkdir -p /etc/kubernetes/pki/etcd
        cp -Rp "$a_keep/." /etc/kubernetes/pki/
    fi
    rm -rf "$a_keep" "$STATE/attempt" "$STATE/attempt.ca"
}
