# canal, 3.27: calico's manifests/canal.yaml, which runs felix (see calico.sh) over flannel's VXLAN (see flannel.sh): no pools, no BIRD.
# shellcheck shell=sh disable=SC2154
begin canal
link cali5c0d1e2f3a4 type veth peer name veth5c0d1e2f
ip route add 10.244.1.9/32 dev cali5c0d1e2f3a4 scope link
link flannel.1 type vxlan id 1 local "$(node_address)" dev "$(node_link)" dstport 8472 nolearning
ip addr add 10.244.1.0/32 dev flannel.1
ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
ipset create cali40s:Q2xmFxYQY0S8OPDHGWYdXGt hash:net family inet
ipset create cali60s:zMPoFvqVHRhbOkmYbM2cvqt hash:net family inet6
for program in iptables ip6tables; do
    case $program in iptables) cluster=10.244.0.0/16 set=cali40s:Q2xmFxYQY0S8OPDHGWYdXGt ;; *) cluster=fd00:10:244::/48 set=cali60s:zMPoFvqVHRhbOkmYbM2cvqt ;; esac
    rules "$program" <<RULES
*filter
:FLANNEL-FWD - [0:0]
:cali-FORWARD - [0:0]
:cali-tw-cali5c0d1e2f3a4 - [0:0]
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FLANNEL-FWD -s $cluster -m comment --comment "flanneld forward" -j ACCEPT
-A cali-tw-cali5c0d1e2f3a4 -m comment --comment "cali:0zVBpm5jW5wBuhUS" -m set --match-set $set src -j ACCEPT
COMMIT
*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -s $cluster -d $cluster -m comment --comment "flanneld masq" -j RETURN
COMMIT
RULES
done
file /etc/cni/net.d/10-canal.conflist '{"name":"k8s-pod-network","cniVersion":"0.3.1","plugins":[{"type":"calico"},{"type":"portmap"}]}'
file /etc/cni/net.d/calico-kubeconfig
for name in calico calico-ipam flannel; do program "/opt/cni/bin/$name"; done
directory /var/lib/calico nodename
directory /run/calico felix.sock
directory /run/flannel subnet.env
printf 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' >/run/flannel/subnet.env
end
