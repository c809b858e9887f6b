# The reference plugins, 1.0 to 1.9: plugins/main/bridge, pkg/ip/ipmasq_{iptables,nftables}_linux.go, plugins/meta/portmap/{portmap,chain,
# portmap_nftables}.go, plugins/ipam/host-local, libcni's cache. For two networks of clusters, as containerd calls them.
# shellcheck shell=sh disable=SC2154
begin 'CNI plugins'
container=6f1d0c3b5a7e9f2d4c6b8a0e1f3d5c7b9a0e2f4d6c8b0a1e3f5d7c9b1a2e4f6d
sandbox=cni-2b8e6a1c-4f3d-9a7b-0c5e-1d2f3a4b5c6d
ip netns add "$sandbox"
link cni0 type bridge || :
ip link add veth9f3a1c2b type veth peer name eth0 netns "$sandbox"
ip link set veth9f3a1c2b master cni0 up
rules iptables <<RULES
*nat
:CNI-8a5c1d2e3f405162738495a6 - [0:0]
:CNI-DN-8a5c1d2e3f405162738 - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A POSTROUTING -s 10.244.1.5/32 -m comment --comment "name: \"cbr0\" id: \"$container\"" -j CNI-8a5c1d2e3f405162738495a6
-A CNI-8a5c1d2e3f405162738495a6 -d 10.244.1.0/24 -m comment --comment "name: \"cbr0\" id: \"$container\"" -j ACCEPT
-A CNI-8a5c1d2e3f405162738495a6 ! -d 224.0.0.0/4 -m comment --comment "name: \"cbr0\" id: \"$container\"" -j MASQUERADE
-A CNI-DN-8a5c1d2e3f405162738 -s 10.244.1.0/24 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-8a5c1d2e3f405162738 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.5:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"cbr0\" id: \"$container\"" -m multiport --dports 8080 -j CNI-DN-8a5c1d2e3f405162738
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
COMMIT
RULES
directory /var/lib/cni/networks/cbr0 10.244.1.5 last_reserved_ip.0 lock
file "/var/lib/cni/results/cbr0-$container-eth0" '{"kind":"cniCacheV1"}'
end
