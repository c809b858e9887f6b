# kube-ovn, 1.12 to 1.14: dist/images/{uninstall,install-cni,install}.sh, pkg/util/const.go, pkg/daemon/gateway_linux.go.
# What Open vSwitch makes in the kernel is a tap here.
# shellcheck shell=sh disable=SC2154
begin kube-ovn
for name in ovn0 ovs-system br-int mirror0; do
    ip tuntap add dev "$name" mode tap
    ip link set "$name" up
done
ip addr add 100.64.0.2/16 dev ovn0
ip route add 10.16.0.0/16 via 100.64.0.1 dev ovn0
link genev_sys_6081 type geneve external dstport 6081 || :
for name in subnets services subnets-nat subnets-nat-policy subnets-distributed-gw local-pod-ip-nat other-node; do
    ipset create "ovn40$name" hash:net family inet maxelem 1048576
    ipset create "ovn60$name" hash:net family inet6 maxelem 1048576
done
for program in iptables ip6tables; do
    case $program in iptables) set=ovn40 ;; *) set=ovn60 ;; esac
    rules "$program" <<RULES
*mangle
:OVN-OUTPUT - [0:0]
:OVN-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "kube-ovn prerouting rules" -j OVN-PREROUTING
-A OUTPUT -m comment --comment "kube-ovn output rules" -j OVN-OUTPUT
COMMIT
*nat
:OVN-MASQUERADE - [0:0]
:OVN-NAT-POLICY - [0:0]
:OVN-NAT-PSUBNET-0a1b2c3d4e5f - [0:0]
:OVN-POSTROUTING - [0:0]
:OVN-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "kube-ovn prerouting rules" -j OVN-PREROUTING
-A POSTROUTING -m comment --comment "kube-ovn postrouting rules" -j OVN-POSTROUTING
-A OVN-MASQUERADE -j MARK --set-xmark 0x0/0xffffffff
-A OVN-MASQUERADE -j MASQUERADE --random-fully
-A OVN-POSTROUTING -m set --match-set ${set}subnets-nat src -m set ! --match-set ${set}subnets dst -j OVN-MASQUERADE
COMMIT
*filter
-A INPUT -m set --match-set ${set}subnets src -j ACCEPT
-A INPUT -m set --match-set ${set}services dst -j ACCEPT
-A INPUT -p tcp -m mark ! --mark 0x4000/0x4000 -m set --match-set ${set}services dst -m conntrack --ctstate NEW -j REJECT
-A FORWARD -m set --match-set ${set}subnets dst -j ACCEPT
-A FORWARD -m set --match-set ${set}services src -j ACCEPT
-A OUTPUT -p tcp -m mark ! --mark 0x4000/0x4000 -m set --match-set ${set}services dst -m conntrack --ctstate NEW -j REJECT
COMMIT
RULES
done
file /etc/cni/net.d/01-kube-ovn.conflist '{"name":"kube-ovn","cniVersion":"0.3.1","plugins":[{"type":"kube-ovn"},{"type":"portmap"}]}'
program /opt/cni/bin/kube-ovn
directory /etc/origin/ovn ovnnb_db.db
directory /etc/origin/openvswitch conf.db
directory /run/ovn ovn-controller.pid
directory /run/openvswitch ovs-vswitchd.pid
directory /var/log/ovn ovn-controller.log
directory /var/log/openvswitch ovs-vswitchd.log
directory /var/log/kube-ovn kube-ovn-cni.log
end
