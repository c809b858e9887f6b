# What is not a cluster's: Docker's and podman's networks, an administrator's own rules, sets, routes and mounts, and files that look a
# bit like a cluster's. All of it must be as it was after a reset. `record.sh` writes down what there is.
# shellcheck shell=sh disable=SC2034,SC2154
begin stranger
gateway=$(ip route | awk '$1 == "default" { print $3; exit }')
own=$(node_link)
mountpoint -q /sys/fs/bpf || able mount -t bpf bpf /sys/fs/bpf || without 'a BPF file system'

# Docker 20 to 29 (libnetwork's drivers/bridge and firewall_linux.go).
link docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link add veth1d2c3b4 type veth peer name veth4b3c2d1
ip link set veth1d2c3b4 master docker0 up
for program in iptables ip6tables; do
    case $program in iptables) network=172.17.0.0/16 address=172.17.0.2 ;; *) network=fd00:17::/64 address=fd00:17::2 ;; esac
    # Debian's Docker uses iptables-nft; the older tables may hold others' rules at the same time.
    "$program-nft-restore" -w --noflush <<RULES
*filter
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER -d $address ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s $network ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
RULES
    # The administrator's own, in both back ends and in each table: comments and chains that look like a cluster's and are not.
    # iptables-nft makes a builtin chain when it is first wanted, and nobody takes that away: here they are all wanted.
    for tables in nft legacy; do
        rules "$program" <<RULES
*filter
:OUTPUT ACCEPT [0:0]
:ADMIN - [0:0]
:MY-KUBE-RULES - [0:0]
:calico-dhcp-lan - [0:0]
:cni-admin - [0:0]
:FLANNEL - [0:0]
:WEAVER - [0:0]
-A INPUT -j ADMIN
-A INPUT -p tcp -m tcp --dport 6443 -m comment --comment "kubernetes API for the office" -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "not cali: not flanneld masq" -j ACCEPT
-A INPUT -i weave0 -m comment --comment "the loom's own network" -j ACCEPT
-A FORWARD -m comment --comment "see KUBE-FORWARD, Antrea: none here" -j MY-KUBE-RULES
-A FORWARD -i vpn0 -j calico-dhcp-lan
-A MY-KUBE-RULES -m mark --mark 0x4000/0x4000 -j RETURN
-A ADMIN -m comment --comment "admin's: -j KUBE-SERVICES is mentioned only" -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A POSTROUTING -m comment --comment "office masq" -o vpn0 -j MASQUERADE
COMMIT
*mangle
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i vpn0 -m comment --comment "admin" -j MARK --set-xmark 0x77/0xff
COMMIT
*raw
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i vpn0 -m comment --comment "NodeLocal is not meant" -j CT --notrack
COMMIT
RULES
    done
done 2>"$scratch/refused" || { cat "$scratch/refused" >&2 && exit 1; }
tables=nft

# podman 4 and 5, with the CNI plugins: its network is called "podman".
link cni-podman0 type bridge
ip addr add 10.88.0.1/16 dev cni-podman0
container=a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90
ip netns add cni-11111111-2222-3333-4444-555555555555
ip link add veth5e6f7081 type veth peer name eth0 netns cni-11111111-2222-3333-4444-555555555555
ip link set veth5e6f7081 master cni-podman0 up
# Somebody lives there.
setsid ip netns exec cni-11111111-2222-3333-4444-555555555555 sleep 100000 </dev/null >/dev/null 2>&1 &
rules iptables <<RULES
*nat
:CNI-0b1c2d3e4f5061728394a5b6 - [0:0]
:CNI-DN-0b1c2d3e4f506172839 - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A POSTROUTING -s 10.88.0.2/32 -m comment --comment "name: \"podman\" id: \"$container\"" -j CNI-0b1c2d3e4f5061728394a5b6
-A CNI-0b1c2d3e4f5061728394a5b6 -d 10.88.0.0/16 -m comment --comment "name: \"podman\" id: \"$container\"" -j ACCEPT
-A CNI-0b1c2d3e4f5061728394a5b6 ! -d 224.0.0.0/4 -m comment --comment "name: \"podman\" id: \"$container\"" -j MASQUERADE
-A CNI-DN-0b1c2d3e4f506172839 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.88.0.2:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"podman\" id: \"$container\"" -m multiport --dports 9090 -j CNI-DN-0b1c2d3e4f506172839
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
COMMIT
*filter
:CNI-ADMIN - [0:0]
:CNI-FORWARD - [0:0]
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 10.88.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.88.0.2/32 -j ACCEPT
COMMIT
RULES
directory /var/lib/cni/networks/podman 10.88.0.2 last_reserved_ip.0
file "/var/lib/cni/results/podman-$container-eth0" '{"kind":"cniCacheV1"}'
file /etc/cni/net.d/87-podman-bridge.conflist '{"name":"podman","cniVersion":"0.4.0","plugins":[{"type":"bridge","bridge":"cni-podman0"}]}'
program /opt/cni/bin/office-plugin
# podman with netavark: rules with either back end.
link podman0 type bridge
ip addr add 10.89.0.1/24 dev podman0
rules iptables <<'RULES'
*filter
:NETAVARK_FORWARD - [0:0]
-A FORWARD -m comment --comment "netavark firewall rules" -j NETAVARK_FORWARD
-A NETAVARK_FORWARD -d 10.89.0.0/24 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:NETAVARK-1D8721804F16F - [0:0]
:NETAVARK-HOSTPORT-DNAT - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT
-A POSTROUTING -s 10.89.0.0/24 -j NETAVARK-1D8721804F16F
-A NETAVARK-1D8721804F16F ! -d 224.0.0.0/4 -j MASQUERADE
COMMIT
RULES
nft -f - <<'NFT'
table inet netavark {
    chain FORWARD { type filter hook forward priority filter; policy accept; ip saddr 10.89.0.0/24 accept; }
}
table inet office {
    comment "like flannel-ipv4, and kube-proxy"
    set kube-hosts { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }
    chain input { type filter hook input priority 10; policy accept; ip saddr @kube-hosts tcp dport 22 accept comment "cali: no"; }
}
table ip kube-proxy-office { }
table ip6 calico-office { }
table inet cni_plugins_masquerade {
    chain masq_checks { ip saddr 10.88.0.2 ip daddr != 10.88.0.0/16 masquerade comment "0f1e2d3c4b5a6978-1122334455667788, net: podman, if: eth0, id: a1b2c3d4"; }
    chain postrouting { type nat hook postrouting priority srcnat; policy accept; goto masq_checks; }
}
NFT
for name in office:ip cali-office:ip weavers:ip KUBELET-HOSTS:ip ovn4-office:net; do
    ipset create "${name%:*}" "hash:${name#*:}" family inet
    ipset add "${name%:*}" 192.0.2.9
done
rules iptables <<'RULES'
*filter
-A INPUT -m set --match-set office src -j ACCEPT
-A INPUT -m set --match-set cali-office src -j ACCEPT
COMMIT
RULES
# Links of LXC's and of the office, one with a name like a pod's.
for name in lxcbr0 calibre0 weave0 flannelbr tun-office; do
    link "$name" type bridge
done
link lxc-web1 type veth peer name lxc-web1-in

# Routes: by hand, by a routing daemon, and in a table of the administrator's own.
ip route add 198.51.100.0/24 via "$gateway" proto static
ip route add 198.51.101.0/24 via "$gateway"
ip route add blackhole 198.51.102.0/24 proto static
ip route add 198.51.103.0/24 via "$gateway" proto zebra
ip -6 route add blackhole fd00:198::/64 proto static
ip route add 198.51.104.0/24 via "$gateway" table 100
ip rule add prio 1000 from 198.51.100.7 lookup 100
ip rule add prio 1001 fwmark 0x77/0xff lookup 100
ip -6 rule add prio 1000 from fd00:198::7 lookup 100
echo '100 office' >>/etc/iproute2/rt_tables
# A BPF program of the administrator's own on the host's interface, as early as a cluster's.
if [ -x "${bpf-}" ]; then
    able "$bpf" tc "$own" ingress office_shape office_shape 1 7 || without "a tc program: $(cat "$scratch/why")"
fi
if able modprobe dummy && able ip link add vpn-dummy type dummy; then ip addr add 192.0.2.65/32 dev vpn-dummy; else without 'a dummy'; fi
if able modprobe ip_vs && command -v ipvsadm >/dev/null; then
    ipvsadm -A -t 192.0.2.65:80 -s wlc
    ipvsadm -a -t 192.0.2.65:80 -r 192.0.2.66:8080 -m
else
    without 'IPVS'
fi

# Data below the kubelet's directory: mounted there, and linked to.
mkdir -p /srv/office-data /srv/office-linked /var/lib/kubelet/plugins/office
echo 'the books of 2025' >/srv/office-data/books
echo 'the books of 2024' >/srv/office-linked/books
mkdir -p /var/lib/kubelet/office-mount
mount --bind /srv/office-data /var/lib/kubelet/office-mount
ln -s /srv/office-linked /var/lib/kubelet/plugins/office/linked
cat >>/etc/fstab <<'FSTAB'
# The office's own line: no kubelet, no swap; and a comment of slipway's is not here.
#/swap.old none swap sw 0 0
tmpfs /srv/office-tmp tmpfs noauto 0 0
FSTAB
mkdir -p /home/vagrant/.kube /root/.kube
cat >/home/vagrant/.kube/config <<'CONFIG'
apiVersion: v1
kind: Config
clusters: [{name: office, cluster: {server: "https://192.0.2.80:6443"}}]
contexts: [{name: office, context: {cluster: office, user: me}}]
current-context: office
users: [{name: me, user: {token: none}}]
CONFIG
cp /home/vagrant/.kube/config /root/.kube/config
chmod 600 /root/.kube/config /home/vagrant/.kube/config
mkdir -p /etc/kubernetes /etc/NetworkManager/conf.d
echo 'kind: Policy' >/etc/kubernetes/audit-office.yaml
sysctl -qw net.ipv4.conf.docker0.route_localnet=1
end >/dev/null
