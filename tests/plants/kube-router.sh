# kube-router, 1.6 and 2.x: pkg/controllers/{netpol,proxy,routing}, pkg/routes, pkg/tunnels, pkg/utils/{ipset,linux_routingtable}.go.
# shellcheck shell=sh disable=SC2154
begin kube-router
link kube-bridge type bridge
ip addr add 10.233.64.1/24 dev kube-bridge
if link kube-dummy-if type dummy; then
    ip addr add 10.233.0.1/32 dev kube-dummy-if
    ip addr add 10.233.0.10/32 dev kube-dummy-if
fi
link tun-5a9c3b1e7d2 type ipip local "$(node_address)" remote 192.0.2.14 || :
if able modprobe ip_vs && command -v ipvsadm >/dev/null; then
    ipvsadm -A -t 10.233.0.1:443 -s rr
    ipvsadm -a -t 10.233.0.1:443 -r 192.0.2.13:6443 -m
    ipvsadm -A -u 10.233.0.10:53 -s rr
else
    without IPVS
fi
gateway=$(ip route | awk '$1 == "default" { print $3; exit }')
ip route add 10.233.65.0/24 via "$gateway" proto 17
ip rule add from 10.233.64.0/24 lookup 77
ip rule add prio 32764 fwmark 0x2a1f lookup 78
ip rule add prio 32765 from all lookup 79
ip route add "$gateway" dev "$(node_link)" table 77
ip route add local default dev lo table 78
ip route add 203.0.113.7/32 dev kube-bridge table 79
for line in '77 kube-router' '78 kube-router-dsr' '79 external_ip'; do
    echo "$line" >>/etc/iproute2/rt_tables
    printf 'line\t%s\t/etc/iproute2/rt_tables %s\n' "$owner" "$line"
done
for name in kube-router-pod-subnets:net kube-router-node-ips:ip kube-router-local-ips:ip kube-router-svip:ip kube-router-svip-prt:ip,port KUBE-SRC-6FBDKGWHNK6LBWSQ:ip KUBE-DST-2FAIIK2E4RIPMTGF:ip; do
    ipset create "${name%:*}" "hash:${name#*:}" family inet timeout 0
    ipset create "inet6:${name%:*}" "hash:${name#*:}" family inet6 timeout 0
done
for program in iptables ip6tables; do
    case $program in iptables) six='' icmp=icmp-port-unreachable ;; *) six=inet6: icmp=icmp6-port-unreachable ;; esac
    rules "$program" <<RULES
*nat
:KUBE-ROUTER-HAIRPIN - [0:0]
-A POSTROUTING -m set --match-set ${six}kube-router-pod-subnets src -m set ! --match-set ${six}kube-router-pod-subnets dst -m set ! --match-set ${six}kube-router-node-ips dst -j MASQUERADE --random-fully
-A POSTROUTING -m comment --comment "hairpin of services" -j KUBE-ROUTER-HAIRPIN
COMMIT
*filter
:KUBE-NWPLCY-COMMON - [0:0]
:KUBE-NWPLCY-DEFAULT - [0:0]
:KUBE-POD-FW-4UQZXWGDTB4SLUOV - [0:0]
:KUBE-ROUTER-FORWARD - [0:0]
:KUBE-ROUTER-INPUT - [0:0]
:KUBE-ROUTER-OUTPUT - [0:0]
:KUBE-ROUTER-SERVICES - [0:0]
-A INPUT -m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-INPUT
-A INPUT -m comment --comment "handle traffic to IPVS service IPs in custom chain" -m set --match-set ${six}kube-router-svip dst -j KUBE-ROUTER-SERVICES
-A FORWARD -m comment --comment "kube-router netpol - TEMCG2JMHZYE7H7T" -j KUBE-ROUTER-FORWARD
-A FORWARD -o kube-bridge -m comment --comment "allow inbound traffic to pods" -j ACCEPT
-A FORWARD -i kube-bridge -m comment --comment "allow outbound traffic from pods" -j ACCEPT
-A FORWARD -o $(node_link) -m comment --comment "allow outbound node port traffic on node interface with which node ip is associated" -j ACCEPT
-A OUTPUT -m comment --comment "kube-router netpol - VEAAIY32XVBHCSCY" -j KUBE-ROUTER-OUTPUT
-A KUBE-ROUTER-SERVICES -m comment --comment "allow input traffic to ipvs services" -m set --match-set ${six}kube-router-svip-prt dst,dst -j ACCEPT
-A KUBE-ROUTER-SERVICES -m comment --comment "reject all unexpected traffic to service IPs" -m set ! --match-set ${six}kube-router-local-ips dst -j REJECT --reject-with $icmp
-A KUBE-POD-FW-4UQZXWGDTB4SLUOV -m comment --comment "run through default network policy" -j KUBE-NWPLCY-DEFAULT
COMMIT
RULES
done
file /etc/cni/net.d/10-kuberouter.conflist '{"cniVersion":"0.3.0","name":"mynet","plugins":[{"name":"kubernetes","type":"bridge","bridge":"kube-bridge","isDefaultGateway":true,"ipam":{"type":"host-local"}}]}'
directory /var/lib/kube-router kubeconfig
end
