# The kubelet, 1.20 to 1.36: pkg/kubelet/kubelet_network_linux.go, pkg/kubelet/config, pkg/kubelet/cm of Kubernetes; kubeadm's files of a node.
# shellcheck shell=sh disable=SC2154
begin kubelet
for program in iptables ip6tables; do
    case $program in iptables) local=127.0.0.0/8 ;; *) local=::1/128 ;; esac
    rules "$program" <<RULES
*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
*nat
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-MARK-DROP - [0:0]
-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
-A INPUT -j KUBE-FIREWALL
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s $local -d $local -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP
COMMIT
RULES
done
directory /var/lib/kubelet config.yaml pki/kubelet.crt cpu_manager_state
pod=/var/lib/kubelet/pods/1c0e4f2a-9b3d-4e5f-8a7b-6c5d4e3f2a1b
mkdir -p "$pod/volumes/kubernetes.io~projected/kube-api-access-x2k9p" "$pod/etc-hosts"
mount -t tmpfs -o size=1m tmpfs "$pod/volumes/kubernetes.io~projected/kube-api-access-x2k9p"
echo token >"$pod/volumes/kubernetes.io~projected/kube-api-access-x2k9p/token"
directory /var/log/pods kube-system_kube-proxy-7x2vd_1c0e4f2a/kube-proxy/0.log
directory /var/log/containers kube-proxy-7x2vd_kube-system_kube-proxy.log
# A hierarchy of version 1 where the host has that, and of version 2.
for root in /sys/fs/cgroup/memory /sys/fs/cgroup/pids /sys/fs/cgroup/unified /sys/fs/cgroup; do
    if [ -w "$root" ] && [ -e "$root/cgroup.procs" ] && able mkdir -p "$root/kubepods/besteffort/pod1c0e4f2a"; then
        printf 'cgroup\t%s\t%s\n' "$owner" "$root/kubepods"
    fi
done
end
