# kubeadm init and kubeadm join leave half a node behind when they are cut. A mark of ours tells such a half from a node that
# somebody wants to keep: only what we began and did not end is ever cleared.

attempt_begins() {
    ca_sum >"$STATE/attempt.ca"
    printf '%s\n' "$1" >"$STATE/attempt.new"
    sync "$STATE/attempt.new" 2>/dev/null || sync
    mv -f "$STATE/attempt.new" "$STATE/attempt" "$STATE/attempt.ca"
}

attempt_ends() {
    rm -f "$STATE/attempt" "$STATE/attempt.ca"
}

# Which cluster's CA is here; nothing where there is none.
ca_sum() {
    [ ! -e /etc/kubernetes/pki/ca.crt ] || sha256sum </etc/kubernetes/pki/ca.crt
}

# A machine also sees the processes of the containers on it, which are none of its business.
no_kubeadm() {
    for a_comm in $(grep -lx kubeadm /proc/[0-9]*/comm 2>/dev/null); do
        [ "$(readlink "${a_comm%/comm}/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || return 1
    done
}

# An init that was cut may have been ended or done again by hand since, and have become a cluster that somebody uses.
refuse_used() {
    if [ -s "$STATE/attempt.ca" ] && [ -e /etc/kubernetes/pki/ca.crt ] && [ "$(ca_sum)" != "$(cat "$STATE/attempt.ca")" ]; then
        die "an earlier kubeadm $1 was cut short here, and the CA in /etc/kubernetes/pki has changed since: this is not that attempt any more"
    fi
    [ "$1" = init ] && [ -e /etc/kubernetes/admin.conf ] || return 0
    a_used=$(kube --request-timeout=10s get nodes,pods -A --no-headers -o custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name 2>/dev/null |
        awk -v self="$node" '($1 == "Node" && $3 != self) || ($1 == "Pod" && $2 != "kube-system" && $2 != "slipway-verify") { print $1 "/" $3 }' | head -n 5 | tr '\n' ' ')
    [ -z "$a_used" ] || die "an earlier kubeadm init was cut short here, but the cluster is in use since: $a_used; if it is whole, remove $STATE/attempt"
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

# Clears what a cut attempt left, with the CAs kept: the hosts that join have been told their hash.
attempt_clears() {
    refuse_used "$1"
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
    timeout 180 kubeadm reset -f --cri-socket=unix:///run/containerd/containerd.sock || say 'kubeadm reset did not end well; going on'
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
