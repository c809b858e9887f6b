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

# The numbers of the pods' processes, by their control group: below the root of this host's (which is that of its first process, in a system
# container without a view of its own), or below containerd's where it and the kubelet do not agree on who makes it. A system container on
# this machine (kind, nspawn, LXC) has its pods elsewhere, and if not, then a PID namespace deeper. What is dead already is nobody's.
pod_processes() {
    i_root=$(sed -n -e 's@/init\.scope$@@' -e 's/^0:://p' -e 's/^[0-9]*:name=systemd://p' /proc/1/cgroup 2>/dev/null | sort | tail -n 1)
    {
        grep -s kubepods /proc/[0-9]*/cgroup
        grep -s -e '^State:' -e '^NSpid:' /proc/[0-9]*/status
    } | i_root=${i_root%/} awk '
        { split($0, part, "/"); process = part[3] }
        /\/status:State:/ { if ($2 ~ /^[ZX]/) skip[process] = 1; next }
        /\/status:NSpid:/ { if (NF > 3) skip[process] = 1; next }
        {
            path = $0
            sub(/^[^:]*:[^:]*:[^:]*:/, "", path)
            if (index(path, ENVIRON["i_root"]) != 1) next
            path = substr(path, length(ENVIRON["i_root"]) + 1)
            if (path ~ /^\/(system\.slice\/[a-z-]*\.service\/)?kubepods/ && !seen[process]++) order[++count] = process
        }
        END { for (i = 1; i <= count; i++) if (!(order[i] in skip)) print order[i] }'
}

# Processes of this host itself, by name and by what their command line says: processes_of NAME PATTERN. The name is at most 15 characters
# long, and asked first, since reading a command line waits for a process that hangs. What runs in a PID namespace of its own, in a
# system container on this machine (kind, nspawn, LXC), shows here too, and is somebody else's.
processes_of() {
    i_own=$(readlink /proc/self/ns/pid) || return 0
    grep -slx -e "$1" /proc/[0-9]*/comm | while read -r i_file; do
        i_file=${i_file%/comm}
        [ "$(readlink "$i_file/ns/pid" 2>/dev/null)" = "$i_own" ] || continue
        if timeout -k 1 5 tr '\0' ' ' 2>/dev/null <"$i_file/cmdline" | grep -q -e "$2"; then printf '%s\n' "${i_file#/proc/}"; fi
    done 2>/dev/null
}

# The processes that hold pods.
pod_holders() {
    processes_of containerd-shim '-namespace k8s\.io '
    processes_of conmon '--exit-dir /\(var/\)\{0,1\}run/crio/'
}

# The mounts below these directories, `POINT DEVICE TYPE` each as the kernel writes them: a blank as an octal number. Never those of a
# directory itself: that may be a disk of its own. The kernel lists mounts by where they really are.
mount_lines() {
    i_below=$(for i_file in "$@"; do timeout -k 1 5 readlink -f "$i_file" || printf '%s\n' "$i_file"; done | sed 's/\\/\\134/g; s/ /\\040/g') awk '
        BEGIN { n = split(ENVIRON["i_below"], below, "\n") }
        {
            for (i = 1; i <= n; i++) if (below[i] != "" && index($5, below[i] "/") == 1) {
                for (type = 7; $type != "-" && type < NF; type++) ;
                print $5, $3, $(type + 1)
                next
            }
        }' /proc/self/mountinfo
}

# mounts_below DIRECTORY...: the one that was mounted last first. Nothing here looks at what is mounted: it may hang.
mounts_below() {
    mount_lines "$@" | awk '{ line[NR] = $1 } END { for (i = NR; i > 0; i--) print line[i] }' | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g' | while read -r i_mount; do
        printf '%b\n' "$i_mount"
    done
}

# Mounts below what is going to be removed.
left_mounts() {
    # shellcheck disable=SC2086 # they are patterns
    mounts_below $files /var/lib/kubelet
}

# The numbers of the FUSE connections behind such mounts.
fuse_below() {
    # shellcheck disable=SC2086 # they are patterns
    mount_lines $files /var/lib/kubelet | sed -n 's/^[^ ]* 0:\([0-9]*\) fuse\(\..*\)\{0,1\}$/\1/p' | sort -u
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
