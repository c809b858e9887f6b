systemctl disable -q --now slipway-pod-network.service 2>/dev/null || :
for tables in iptables ip6tables; do
    command -v "$tables" >/dev/null 2>&1 || continue
    for where in 'nat POSTROUTING SLIPWAY-POSTROUTING' 'filter FORWARD SLIPWAY-FORWARD'; do
        set -- $where
        "$tables" -w 10 -t "$1" -S "$2" 2>/dev/null | grep -e "-j $3\$" | sed 's/^-A/-D/' | while read -r rule; do
            # shellcheck disable=SC2086 # a rule is words
            "$tables" -w 10 -t "$1" $rule || :
        done
        "$tables" -w 10 -t "$1" -F "$3" 2>/dev/null && "$tables" -w 10 -t "$1" -X "$3" || :
    done
done
for family in 4 6; do
    ip "-$family" route show proto 115 2>/dev/null | while read -r subnet rest; do
        ip "-$family" route del "$subnet" proto 115 || :
    done
done
rm -f /etc/slipway/pod-routes
systemctl daemon-reload 2>/dev/null || :
