# NodeLocal DNSCache, 1.2x: cmd/node-cache/app/cache_app.go and pkg/netif of kubernetes/dns.
# shellcheck shell=sh disable=SC2154
begin nodelocaldns
if link nodelocaldns type dummy; then
    ip link set nodelocaldns down
    ip addr add 169.254.20.10/32 dev nodelocaldns
    ip addr add 10.96.0.10/32 dev nodelocaldns
fi
for address in 169.254.20.10 10.96.0.10; do
    for protocol in tcp udp; do
        rules iptables <<RULES
*raw
-A PREROUTING -d $address/32 -p $protocol -m $protocol --dport 53 -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j CT --notrack
-A OUTPUT -s $address/32 -p $protocol -m $protocol --sport 53 -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j CT --notrack
COMMIT
*filter
-A INPUT -d $address/32 -p $protocol -m $protocol --dport 53 -m comment --comment "NodeLocal DNS Cache: allow DNS traffic" -j ACCEPT
-A OUTPUT -s $address/32 -p $protocol -m $protocol --sport 53 -m comment --comment "NodeLocal DNS Cache: allow DNS traffic" -j ACCEPT
COMMIT
RULES
    done
done
end
