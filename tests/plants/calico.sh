# calico, 3.27 to 3.32: felix/rules/{rule_defs,static,nat}.go, felix/ipsets/ipset_defs.go, felix/dataplane/linux/dataplanedefs,
# felix/nftables/table_layer.go, felix/bpf/bpfdefs, felix/config/config_params.go, and its manifest's files. The hash in a comment is felix' own.
# shellcheck shell=sh disable=SC2154
begin calico
for pod in cali0ef24b3a4c1 cali9d1f00c2b7e; do link "$pod" type veth peer name "veth${pod#cali}"; done
# The pods' routes are of the protocol boot: they go with their links.
ip route add 10.250.77.1/32 dev cali0ef24b3a4c1 scope link
if link vxlan.calico type vxlan id 4096 local "$(node_address)" dev "$(node_link)" dstport 4789 nolearning; then
    ip addr add 10.250.77.0/32 dev vxlan.calico
    ip route add 10.250.78.0/26 via 10.250.78.0 dev vxlan.calico onlink proto 80
fi
link vxlan-v6.calico type vxlan id 4096 local fd00:77::13 dev "$(node_link)" dstport 4789 nolearning || :
link bpfin.cali type veth peer name bpfout.cali || :
link wireguard.cali type wireguard || :
if link wg-v6.cali type wireguard; then :; fi
if able modprobe ipip && ip link show tunl0 >/dev/null 2>&1; then
    # A device of the kernel's own, which felix gives an address of the pool.
    ip addr add 10.250.77.64/32 dev tunl0
    ip link set tunl0 up
    printf 'link\t%s\ttunl0\n' "$owner"
else
    without 'tunl0'
fi
# Blocks of this node, and of others where nothing encapsulates.
ip route add blackhole 10.250.77.0/26 proto 80
ip route add 10.250.79.0/26 via "$(ip route | awk '$1 == "default" { print $3; exit }')" dev "$(node_link)" proto 80
ip route add blackhole 10.250.80.0/26 proto bird
ip -6 route add blackhole fd00:10:250:77::/122 proto 80
ipset create cali40masq-ipam-pools hash:net family inet maxelem 1048576
ipset add cali40masq-ipam-pools 10.250.0.0/16
ipset create cali40all-ipam-pools hash:net family inet maxelem 1048576
ipset create cali40s:Q2xmFxYQY0S8OPDHGWYdXGt hash:net family inet
ipset create cali4t0 hash:net family inet
ipset create cali60all-ipam-pools hash:net family inet6
ipset create cali60masq-ipam-pools hash:net family inet6
for program in iptables ip6tables; do
    case $program in iptables) set=cali40 ;; *) set=cali60 ;; esac
    rules "$program" <<RULES
*filter
:cali-FORWARD - [0:0]
:cali-INPUT - [0:0]
:cali-OUTPUT - [0:0]
:cali-from-wl-dispatch - [0:0]
:cali-fw-cali0ef24b3a4c1 - [0:0]
:cali-pri-kns.default - [0:0]
:cali-pi-_kKOb7x0nWm2vEAcPm9z - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FORWARD -m comment --comment "cali:mp77cMpurHhyjLrM" -j MARK --set-xmark 0x10000/0x10000
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A cali-FORWARD -i cali+ -m comment --comment "cali:8ZoYfO5HKXWbB3pk" -j cali-from-wl-dispatch
-A cali-from-wl-dispatch -i cali0ef24b3a4c1 -m comment --comment "cali:KN1rVTmzv-l2IMBk" -g cali-fw-cali0ef24b3a4c1
-A cali-from-wl-dispatch -m comment --comment "cali:3QYBhfh7lg9VvFXP" -m comment --comment "Unknown interface" -j DROP
-A cali-fw-cali0ef24b3a4c1 -m comment --comment "cali:D_R7-0pQZ_7PqmQz" -j cali-pri-kns.default
COMMIT
*nat
:cali-OUTPUT - [0:0]
:cali-POSTROUTING - [0:0]
:cali-PREROUTING - [0:0]
:cali-nat-outgoing - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A POSTROUTING -m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING
-A cali-POSTROUTING -m comment --comment "cali:NVsX9ShDqQf6x6cP" -j cali-nat-outgoing
-A cali-nat-outgoing -m comment --comment "cali:flqWnvo8yq4ULQLa" -m set --match-set ${set}masq-ipam-pools src -m set ! --match-set ${set}all-ipam-pools dst -j MASQUERADE --random-fully
COMMIT
*mangle
:cali-POSTROUTING - [0:0]
:cali-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A POSTROUTING -m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING
-A cali-PREROUTING -m comment --comment "cali:6BJqBjBC7crtA-7-" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*raw
:cali-OUTPUT - [0:0]
:cali-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A cali-PREROUTING -i cali+ -m comment --comment "cali:ZUQLhEO0WVXgEmmm" -j MARK --set-xmark 0x40000/0x40000
COMMIT
RULES
    nft -f - <<NFT
table $(family_of "$program") calico {
    chain filter-cali-FORWARD { iifname "cali*" counter comment "cali:8ZoYfO5HKXWbB3pk; "; }
    chain filter-FORWARD { type filter hook forward priority filter; policy accept; jump filter-cali-FORWARD; }
}
NFT
done
file /etc/cni/net.d/10-calico.conflist '{"name":"k8s-pod-network","cniVersion":"0.3.1","plugins":[{"type":"calico"},{"type":"portmap"}]}'
file /etc/cni/net.d/calico-kubeconfig
directory /etc/cni/net.d/calico-tls etcd-key
program /opt/cni/bin/calico
program /opt/cni/bin/calico-ipam
directory /var/lib/calico nodename mtu
directory /run/calico bird.ctl
directory /var/log/calico cni/cni.log felix.log
directory /run/nodeagent uds_socket
directory /usr/libexec/kubernetes/kubelet-plugins/volume/exec/nodeagent~uds uds
file /etc/NetworkManager/conf.d/calico.conf '[keyfile]'
mkdir -p /run/calico/cgroup
able mount -t cgroup2 none /run/calico/cgroup || without 'a mount of cgroup2'
end
