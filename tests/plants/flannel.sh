# flannel, 0.28: pkg/backend/{vxlan,wireguard,ipip,hostgw}, pkg/trafficmngr/{iptables,nftables}, and its manifest's files.
# The bridge cni0 is of the plugin that it calls (cni-plugins.sh). Back ends and modes that exclude one another are planted together: people change them.
# shellcheck shell=sh disable=SC2154
begin flannel
link flannel.1 type vxlan id 1 local "$(node_address)" dev "$(node_link)" dstport 8472 nolearning
ip addr add 10.244.1.0/32 dev flannel.1
ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
if link flannel-v6.1 type vxlan id 1 dev "$(node_link)" local fd00:77::13 dstport 8472 nolearning udp6zerocsumrx; then
    ip addr add fd00:10:244:1::/128 dev flannel-v6.1 2>/dev/null || :
fi
# To a node on the same segment, by host-gw or DirectRouting: a plain route.
ip route add 10.244.3.0/24 via "$(ip route | awk '$1 == "default" { print $3; exit }')" dev "$(node_link)"
link flannel-wg type wireguard || :
link flannel-wg-v6 type wireguard || :
link flannel.ipip type ipip local "$(node_address)" || :
for family in ip ip6; do
    case $family in
        ip) program=iptables cluster=10.244.0.0/16 pods=10.244.1.0/24 multicast=224.0.0.0/4 nft=ip table=flannel-ipv4 ;;
        *) program=ip6tables cluster=fd00:10:244::/48 pods=fd00:10:244:1::/64 multicast=ff00::/8 nft=ip6 table=flannel-ipv6 ;;
    esac
    rules "$program" <<RULES
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s $cluster -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d $cluster -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s $pods -d $cluster -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s $cluster -d $pods -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s $cluster ! -d $multicast -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
RULES
    nft -f - <<NFT
table $nft $table {
    comment "rules for $table"
    chain forward {
        comment "chain to accept flannel traffic"
        type filter hook forward priority filter; policy accept;
        $nft saddr $cluster accept
    }
    chain postrtg {
        comment "chain to manage traffic masquerading by flannel"
        type nat hook postrouting priority srcnat; policy accept;
        meta mark 0x00004000 return
        $nft saddr $cluster $nft daddr != $multicast masquerade fully-random
    }
}
NFT
done
# Versions before 0.20 had no chain of their own for this.
rules iptables <<'RULES'
*nat
-A POSTROUTING ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
RULES
file /etc/cni/net.d/10-flannel.conflist '{"name":"cbr0","cniVersion":"0.3.1","plugins":[{"type":"flannel"},{"type":"portmap"}]}'
program /opt/cni/bin/flannel
directory /run/flannel subnet.env
printf 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' >/run/flannel/subnet.env
directory /var/lib/cni/flannel 0f2d0d3c57ef1e0e1e4d7f1a6b1f2f7c3b8c9d0e1f2a3b4c5d6e7f8091a2b3c4
end
