set +e
left_namespaces | while read -r net; do
    timeout 20 ip netns del "${net##*/}" 2>/dev/null || {
        umount -l "$net" 2>/dev/null
        rm -f "$net"
    }
done
for unit in $units; do
    timeout 30 systemctl disable -q --now "$unit" 2>/dev/null
done
# kube-proxy's virtual servers go with the link that proves that they are kube-proxy's.
if ip link show kube-ipvs0 >/dev/null 2>&1 && have ipvsadm; then timeout 20 ipvsadm -C; fi
left_links | while read -r link; do
    timeout 20 ip link del "$link"
done
left_routes | while read -r route; do
    # shellcheck disable=SC2086 # a route is words
    set -- $route
    family=$1
    shift
    timeout 20 ip "$family" route del "$@"
done
savers | while read -r tables_command; do
    delta=$(rules_delta "$tables_command")
    [ -n "$delta" ] || continue
    # The option to wait for the lock is younger than some hosts.
    printf '%s\n' "$delta" | timeout 60 "$tables_command-restore" -w 30 --noflush 2>/dev/null ||
        printf '%s\n' "$delta" | timeout 60 "$tables_command-restore" --noflush
done
left_rules | while read -r kind name rest; do
    case $kind in
        ipset) timeout 20 ipset destroy "$name" ;;
        # shellcheck disable=SC2086 # family and name are words
        nft) timeout 20 nft delete table $rest ;;
    esac
done
:
