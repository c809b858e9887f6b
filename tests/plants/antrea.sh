# antrea, 1.15 to 2.4: pkg/agent/config/node_config.go, pkg/agent/route/route_linux.go, pkg/agent/controller/egress,
# pkg/agent/nodeportlocal/rules, build/images/scripts/install_cni. What Open vSwitch makes in the kernel is a tap here.
# shellcheck shell=sh disable=SC2154
begin antrea
for name in antrea-gw0 ovs-system br-int; do
    ip tuntap add dev "$name" mode tap
    ip link set "$name" up
done
ip addr add 10.10.1.1/24 dev antrea-gw0
ip route add 10.10.2.0/24 via 10.10.2.1 dev antrea-gw0 onlink
ip route add 169.254.0.253/32 dev antrea-gw0 scope link
for name in antrea-egress0 antrea-ingress0; do
    link "$name" type dummy || :
done
link genev_sys_6081 type geneve external dstport 6081 || :
link antrea-wg0 type wireguard || :
ipset create ANTREA-POD-IP hash:net family inet
ipset add ANTREA-POD-IP 10.10.1.0/24
ipset create ANTREA-POD-IP6 hash:net family inet6
ipset create ANTREA-NODEPORT-IP hash:ip,port family inet
ipset create CLUSTER-NODE-IP hash:ip family inet
ipset create LOCAL-FLEXIBLE-IPAM-POD-IP hash:ip family inet
ipset create ANTREA-POL-4A2CC1A3E5F1 hash:net family inet
for program in iptables ip6tables; do
    case $program in iptables) pods=10.10.1.0/24 set=ANTREA-POD-IP ;; *) pods=fd00:10:10:1::/64 set=ANTREA-POD-IP6 ;; esac
    rules "$program" <<RULES
*raw
:ANTREA-OUTPUT - [0:0]
:ANTREA-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "Antrea: jump to Antrea prerouting rules" -j ANTREA-PREROUTING
-A OUTPUT -m comment --comment "Antrea: jump to Antrea output rules" -j ANTREA-OUTPUT
-A ANTREA-PREROUTING -p udp -m comment --comment "Antrea: do not track incoming encapsulation packets" -m udp --dport 6081 -m addrtype --dst-type LOCAL -j CT --notrack
COMMIT
*mangle
:ANTREA-MANGLE - [0:0]
:ANTREA-OUTPUT - [0:0]
-A PREROUTING -m comment --comment "Antrea: jump to Antrea mangle rules" -j ANTREA-MANGLE
-A OUTPUT -m comment --comment "Antrea: jump to Antrea output rules" -j ANTREA-OUTPUT
-A ANTREA-OUTPUT -o antrea-gw0 -m comment --comment "Antrea: mark LOCAL output packets" -m addrtype --src-type LOCAL -j MARK --set-xmark 0x80000000/0x80000000
COMMIT
*filter
:ANTREA-FORWARD - [0:0]
:ANTREA-INPUT - [0:0]
:ANTREA-POL-INGRESS-RULES - [0:0]
-A INPUT -m comment --comment "Antrea: jump to Antrea input rules" -j ANTREA-INPUT
-A INPUT -m comment --comment "Antrea: jump to static ingress NodeNetworkPolicy rules" -j ANTREA-POL-INGRESS-RULES
-A FORWARD -m comment --comment "Antrea: jump to Antrea forwarding rules" -j ANTREA-FORWARD
-A ANTREA-FORWARD -i antrea-gw0 -m comment --comment "Antrea: accept packets from local Pods" -j ACCEPT
-A ANTREA-FORWARD -o antrea-gw0 -m comment --comment "Antrea: accept packets to local Pods" -j ACCEPT
COMMIT
*nat
:ANTREA-POSTROUTING - [0:0]
:ANTREA-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "Antrea: jump to Antrea prerouting rules" -j ANTREA-PREROUTING
-A POSTROUTING -m comment --comment "Antrea: jump to Antrea postrouting rules" -j ANTREA-POSTROUTING
-A ANTREA-POSTROUTING -s $pods ! -o antrea-gw0 -m comment --comment "Antrea: masquerade Pod to external packets" -m set ! --match-set $set dst -j MASQUERADE
COMMIT
RULES
done
file /etc/cni/net.d/10-antrea.conflist '{"name":"antrea","cniVersion":"0.3.0","plugins":[{"type":"antrea"}]}'
program /opt/cni/bin/antrea
directory /run/antrea apis/antrea-agent.pid
directory /var/log/antrea antrea-agent.log
directory /run/openvswitch ovs-vswitchd.pid
directory /var/log/openvswitch ovs-vswitchd.log
end
