# weave, 2.8: net/bridge.go, net/expose.go, net/ipsec, npc/{constants,controller}.go, prog/weave-npc, prog/weave-kube.
# The Open vSwitch datapath is a tap here: its kernel module is not there.
# shellcheck shell=sh disable=SC2154
ip netns add cni-4d5e6f70-8192-a3b4-c5d6-e7f8091a2b3c
begin weave
link weave type bridge
ip addr add 10.32.0.1/12 dev weave
link vethwe-datapath type veth peer name vethwe-bridge
ip link set vethwe-bridge master weave
ip tuntap add dev datapath mode tap
link vxlan-6784 type vxlan external dstport 6784 || :
link vethwepl0a1b2c3 type veth peer name eth0 netns cni-4d5e6f70-8192-a3b4-c5d6-e7f8091a2b3c
for set in weave-local-pods 'weave-k?Z;25^M}|1s7P3|H9i;*;MhG' 'weave-iuZcey(5DeXbzgRFs8Szo]<@p'; do
    ipset create "$set" hash:ip family inet comment
done
ipset create 'weave-0EHD/vdN#O4]V?o4Tx7kS;APH' list:set size 1024
ipset add 'weave-0EHD/vdN#O4]V?o4Tx7kS;APH' weave-local-pods
rules iptables <<'RULES'
*nat
:WEAVE - [0:0]
:WEAVE-CANARY - [0:0]
-A POSTROUTING -j WEAVE
-A WEAVE -m set --match-set weave-local-pods dst -m comment --comment "Prevent SNAT to locally running containers" -j RETURN
-A WEAVE -s 10.32.0.0/12 -d 224.0.0.0/4 -j RETURN
-A WEAVE ! -s 10.32.0.0/12 -d 10.32.0.0/12 -j MASQUERADE
COMMIT
*mangle
:WEAVE-IPSEC-IN - [0:0]
:WEAVE-IPSEC-IN-MARK - [0:0]
-A INPUT -j WEAVE-IPSEC-IN
-A WEAVE-IPSEC-IN-MARK -j MARK --set-xmark 0x20000/0x20000
COMMIT
*filter
:WEAVE-NPC - [0:0]
:WEAVE-NPC-DEFAULT - [0:0]
:WEAVE-NPC-EGRESS - [0:0]
:WEAVE-NPC-INGRESS - [0:0]
-A INPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 6784 -m addrtype ! --src-type LOCAL -m conntrack ! --ctstate RELATED,ESTABLISHED -m comment --comment "Block non-local access to Weave Net control port" -j DROP
-A INPUT -i weave -j WEAVE-NPC-EGRESS
-A FORWARD -i weave -m comment --comment "NOTE: this must go before '-j KUBE-FORWARD'" -j WEAVE-NPC-EGRESS
-A FORWARD -o weave -m comment --comment "NOTE: this must go before '-j KUBE-FORWARD'" -j WEAVE-NPC
-A FORWARD -o weave -m state --state NEW -j NFLOG --nflog-group 86
-A FORWARD -o weave -j DROP
-A FORWARD -i weave ! -o weave -j ACCEPT
-A FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A WEAVE-NPC -m state --state RELATED,ESTABLISHED -j ACCEPT
-A WEAVE-NPC -m physdev --physdev-out vethwe-bridge -j ACCEPT
-A WEAVE-NPC -m state --state NEW -j WEAVE-NPC-DEFAULT
-A WEAVE-NPC-DEFAULT -m set --match-set "weave-k?Z;25^M}|1s7P3|H9i;*;MhG" dst -m comment --comment "DefaultAllow ingress isolation for namespace: default" -j ACCEPT
COMMIT
RULES
file /etc/cni/net.d/10-weave.conflist '{"name":"weave","cniVersion":"0.3.0","plugins":[{"type":"weave-net"}]}'
for name in net ipam plugin-2.8.1; do program "/opt/cni/bin/weave-$name"; done
directory /var/lib/weave weave-netdata.db
end
