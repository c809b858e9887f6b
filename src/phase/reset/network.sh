set +e
# Others follow the kubelet's: it goes with its own step.
find_units | what_of unit | while read -r unit; do
    [ "$unit" = kubelet.service ] || timeout 30 systemctl disable -q --now "$unit" 2>/dev/null
done
# Programs before pins: a pin that is gone leaves a program that nobody finds again.
find_bpf | what_of bpf | sort -r | while read -r kind where more name; do
    case $kind in
    tc)
        # shellcheck disable=SC2086 # a side, a protocol and two numbers
        set -- $more $name
        timeout 10 tc filter del dev "$where" "$1" protocol "$2" pref "$3" handle "$4" bpf
        # The hook of both sides holds nothing else any more.
        if filters=$(timeout 10 tc filter show dev "$where" ingress 2>/dev/null && timeout 10 tc filter show dev "$where" egress 2>/dev/null); then
            [ -n "$filters" ] || timeout 10 tc qdisc del dev "$where" clsact 2>/dev/null
        fi
        ;;
    # Each way of attaching is taken away by its own word; those that it was not fail.
    xdp) for mode in xdp xdpgeneric xdpdrv xdpoffload; do timeout 10 ip link set dev "$where" "$mode" off 2>/dev/null; done ;;
    cgroup)
        # shellcheck disable=SC2086 # an attach type and a number
        set -- $more $name
        timeout 10 bpftool cgroup detach "$where" "$1" id "$2"
        ;;
    esac
done
find_bpf | what_of bpf | while read -r kind path; do
    [ "$kind" != pin ] || timeout 30 rm -rf "$path"
    case $path in /sys/fs/bpf/tc/globals/*) rmdir /sys/fs/bpf/tc/globals /sys/fs/bpf/tc 2>/dev/null ;; esac
done
find_namespaces | what_of netns | while read -r name; do
    timeout 20 ip netns del "$name" 2>/dev/null || {
        umount -l "/run/netns/$name" 2>/dev/null
        rm -f "/run/netns/$name"
    }
done
# Before the links and sets by which it is known whose they are; should one of these not go, the audit still has to know.
printf '%s\n' "$here" >>"$RUN/owners"
find_policy_rules | what_of policy-rule | while read -r family word priority rule; do
    if [ "$rule" = 'from all lookup local' ]; then
        timeout 20 ip "$family" rule add pref 0 from all lookup local
    fi
    # shellcheck disable=SC2086 # a rule is words
    timeout 20 ip "$family" rule del "$word" "$priority" $rule
done
find_routes | what_of route | while read -r family route; do
    # shellcheck disable=SC2086 # a route is words
    timeout 20 ip "$family" route del $route
done
find_virtual_servers | what_of ipvs | while read -r protocol address; do
    if have ipvsadm; then timeout 20 ipvsadm -D "$protocol" "$address"; fi
done
find_addresses | what_of address | while read -r address word link; do
    timeout 20 ip addr del "$address" "$word" "$link"
done
rm -f "$RUN/addresses"

# Tables of iptables' nftables back end that hold nothing any more: iptables makes them when it first needs them, and leaves them.
# Without nft, which not every host has, the kernel is asked directly; it refuses where anything is in the table (NLM_F_NONREC).
# drop_table ip|ip6 TABLE
drop_table() {
    if have nft; then
        timeout 20 nft delete table "$1" "$2" 2>/dev/null
    elif have perl; then
        timeout 20 perl -e '
            my ($family, $table) = (shift eq "ip6" ? 10 : 2, shift);
            my ($sent, $answer, $kernel, @of) = 0;
            sub message {
                my ($type, $flags, $family, $resource, $body) = @_;
                pack("LSSLLCCn", 20 + length $body, $type, $flags, ++$sent, 0, $family, 0, $resource) . $body;
            }
            my $name = pack("SS", 5 + length $table, 1) . "$table\0";
            $name .= "\0" x (-length($name) % 4);
            socket($kernel, 16, 3, 12) or exit 1;
            send($kernel, message(16, 1, 0, 10, "") . message(0xa02, 0x105, $family, 0, $name) . message(17, 1, 0, 10, ""), 0) or exit 1;
            recv($kernel, $answer, 4096, 0);
            @of = unpack("LSSLLl", $answer);
            exit($of[5] ? 1 : 0)' "$1" "$2"
    fi
}

# empty_tables PROGRAM TABLE...
empty_tables() {
    program=$1
    shift
    case $("$program" --version 2>/dev/null) in *nf_tables*) ;; *) return ;; esac
    case $program in ip6*) family=ip6 ;; *) family=ip ;; esac
    for table in "$@"; do
        # What was not read to its end says nothing.
        saved=$(timeout 30 "$program-save" -t "$table" 2>/dev/null) || continue
        case $saved in *COMMIT*) ;; *) continue ;; esac
        if printf '%s\n' "$saved" | grep -v -e '^#' -e '^\*' -e '^COMMIT' | grep -Eqv '^:[A-Z]+ ACCEPT '; then continue; fi
        # Sets, and rules that iptables does not show, are somebody's.
        if have nft; then
            saved=$(timeout 20 nft list table "$family" "$table" 2>/dev/null) || continue
            ! printf '%s\n' "$saved" | grep -Eqv '^table |^[[:space:]]*(chain [A-Z]+ \{|type .* policy accept;|\})?$' || continue
        fi
        timeout 30 "$program" -t "$table" -X 2>/dev/null
        drop_table "$family" "$table"
    done
}
savers | while read -r program; do
    delta=$(scan_rules "$program" delta)
    [ -n "$delta" ] || continue
    # The option to wait for the lock is younger than some hosts.
    printf '%s\n' "$delta" | timeout 60 "$program-restore" -w 30 --noflush 2>/dev/null ||
        printf '%s\n' "$delta" | timeout 60 "$program-restore" --noflush
    : >"$RUN/had-rules"
done
# Those of the other family too: CNI plugins look for their rules there, which makes a table.
if [ -e "$RUN/had-rules" ]; then
    rm -f "$RUN/had-rules"
    savers | while read -r program; do
        # shellcheck disable=SC2046 # names of tables
        empty_tables "$program" $(timeout 30 "$program-save" 2>/dev/null | sed -n 's/^\*//p')
    done
fi
{
    find_nft_rules
    find_nft_chains
} | what_of rule | while read -r nft rule; do
    # shellcheck disable=SC2086 # words
    timeout 20 "$nft" delete rule $rule
done
# They lead to one another.
for verb in flush delete; do
    find_nft_chains | what_of chain | while read -r nft chain; do
        # shellcheck disable=SC2086 # words
        timeout 20 "$nft" "$verb" chain $chain
    done
done
# The first rule of this chain is the plugin's own, for all.
for table in 'inet cni_plugins_masquerade' 'ip cni_plugins_masquerade' 'ip6 cni_plugins_masquerade'; do
    # shellcheck disable=SC2086 # family and name are words
    if have nft && timeout 20 nft list table $table >/dev/null 2>&1 && ! timeout 20 nft list table $table | grep -q 'comment ".*net: '; then
        timeout 20 nft delete table $table
    fi
done
find_nft_tables | what_of nft-table | while read -r table; do
    # shellcheck disable=SC2086 # family and name are words
    timeout 20 nft delete table $table
done
# A set may be held by another one.
sets=$(find_sets | what_of ipset)
printf '%s\n' "$sets" | while read -r set; do [ -z "$set" ] || timeout 20 ipset flush "$set"; done
printf '%s\n' "$sets" | while read -r set; do [ -z "$set" ] || timeout 20 ipset destroy "$set"; done
find_links | what_of link | while read -r link; do
    # By its addresses the servers are known, which would stay for ever.
    if find_virtual_servers | grep -Fq -e " $link	"; then
        say "$link stays, since its virtual servers do: install ipvsadm on this host and run the same reset again, or restart the host"
        continue
    fi
    # One of the kernel's own can not be deleted, though ip says that it is. Others may use it too: it goes down when nothing is on it.
    if globs emptied-link | grep -Fxq -e "$link"; then
        ip -o addr show dev "$link" scope global | awk '$4 ~ /^[0-9.]+\/32$|:.*\/128$/ { print $4 }' | while read -r address; do
            timeout 20 ip addr del "$address" dev "$link"
        done
        [ -n "$(ip -o addr show dev "$link" scope global)" ] || timeout 20 ip link set dev "$link" down
        continue
    fi
    case $link in ovs-*) if have ovs-dpctl && timeout 20 ovs-dpctl del-dp "$link" 2>/dev/null; then continue; fi ;; esac
    # One on a bridge that has just gone may be gone, too.
    timeout 20 ip link del "$link" 2>/dev/null
done
:
