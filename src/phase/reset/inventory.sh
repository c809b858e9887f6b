# What of Kubernetes is on this host: each function prints one thing a line, and changes nothing. Values, a line each: links, files,
# networks, chains, marks, ipsets, tables, protocols, units: by owner, so that nothing is ever taken that belongs to somebody else.

left_kubelet() {
    ! systemctl is-active --quiet kubelet 2>/dev/null || echo 'the kubelet runs'
    printf '%s\n' "$files" '/etc/kubernetes/manifests/*' | while read -r i_glob; do
        case $i_glob in /etc/kubernetes/*.conf | /etc/kubernetes/manifests/*) ;; *) continue ;; esac
        for i_file in $i_glob; do
            [ ! -e "$i_file" ] || printf '%s\n' "$i_file"
        done
    done
}

left_enabled() {
    ! systemctl is-enabled --quiet kubelet 2>/dev/null || echo 'the kubelet starts at boot'
}

# The processes that hold pods. The brackets keep grep from finding itself. What runs in a PID namespace of its own, in a system
# container on this machine (kind, nspawn, LXC), shows here too, and holds the pods of somebody else's cluster.
shims() {
    i_own=$(readlink /proc/self/ns/pid) || return 0
    grep -l 'containerd-shi[m]' /proc/[0-9]*/cmdline 2>/dev/null | while read -r i_file; do
        if tr '\0' ' ' <"$i_file" 2>/dev/null | grep -q -e '-namespace k8s\.io '; then
            i_file=${i_file%/cmdline}
            [ "$(readlink "$i_file/ns/pid")" != "$i_own" ] || printf '%s\n' "${i_file#/proc/}"
        fi
    done
}

# mounts_below DIRECTORY...: innermost first. Never a directory itself: that may be a disk of its own. The kernel lists mounts by
# where they really are, and writes a blank as an octal number.
mounts_below() {
    i_below=$(for i_file in "$@"; do readlink -f "$i_file" || :; done | sed 's/\\/\\134/g; s/ /\\040/g') awk '
        BEGIN { n = split(ENVIRON["i_below"], below, "\n") }
        {
            for (i = 1; i <= n; i++) if (below[i] != "" && index($2, below[i] "/") == 1) { print $2; next }
        }' /proc/self/mounts | sort -r | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g' | while read -r i_mount; do
        printf '%b\n' "$i_mount"
    done
}

# Mounts below what is going to be removed.
left_mounts() {
    # shellcheck disable=SC2086 # they are patterns
    mounts_below $files /var/lib/kubelet
}

# By ip(8): in a container, /sys may show the links of the machine below.
left_links() {
    ip -o link show 2>/dev/null | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | while read -r i_link; do
        printf '%s\n' "$links" | while read -r i_glob; do
            # shellcheck disable=SC2254 # it is a pattern
            case $i_link in $i_glob) printf '%s\n' "$i_link" ;; esac
        done
    done
}

left_routes() {
    for i_protocol in $protocols; do
        for i_family in 4 6; do
            ip "-$i_family" route show proto "$i_protocol" 2>/dev/null | sed "s/^/-$i_family /; s/\$/ proto $i_protocol/"
        done
    done
}

# The programs that list rules: both back ends where a host has both.
savers() {
    for i_tables in iptables ip6tables; do
        if have "$i_tables-nft-save" || have "$i_tables-legacy-save"; then
            for i_save in "$i_tables-nft" "$i_tables-legacy"; do
                ! have "$i_save-save" || printf '%s\n' "$i_save"
            done
        elif have "$i_tables-save"; then
            printf '%s\n' "$i_tables"
        fi
    done
}

# What iptables-restore --noflush needs to take away our chains, and the rules of other chains that lead to them.
#
# Chains CNI-* are made by the CNI plugins for whoever calls them, podman too. A chain is ours when a rule in it or to it names one of
# our networks in its comment: `name: "NETWORK" id: "CONTAINER"`. What all port mappings share goes when nobody else's is left.
rules_delta() {
    timeout 30 "$1-save" 2>/dev/null | chains=$chains marks=$marks networks=$networks awk '
        function ours(name, i) {
            for (i = 1; i <= n; i++) if (prefix[i] != "" && index(name, prefix[i]) == 1) return 1
            return name in mine
        }
        function marked(rule, i) {
            for (i = 1; i <= m; i++) if (mark[i] != "" && index(rule, mark[i])) return 1
            return names_network(rule)
        }
        function names_network(rule, i) {
            for (i = 1; i <= w; i++) if (network[i] != "" && index(rule, "name: \\\"" network[i] "\\\" id: ")) return 1
            return 0
        }
        function target(rule, i, count, word) {
            count = split(rule, word, " ")
            for (i = count - 1; i > 2; i--) if (word[i] == "-j" || word[i] == "-g") return word[i + 1]
            return ""
        }
        function plugins(name) { return index(name, "CNI-") == 1 && index(name, "CNI-HOSTPORT-") != 1 }
        function claim(i, word, to, others) {
            for (i = 1; i <= rules; i++) {
                if (!names_network(rule[i])) continue
                split(rule[i], word, " ")
                if (plugins(word[2])) mine[word[2]] = 1
                to = target(rule[i])
                if (plugins(to)) mine[to] = 1
            }
            others = 0
            for (i = 1; i <= count; i++) if (index(name[i], "CNI-DN-") == 1 && !(name[i] in mine)) others++
            for (i = 1; i <= count; i++) if (!others && index(name[i], "CNI-HOSTPORT-") == 1) mine[name[i]] = 1
        }
        BEGIN {
            n = split(ENVIRON["chains"], prefix, "\n")
            m = split(ENVIRON["marks"], mark, "\n")
            w = split(ENVIRON["networks"], network, "\n")
        }
        /^\*/ { table = $0; count = 0; rules = 0; split("", mine) }
        /^:/ { name[++count] = substr($1, 2) }
        /^-A/ { rule[++rules] = $0 }
        /^COMMIT/ {
            claim()
            flush = ""; drop = ""; gone = ""
            for (c = 1; c <= count; c++) if (ours(name[c])) {
                flush = flush ":" name[c] " - [0:0]\n"
                gone = gone "-X " name[c] "\n"
            }
            for (r = 1; r <= rules; r++) {
                split(rule[r], first, " ")
                if (!ours(first[2]) && (ours(target(rule[r])) || marked(rule[r]))) drop = drop "-D" substr(rule[r], 3) "\n"
            }
            if (flush drop != "") printf "%s\n%s%s%sCOMMIT\n", table, flush, drop, gone
        }'
}

left_rules() {
    savers | while read -r i_save; do
        rules_delta "$i_save" | sed -n "s/^-X /$i_save chain /p; s/^-D /$i_save rule in /p"
    done
    if have ipset; then
        timeout 20 ipset list -n 2>/dev/null | while read -r i_set; do
            printf '%s\n' "$ipsets" | while read -r i_prefix; do
                case $i_set in "$i_prefix"*) printf 'ipset %s\n' "$i_set" ;; esac
            done
        done
    fi
    if have nft; then
        timeout 20 nft list tables 2>/dev/null | sed 's/^table //' | while read -r i_table; do
            # The plugins' port mappings stand in one table, whoever they are for.
            case $i_table in 'inet cni_hostport') ! have podman || continue ;; esac
            ! printf '%s\n' "$tables" | grep -Fxq "$i_table" || printf 'nft table %s\n' "$i_table"
        done
    fi
}

# Without those in which somebody lives: no pod does any more, so that is podman's.
left_namespaces() {
    for i_net in /run/netns/cni-*; do
        [ -e "$i_net" ] || continue
        [ -n "$(timeout 20 ip netns pids "${i_net##*/}" 2>/dev/null)" ] || printf '%s\n' "$i_net"
    done
}

left_network() {
    left_links | sed 's/^/link /'
    left_routes | sed 's/^/route /'
    left_rules
    left_namespaces | sed 's/^/network namespace /'
}

# What the CNI plugins keep for our networks. Podman keeps that of its own beside it.
left_addresses() {
    printf '%s\n' "$networks" | while read -r i_network; do
        [ -n "$i_network" ] || continue
        for i_file in /var/lib/cni/networks/"$i_network" /var/lib/cni/results/"$i_network"-* /var/lib/cni/cache/results/"$i_network"-*; do
            [ -e "$i_file" ] || continue
            # NETWORK-CONTAINER-INTERFACE, and the name of another network may begin with that of ours.
            case $i_file in */results/*)
                printf '%s\n' "${i_file##*/results/"$i_network"-}" | grep -Eq '^[0-9a-f]{64}-' || continue
                ;;
            esac
            printf '%s\n' "$i_file"
        done
    done
}

# What detached steps left whose program nobody runs any more: it may hold a token.
left_jobs() {
    for i_job in "$RUN"/job.*; do
        [ -d "$i_job" ] || continue
        # The reset's own are the audit's to take: they hold no token, and one of them is asking.
        case $i_job in */job.reset.*) continue ;; esac
        ! flock -n "$i_job/lock" true 2>/dev/null || printf '%s\n' "$i_job"
    done
}

# An empty directory is nothing.
left_files() {
    printf '%s\n' "$files" /var/lib/kubelet "$STATE/attempt" "$STATE/attempt.ca" "$STATE/settings" "$STATE/verified" "$STATE/cni" "$RUN/kubeadm.yaml" | while read -r i_glob; do
        for i_file in $i_glob; do
            [ -e "$i_file" ] || [ -h "$i_file" ] || continue
            if [ ! -d "$i_file" ] || [ -n "$(ls -A "$i_file/")" ]; then printf '%s\n' "$i_file"; fi
        done
    done
    left_addresses
    left_jobs
    for i_unit in $units; do
        ! systemctl is-active --quiet "$i_unit" 2>/dev/null || printf 'unit %s\n' "$i_unit"
    done
}

# Entries of the undo ledger: left_undo all | but-install
left_undo() {
    for i_entry in "$STATE"/undo/*.sh; do
        [ -e "$i_entry" ] || continue
        case $1:${i_entry##*/} in
            but-install:????-install.*) ;;
            *) printf '%s\n' "$i_entry" ;;
        esac
    done
}

left_all() {
    left_kubelet
    left_enabled
    left_containers
    left_mounts
    left_network
    left_files
    left_undo "$1"
}
