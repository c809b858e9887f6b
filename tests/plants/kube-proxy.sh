# kube-proxy, 1.20 to 1.36, in its modes iptables, ipvs and nftables (one after another, on nodes whose people have changed it):
# pkg/proxy/iptables/proxier.go, pkg/proxy/ipvs/{proxier,ipset,netlink_linux}.go, pkg/proxy/nftables/proxier.go of Kubernetes.
# shellcheck shell=sh disable=SC2154
begin kube-proxy
for program in iptables ip6tables; do
    case $program in iptables) service=10.96.0.1/32 endpoint=192.168.77.13 reject=icmp-port-unreachable set=KUBE- ;; *) service=fd00:96::1/128 endpoint=fd00:77::13 reject=icmp6-port-unreachable set=KUBE-6- ;; esac
    for name in CLUSTER-IP:hash:ip,port LOOP-BACK:hash:ip,port,ip NODE-PORT-TCP:bitmap:port EXTERNAL-IP:hash:ip,port LOAD-BALANCER:hash:ip,port; do
        case $program:$name in
            *bitmap*) ipset create "$set${name%%:*}" bitmap:port range 0-65535 ;;
            iptables:*) ipset create "$set${name%%:*}" "${name#*:}" family inet ;;
            *) ipset create "$set${name%%:*}" "${name#*:}" family inet6 ;;
        esac
    done
    rules "$program" <<RULES
*mangle
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-SERVICES -d $service -p tcp -m comment --comment "default/none has no endpoints" -m tcp --dport 80 -j REJECT --reject-with $reject
COMMIT
*nat
:KUBE-LOAD-BALANCER - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-NODE-PORT - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SEP-23Y66C2VAJ3WDEMI - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set ${set}LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-SEP-23Y66C2VAJ3WDEMI -s $endpoint -m comment --comment "default/kubernetes:https" -j KUBE-MARK-MASQ
-A KUBE-SERVICES -d $service -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
-A KUBE-SERVICES -m set --match-set ${set}CLUSTER-IP dst,dst -j ACCEPT
-A KUBE-SVC-NPX46M4PTMTKRN6Y -m comment --comment "default/kubernetes:https" -j KUBE-SEP-23Y66C2VAJ3WDEMI
COMMIT
RULES
    nft -f - <<NFT
table $(family_of "$program") kube-proxy {
    comment "rules for kube-proxy"
    chain masquerading { }
    chain services { }
    chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept; jump masquerading; }
    chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
}
NFT
done
if link kube-ipvs0 type dummy; then
    ip link set kube-ipvs0 down
    ip addr add 10.96.0.1/32 dev kube-ipvs0
    ip addr add 10.96.0.10/32 dev kube-ipvs0
fi
if able modprobe ip_vs && command -v ipvsadm >/dev/null; then
    ipvsadm -A -t 10.96.0.1:443 -s rr
    ipvsadm -a -t 10.96.0.1:443 -r 192.0.2.13:6443 -m
    ipvsadm -A -u 10.96.0.10:53 -s rr
else
    without IPVS
fi
directory /var/lib/kube-proxy kubeconfig.conf
end
