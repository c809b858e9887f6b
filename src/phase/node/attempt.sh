# kubeadm init and kubeadm join leave half a node behind when they are cut. A mark of ours tells such a half from a node that
# somebody wants to keep: only what we began and did not end is ever cleared.

attempt_begins() {
    printf '%s\n' "$1" >"$STATE/attempt.new"
    sync "$STATE/attempt.new" 2>/dev/null || sync
    mv -f "$STATE/attempt.new" "$STATE/attempt"
}

attempt_ends() {
    rm -f "$STATE/attempt" "$STATE/attempt.ca"
}

no_kubeadm() {
    ! grep -qx kubeadm /proc/[0-9]*/comm 2>/dev/null
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
    rm -rf "$a_keep" "$STATE/attempt"
}
