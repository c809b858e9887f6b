# The reference plugins, 1.0 to 1.9: plugins/main/bridge, pkg/ip/ipmasq_{iptables,nftables}_linux.go, plugins/meta/portmap/{portmap,chain,
# portmap_nftables}.go, plugins/ipam/host-local, libcni's cache. For flannel's network: what names it is flannel's.
# shellcheck shell=sh disable=SC2154
begin cni-plugins
container=6f1d0c3b5a7e9f2d4c6b8a0e1f3d5c7b9a0e2f4d6c8b0a1e3f5d7c9b1a2e4f6d
sandbox=cni-2b8e6a1c-4f3d-9a7b-0c5e-1d2f3a4b5c6d
ip netns add "$sandbox"
end
# The plugin makes it for flannel.
begin 'cni-plugins|flannel'
link cni0 type bridge
ip addr add 10.244.1.1/24 dev cni0
end
begin cni-plugins
ip link add veth9f3a1c2b type veth peer name eth0 netns "$sandbox"
ip link set veth9f3a1c2b master cni0 up
# What all port mappings share may be there already.
shared() {
    s_chain=$1
    shift
    "iptables-$tables" -w -t nat -N "$s_chain" 2>/dev/null || :
    while [ $# -gt 0 ]; do
        # shellcheck disable=SC2086 # a rule is words
        "iptables-$tables" -w -t nat -C $1 2>/dev/null || "iptables-$tables" -w -t nat -A $1
        shift
    done
}
shared CNI-HOSTPORT-SETMARK
"iptables-$tables" -w -t nat -C CNI-HOSTPORT-SETMARK -m comment --comment 'CNI portfwd masquerade mark' -j MARK --set-xmark 0x2000/0x2000 2>/dev/null ||
    "iptables-$tables" -w -t nat -A CNI-HOSTPORT-SETMARK -m comment --comment 'CNI portfwd masquerade mark' -j MARK --set-xmark 0x2000/0x2000
shared CNI-HOSTPORT-MASQ 'CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE'
"iptables-$tables" -w -t nat -C POSTROUTING -m comment --comment 'CNI portfwd requiring masquerade' -j CNI-HOSTPORT-MASQ 2>/dev/null ||
    "iptables-$tables" -w -t nat -A POSTROUTING -m comment --comment 'CNI portfwd requiring masquerade' -j CNI-HOSTPORT-MASQ
shared CNI-HOSTPORT-DNAT 'PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT' 'OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT'
end
begin flannel
rules iptables <<RULES
*nat
:CNI-8a5c1d2e3f405162738495a6 - [0:0]
:CNI-DN-8a5c1d2e3f405162738 - [0:0]
-A POSTROUTING -s 10.244.1.5/32 -m comment --comment "name: \"cbr0\" id: \"$container\"" -j CNI-8a5c1d2e3f405162738495a6
-A CNI-8a5c1d2e3f405162738495a6 -d 10.244.1.0/24 -m comment --comment "name: \"cbr0\" id: \"$container\"" -j ACCEPT
-A CNI-8a5c1d2e3f405162738495a6 ! -d 224.0.0.0/4 -m comment --comment "name: \"cbr0\" id: \"$container\"" -j MASQUERADE
-A CNI-DN-8a5c1d2e3f405162738 -s 10.244.1.0/24 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-8a5c1d2e3f405162738 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.5:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"cbr0\" id: \"$container\"" -m multiport --dports 8080 -j CNI-DN-8a5c1d2e3f405162738
COMMIT
RULES
directory /var/lib/cni/networks/cbr0 10.244.1.5 last_reserved_ip.0 lock
file "/var/lib/cni/results/cbr0-$container-eth0" '{"kind":"cniCacheV1"}'
end
begin cni-plugins
# The newer back ends, in tables that are podman's too.
for family in ip ip6; do
    nft -f - <<NFT
table $family cni_hostport {
    comment "CNI portmap plugin"
    chain hostports { tcp dport 8081 dnat to $(case $family in ip) echo 10.244.1.5:80 ;; *) echo '[fd00:10:244:1::5]:80' ;; esac) comment "$container"; }
    chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump hostports; }
}
NFT
done
nft -f - <<NFT
table inet cni_plugins_masquerade {
    comment "Masquerading for plugins from github.com/containernetworking/plugins"
    chain masq_checks { ip saddr 10.244.1.5 ip daddr != 10.244.1.0/24 masquerade comment "1a2b3c4d5e6f7081-8877665544332211, net: cbr0, if: eth0, id: $container"; }
}
NFT
end
