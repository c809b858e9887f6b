# Everything here may fail: the check that follows says whether it is done, and the steps behind this one go on all the same.
set +e
timeout 90 systemctl stop kubelet 2>/dev/null
if have kubeadm && [ -n "$(left_kubelet)" ]; then
    socket=
    for candidate in /run/containerd/containerd.sock /var/run/crio/crio.sock /var/run/cri-dockerd.sock; do
        if [ -z "$socket" ] && [ -S "$candidate" ]; then socket=unix://$candidate; fi
    done
    # With no control plane left there is no etcd to leave and no API to ask, and trying takes a minute.
    [ -z "$flags" ] || rm -f /etc/kubernetes/admin.conf
    # shellcheck disable=SC2086 # flags are words
    timeout -k 10 180 kubeadm reset -f ${socket:+--cri-socket="$socket"} $flags ||
        say 'kubeadm reset did not end well; what it left is taken away without it'
fi
left_kubelet | while read -r file; do
    case $file in /*) rm -rf "$file" ;; esac
done
timeout 60 systemctl stop kubelet 2>/dev/null
systemctl reset-failed kubelet 2>/dev/null
:
