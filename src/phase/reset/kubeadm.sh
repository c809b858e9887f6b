# Everything here may fail: the check that follows says whether it is done, and the steps behind this one go on all the same.
set +e

# Nothing listens on etcd's port (094B in hexadecimal): it does not run, or was removed and has stopped by itself. One that never ran
# has no data, and may be a member all the same, without a name by which others could have taken it out.
etcd_has_left() {
    [ -d /var/lib/etcd/member ] && ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" && $2 ~ /:094B$/ { found = 1 } END { exit !found }'
}

# Only the manifests tell them, and those go here.
addresses_told >>"$RUN/addresses"
timeout 90 systemctl stop kubelet 2>/dev/null
if have kubeadm && [ -n "$(left_kubelet)" ]; then
    # The runtime that the kubelet was told of; a kubelet that was told of none (up to 1.23) has Docker.
    flags_file=/var/lib/kubelet/kubeadm-flags.env
    socket=$(sed -n 's/^containerRuntimeEndpoint: *//p' /var/lib/kubelet/instance-config.yaml 2>/dev/null | tr -d "\"'")
    [ -n "$socket" ] || socket=$(sed -n 's/.*--container-runtime-endpoint=\([^ "]*\).*/\1/p' $flags_file 2>/dev/null | head -n 1)
    if [ -z "$socket" ] && [ -f $flags_file ] && have docker; then socket=/var/run/dockershim.sock; fi
    for candidate in /run/containerd/containerd.sock /var/run/crio/crio.sock /var/run/cri-dockerd.sock; do
        if [ -z "$socket" ] && [ -S "$candidate" ]; then socket=unix://$candidate; fi
    done
    # With no control plane left there is no etcd to leave and no API to ask, and trying takes a minute.
    [ -z "$whole" ] || rm -f /etc/kubernetes/admin.conf
    # A control plane that stays has taken this one out of etcd, which stops then. One that serves on was not taken out: kubeadm may try.
    tries=0
    until [ -n "$whole" ] || [ ! -d /var/lib/etcd/member ] || etcd_has_left || [ "$tries" -ge 10 ]; do
        tries=$((tries + 1))
        sleep 1
    done
    flags=
    if [ -n "$whole" ] || etcd_has_left; then flags=--skip-phases=remove-etcd-member; fi
    timeout -k 10 180 kubeadm reset -f ${socket:+--cri-socket="$socket"} ${flags:+"$flags"} ||
        say 'kubeadm reset did not end well; what it left is taken away without it'
fi
left_kubelet | while read -r file; do
    case $file in /*) rm -rf "$file" ;; esac
done
timeout 60 systemctl stop kubelet 2>/dev/null
systemctl reset-failed kubelet 2>/dev/null
:
