# Writes down what of the host could be hurt by a reset, in an order that does not change by itself.
# shellcheck shell=sh disable=SC2154
for save in iptables-nft-save iptables-legacy-save ip6tables-nft-save ip6tables-legacy-save; do
    echo "== $save"
    "$save" 2>/dev/null | sed '/^#/d; s/\[[0-9]*:[0-9]*\]/[0:0]/'
done
echo '== nft'
nft list ruleset 2>/dev/null | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'
echo '== ipset'
ipset save 2>/dev/null | sed 's/ initval 0x[0-9a-f]*//' | sort
echo '== links and addresses'
ip -o -d link | sed 's/^[0-9]*: //; s/ \(qdisc\|state\|mode\|group\|qlen\|promiscuity\|allmulti\|gso_max_size\|root_id\|bridge_id\|hello_timer\|tcn_timer\|topology_change_timer\|gc_timer\|load_time\|prog\/xdp id\) [^ ]*//g; s/@if[0-9]*//' | awk '{ print $1, $2, $3 }' | sort
ip -o addr | awk '!/fe80:/ { print $2, $3, $4 }' | sort
echo '== routes and rules'
for family in 4 6; do
    # Link-local addresses come a moment after their link.
    ip "-$family" route show table all | sed '/fe80:/d; s/ *$//' | sort
    ip "-$family" rule
done
echo '== tc and XDP'
tc qdisc show | awk '$2 == "clsact" { print $5 }' | while read -r link; do
    for side in ingress egress; do
        tc filter show dev "$link" "$side" | sed -n "s/.*handle \([^ ]*\) \([^ ]*\) .*/$link $side \1 \2/p"
    done
done
ip -o -d link | sed -n 's/^[0-9]*: \([^:@]*\).*prog\/xdp.*/\1 xdp/p'
! command -v bpftool >/dev/null || bpftool cgroup tree 2>/dev/null | awk '/cil_|cali_/ { print "cgroup", $NF }'
[ ! -d /sys/fs/bpf ] || find /sys/fs/bpf -mindepth 1 ! -name '*.debug' | sort
echo '== ipvs'
! command -v ipvsadm >/dev/null || [ ! -e /proc/net/ip_vs ] || ipvsadm -Sn
echo '== mounts and network namespaces'
# What is mounted below the kubelet's directory is unmounted; the data are looked at where they are.
awk '$2 !~ "^/var/lib/kubelet" { print $1, $2, $3 }' /proc/self/mounts | sort
find /run/netns -mindepth 1 2>/dev/null | sort
for net in /run/netns/*; do [ ! -e "$net" ] || ip netns pids "${net##*/}" | wc -l; done
find /sys/fs/cgroup -maxdepth 3 -name 'kube*' 2>/dev/null
echo '== files'
# Directories too: an empty one that stays is a difference. $files says where to look.
for place in ${files:-/etc /opt /srv /home /root /usr/libexec /var/lib /var/log /run}; do
    find "$place" -xdev \( -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/log/journal -o -path /run/systemd -o -path /run/udev \
        -o -path /run/log -o -path /run/user -o -path /run/slipway -o -path /var/lib/containerd -o -path /run/sshd.pid -o -path /run/utmp -o -path /var/log/wtmp \
        -o -path /var/log/lastlog -o -path /var/log/btmp -o -path /run/sudo -o -path /run/dbus -o -path /run/xtables.lock -o -path /root/bpf -o -path /var/lib/kubelet \) \
        -prune -o -printf '%y %m %p %l\n'
done | sort -k 3
for place in ${files:-/etc /opt /srv /home /root /var/lib/cni /var/lib/slipway}; do
    find "$place" -type f ! -path /root/bpf -exec sha256sum {} + 2>/dev/null
done | sort -k 2
