# What runs in the virtual machine, beside it: slipway, bpf, record.sh, strangers and plants.1, plants.2, ... Leaves in out/, for each number,
# planted.N, found.N (slipway's listing) and after.N, and the state before all of them.
# shellcheck shell=sh
set -u
export bpf=/job/bpf tables=nft
# An interface with an address and a way out, as hosts have them; it leads nowhere.
ip link set lo up
ip link add eth0 type veth peer name nowhere
ip addr add 192.168.77.13/24 dev eth0
ip -6 addr add fd00:77::13/64 dev eth0
ip link set eth0 up
ip link set nowhere up
ip route add default via 192.168.77.1
modprobe -a ip_vs dummy
# The tunnel of an administrator's, before any cluster: one more device of the kind whose first is the kernel's own.
modprobe ipip
ip link add office-ipip type ipip remote 192.0.2.1 local 192.168.77.13
sh ./strangers || exit 1
sh ./record.sh >out/before
status=0
for plants in plants.*; do
    n=${plants#plants.}
    sh "./$plants" >"out/planted.$n" || status=1
    ./slipway leftovers --local --output json >"out/found.$n"
    ./slipway reset --local --yes || status=1
    sh ./record.sh >"out/after.$n"
done
exit "$status"
