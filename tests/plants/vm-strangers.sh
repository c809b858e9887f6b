# An administrator's own, of the same kinds.
# shellcheck shell=sh disable=SC2154
begin stranger
# An interface with an address and a way out, as hosts have them; it leads nowhere.
ip link set lo up
link eth0 type veth peer name nowhere
ip link set nowhere up
ip addr add 192.168.77.13/24 dev eth0
ip route add default via 192.168.77.1
modprobe -a ip_vs ipip dummy wireguard
link vpn-dummy type dummy
ip addr add 192.0.2.65/32 dev vpn-dummy
ipvsadm -A -t 192.0.2.65:80 -s wlc
ipvsadm -a -t 192.0.2.65:80 -r 192.0.2.66:8080 -m
ipvsadm -A -f 77 -s rr
link office-wg type wireguard
ip addr add 10.99.0.1/24 dev office-wg
link office-ipip type ipip remote 192.0.2.1 local 192.168.77.13
# On the kernel's own tunnel too, as tunnels' ends are numbered.
ip addr add 10.99.1.1/30 dev tunl0
ip link set tunl0 up
ip rule add prio 1000 fwmark 0x77/0xff lookup 100
# As wg-quick has it.
ip rule add prio 32764 not fwmark 51820 lookup 51820
end >/dev/null
