# What a host that is part of the cluster looks like. Values: role, ca (the CA certificate's base64 on one line, or nothing).

# The base64 of the CA certificate that is here, on one line.
ca_here() {
    sed '/^-----/d' /etc/kubernetes/pki/ca.crt 2>/dev/null | tr -d ' \r\n'
}

has_ca() {
    [ -z "$ca" ] || [ "$(ca_here)" = "$ca" ]
}

has_files() {
    [ -s /etc/kubernetes/kubelet.conf ] || return 1
    [ "$role" = worker ] && return 0
    for s_file in admin.conf manifests/kube-apiserver.yaml manifests/kube-controller-manager.yaml manifests/kube-scheduler.yaml manifests/etcd.yaml; do
        [ -s "/etc/kubernetes/$s_file" ] || return 1
    done
}

# Something listens on 6443 (192B in hexadecimal); no program is needed to see that.
api_listens() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk '$4 == "0A" && $2 ~ /:192B$/ { found = 1 } END { exit !found }'
}

# The end state: whole, ours and up, and nothing begun that has not ended.
is_member() {
    [ ! -e "$STATE/attempt" ] && has_files && has_ca && systemctl is-active --quiet kubelet || return 1
    [ "$role" = worker ] || api_listens
}
