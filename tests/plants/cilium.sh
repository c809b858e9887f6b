# cilium, 1.14 to 1.19: cilium-dbg/cmd/cleanup.go, pkg/datapath/{iptables,linux/linux_defaults,loader}, pkg/proxy/routes.go,
# pkg/socketlb/socketlb.go, plugins/cilium-cni, tools/sysctlfix. $bpf is the program of bpf.c; without it, no BPF is planted.
# shellcheck shell=sh disable=SC2154
begin cilium
link cilium_net type veth peer name cilium_host
ip link set cilium_host up
ip addr add 10.0.5.21/32 dev cilium_host scope link
ip route add 10.0.5.21/32 dev cilium_host proto kernel scope link
ip route add 10.0.5.0/24 via 10.0.5.21 dev cilium_host proto kernel src 10.0.5.21
link cilium_vxlan type vxlan external dstport 8472 || :
link cilium_geneve type geneve external dstport 6081 || :
link cilium_wg0 type wireguard || :
link cilium_ipip4 type ipip external || :
ip netns add cilium-health
link lxc_health type veth peer name cilium netns cilium-health || :
link lxc4bd8f34c4f1a type veth peer name eth0 netns cilium-health || :
# It moves the rule for local addresses to make room, and routes packets for its proxy.
for family in 4 6; do
    ip "-$family" rule add prio 9 fwmark 0x200/0xf00 lookup 2004 protocol kernel
    ip "-$family" rule add prio 10 fwmark 0xa00/0xf00 lookup 2005 protocol kernel
    ip "-$family" rule add prio 10 fwmark 0xb00/0xf00 lookup 2005 protocol kernel
    ip "-$family" rule add prio 100 from all lookup local protocol kernel
    ip "-$family" rule del prio 0 from all lookup local
done
ip route add local default dev lo table 2004 proto kernel
ip -6 route add local default dev lo table 2004 proto kernel
ip route add 10.0.5.21/32 dev cilium_host table 2005 proto kernel scope link
ip route add default via 10.0.5.21 dev cilium_host table 2005 proto kernel
ipset create cilium_node_set_v4 hash:ip family inet
ipset add cilium_node_set_v4 192.168.77.14
ipset create cilium_node_set_v6 hash:ip family inet6
for program in iptables ip6tables; do
    case $program in iptables) set=cilium_node_set_v4 ;; *) set=cilium_node_set_v6 ;; esac
    rules "$program" <<RULES
*raw
:CILIUM_OUTPUT_raw - [0:0]
:CILIUM_PRE_raw - [0:0]
-A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_raw" -j CILIUM_PRE_raw
-A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT_raw" -j CILIUM_OUTPUT_raw
-A CILIUM_OUTPUT_raw -o lxc+ -m mark --mark 0xa00/0xfffffeff -m comment --comment "cilium: NOTRACK for proxy return traffic" -j CT --notrack
COMMIT
*mangle
:CILIUM_POST_mangle - [0:0]
:CILIUM_PRE_mangle - [0:0]
-A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_mangle" -j CILIUM_PRE_mangle
-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_mangle" -j CILIUM_POST_mangle
COMMIT
*nat
:CILIUM_OUTPUT_nat - [0:0]
:CILIUM_POST_nat - [0:0]
:CILIUM_PRE_nat - [0:0]
-A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_nat" -j CILIUM_PRE_nat
-A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT_nat" -j CILIUM_OUTPUT_nat
-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_nat" -j CILIUM_POST_nat
-A CILIUM_POST_nat -m set --match-set $set dst -m comment --comment "exclude traffic to cluster nodes from masquerade" -j ACCEPT
COMMIT
*filter
:CILIUM_FORWARD - [0:0]
:CILIUM_INPUT - [0:0]
:CILIUM_OUTPUT - [0:0]
:OLD_CILIUM_FORWARD - [0:0]
-A INPUT -m comment --comment "cilium-feeder: CILIUM_INPUT" -j CILIUM_INPUT
-A FORWARD -m comment --comment "cilium-feeder: CILIUM_FORWARD" -j CILIUM_FORWARD
-A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT" -j CILIUM_OUTPUT
-A CILIUM_FORWARD -o cilium_host -m comment --comment "cilium: any->cluster on cilium_host forward accept" -j ACCEPT
-A CILIUM_INPUT -m mark --mark 0x200/0xf00 -m comment --comment "cilium: ACCEPT for proxy traffic" -j ACCEPT
COMMIT
RULES
done
if [ -x "${bpf-}" ]; then
    interface=$(node_link)
    # On the host's own interface, beside what the host may have there itself.
    if able "$bpf" tc "$interface" ingress "cil_from_netdev" "cil_from_netdev-$interface" 1 1 &&
        able "$bpf" tc "$interface" egress "cil_to_netdev" "cil_to_netdev-$interface" 1 1; then
        printf 'bpf\t%s\t%s\n' "$owner" "$interface cil_from_netdev-$interface" "$owner" "$interface cil_to_netdev-$interface"
    else
        without "tc programs: $(cat "$scratch/why")"
    fi
    # XDP belongs to the interface; a veth has it in the lab, where the host's own is one.
    if able "$bpf" xdp "$interface" cil_xdp_entry; then
        printf 'bpf\t%s\t%s cil_xdp_entry\n' "$owner" "$interface"
    else
        without "XDP: $(cat "$scratch/why")"
    fi
    mkdir -p /sys/fs/bpf/tc/globals /sys/fs/bpf/cilium/socketlb/links/cgroup /sys/fs/bpf/cilium/devices/cilium_host
    if able "$bpf" map /sys/fs/bpf/tc/globals/cilium_lxc && able "$bpf" map /sys/fs/bpf/tc/globals/tunnel_endpoint_map && able "$bpf" map /sys/fs/bpf/cilium/devices/cilium_host/map; then
        printf 'bpf\t%s\t%s\n' "$owner" /sys/fs/bpf/tc/globals/cilium_lxc "$owner" /sys/fs/bpf/tc/globals/tunnel_endpoint_map "$owner" /sys/fs/bpf/cilium
    else
        without "pins: $(cat "$scratch/why")"
    fi
fi
mkdir -p /run/cilium/cgroupv2
if able mount -t cgroup2 none /run/cilium/cgroupv2; then
    # Old versions attach to the cgroup itself, newer ones through a link that is pinned.
    if [ -x "${bpf-}" ]; then
        if able "$bpf" cgroup /run/cilium/cgroupv2 cil_sock4_connect; then
            printf 'bpf\t%s\tcil_sock4_conne\n' "$owner"
        else
            without "a program of the cgroup: $(cat "$scratch/why")"
        fi
    fi
else
    without 'a mount of cgroup2'
fi
file /etc/cni/net.d/05-cilium.conflist '{"name":"cilium","cniVersion":"0.3.1","plugins":[{"type":"cilium-cni"}]}'
file /etc/cni/net.d/05-cilium.conf
file /etc/cni/net.d/10-cilium-cni.conf
program /opt/cni/bin/cilium-cni
file /opt/cni/bin/.cilium-cni.new
directory /run/cilium cilium.pid state/ep_config.h
directory /var/lib/cilium bpf/bpf_lxc.c
file /etc/sysctl.d/99-zzz-override_cilium.conf '-net.ipv4.conf.lxc*.rp_filter = 0'
# Somebody else's configuration, which it put out of the way: the host's own podman here.
if [ -e /etc/cni/net.d/87-podman-bridge.conflist ]; then
    mv /etc/cni/net.d/87-podman-bridge.conflist /etc/cni/net.d/87-podman-bridge.conflist.cilium_bak
    printf 'renamed\t%s\t/etc/cni/net.d/87-podman-bridge.conflist.cilium_bak\n' "$owner"
fi
end
