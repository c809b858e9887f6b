# Everything here may fail: the check that follows says whether it is done, and the steps behind this one go on all the same.
set +e

# Nothing listens on etcd's port (094B in hexadecimal): it does not run, or was removed and has stopped by itself. One without data may be
# a member all the same; a control plane that stays (value: speaker) has taken that out too, and kubeadm would wait minutes for the dead.
etcd_has_left() {
    { [ -n "$speaker" ] || [ -d /var/lib/etcd/member ]; } && ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" && $2 ~ /:094B$/ { found = 1 } END { exit !found }'
}

# Whether the runtime behind this socket answers.
runtime_answers() {
    case $1 in
    '') return 1 ;;
    *dockershim.sock) timeout -k 2 10 docker version ;;
    *) timeout -k 2 10 crictl -r "unix://${1#unix://}" -t 5s version ;;
    esac >/dev/null 2>&1
}

# Only the manifests tell them, and those go here.
addresses_told >>"$RUN/addresses"
printf '%s\n' "$here" >>"$RUN/owners"
stop_unit kubelet 60
for process in $(processes_of kubelet .); do
    kill -s KILL "$process"
done
# kubeadm deletes through what it cannot unmount.
unmount_left
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
    until [ -n "$whole" ] || [ ! -d /var/lib/etcd/member ] || etcd_has_left || [ "$tries" -ge 50 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
    skip=
    if [ -n "$whole" ] || etcd_has_left; then skip=remove-etcd-member; fi
    # It unmounts a disk of the kubelet's own, deletes through mounts, and asks the runtime for each pod many times over.
    if [ -n "$(left_mounts)" ]; then
        why='something is still mounted below /var/lib/kubelet'
    elif [ -n "$(others_networks)" ]; then
        # Up to 1.24 it deletes /var/lib/cni.
        why="/var/lib/cni holds what is not the cluster's: $(one_line "$(others_networks)")"
    elif is_mount_point /var/lib/kubelet; then
        why='/var/lib/kubelet is a disk of its own'
    elif ! runtime_answers "$socket"; then
        why='the runtime does not answer'
    else
        why=
    fi
    if [ -n "$why" ]; then
        say "kubeadm does not clean up, since $why: that is done without it"
        skip=${skip:+$skip,}cleanup-node
    fi
    if [ -z "$why" ] || [ -e /etc/kubernetes/admin.conf ]; then
        timeout -k 10 120 kubeadm reset -f ${socket:+--cri-socket="$socket"} ${skip:+--skip-phases="$skip"} ||
            say 'kubeadm reset did not end well; what it left is taken away without it'
    fi
fi
left_kubelet | while read -r file; do
    case $file in /*) timeout -k 2 20 rm -f "$file" ;; esac
done
stop_unit kubelet 20
timeout -k 2 10 systemctl reset-failed kubelet 2>/dev/null
:
