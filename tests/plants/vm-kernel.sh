# What needs kernel modules that the lab's hosts do not have: links of the kinds dummy, ipip, geneve and wireguard, and IPVS. Each as its
# owner makes it; the sources are named in the owners' own files.
# shellcheck shell=sh disable=SC2034,SC2154
modprobe -a ip_vs ipip dummy wireguard geneve
begin -

# kube-proxy
link kube-ipvs0 type dummy
ip link set kube-ipvs0 down
ip addr add 10.96.0.1/32 dev kube-ipvs0
ip addr add 10.96.0.10/32 dev kube-ipvs0
ip addr add fd00:96::1/128 dev kube-ipvs0
ipvsadm -A -t 10.96.0.1:443 -s rr
ipvsadm -a -t 10.96.0.1:443 -r 192.0.2.13:6443 -m
ipvsadm -A -u 10.96.0.10:53 -s rr
ipvsadm -A -t '[fd00:96::1]:443' -s rr
ipset create KUBE-CLUSTER-IP hash:ip,port

# nodelocaldns
link nodelocaldns type dummy
ip link set nodelocaldns down
ip addr add 169.254.20.10/32 dev nodelocaldns

# kube-router
link kube-dummy-if type dummy
ip addr add 10.233.0.1/32 dev kube-dummy-if
ipvsadm -A -t 10.233.0.1:443 -s rr
ipvsadm -a -t 10.233.0.1:443 -r 192.0.2.13:6443 -m
link tun-5a9c3b1e7d2 type ipip local 192.168.77.13 remote 192.0.2.14

# calico
# The kernel's own device, which felix gives an address of the pool.
ip addr add 10.250.77.64/32 dev tunl0
ip link set tunl0 up
ip route add 10.250.78.0/26 via 192.168.77.14 dev tunl0 onlink proto bird
printf 'link\tcalico\ttunl0\n'
link wireguard.cali type wireguard
ip addr add 10.250.77.65/32 dev wireguard.cali
ip rule add prio 99 not fwmark 0x200000/0x200000 lookup 1
ip route add 10.250.79.0/26 dev wireguard.cali table 1
owner=calico
file /etc/cni/net.d/10-calico.conflist
owner=flannel
file /etc/cni/net.d/10-flannel.conflist

# flannel
link flannel-wg type wireguard
link flannel-wg-v6 type wireguard
link flannel.ipip type ipip local 192.168.77.13

# cilium
link cilium_wg0 type wireguard
link cilium_geneve type geneve external dstport 6082
link cilium_ipip4 type ipip external

# antrea
link antrea-egress0 type dummy
ip addr add 192.0.2.200/32 dev antrea-egress0
link antrea-ingress0 type dummy
link antrea-wg0 type wireguard
link genev_sys_6081 type geneve external dstport 6081

# One look at everything is enough: emulated, it takes seconds. Whose each thing is, is told here.
end | awk -F '\t' -v OFS='\t' '
    # An address there is how the device is used.
    $3 ~ /dev tunl0$/ && $1 == "address" { next }
    $3 ~ /kube-ipvs0|10[.]96[.]0|fd00:96|KUBE-/ { $2 = "kube-proxy" }
    $3 ~ /nodelocaldns/ { $2 = "nodelocaldns" }
    $3 ~ /kube-dummy-if|10[.]233[.]|tun-5a/ { $2 = "kube-router" }
    $3 ~ /cali|10[.]250[.]|lookup 1$/ { $2 = "calico" }
    $3 ~ /flannel/ { $2 = "flannel" }
    $3 ~ /^cilium/ { $2 = "cilium" }
    $3 ~ /^antrea|^genev_sys/ { $2 = "antrea" }
    { print }'
