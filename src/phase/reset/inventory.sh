# What of Kubernetes is on this host: each function prints one thing a line, and changes nothing. Values, a line each: links, files,
# chains, marks, ipsets, tables, protocols, units: by owner, so that nothing is ever taken that belongs to somebody else.

left_kubelet() {
    ! systemctl is-active --quiet kubelet 2>/dev/null || echo 'the kubelet runs'
    for i_file in /etc/kubernetes/*.conf /etc/kubernetes/manifests/*; do
        [ ! -e "$i_file" ] || printf '%s\n' "$i_file"
    done
}

left_enabled() {
    ! systemctl is-enabled --quiet kubelet 2>/dev/null || echo 'the kubelet starts at boot'
}

# The processes that hold pods. The brackets keep grep from finding itself.
shims() {
    grep -l 'containerd-shi[m]' /proc/[0-9]*/cmdline 2>/dev/null | while read -r i_file; do
        if tr '\0' ' ' <"$i_file" 2>/dev/null | grep -q -e '-namespace k8s\.io '; then
            i_file=${i_file%/cmdline}
            printf '%s\n' "${i_file#/proc/}"
        fi
    done
}

left_containers() {
    i_ids=$(timeout 20 ctr -n k8s.io containers ls -q 2>/dev/null) || i_ids=
    [ -z "$i_ids" ] || printf '%s\n' "$i_ids" | sed 's/^/container /'
    shims | sed 's/^/containerd-shim, process /'
}

# Mounts below what is going to be removed, innermost first. Never the place itself: that may be a disk of its own.
left_mounts() {
    files="$files
/var/lib/kubelet" awk '
        BEGIN { n = split(ENVIRON["files"], file, "\n") }
        {
            for (i = 1; i <= n; i++) {
                prefix = file[i]
                if (prefix == "") continue
                if (sub(/\*.*/, "", prefix) == 0) prefix = prefix "/"
                if (index($2, prefix) == 1) { print $2; next }
            }
        }' /proc/self/mounts | sort -r | while read -r i_mount; do
        printf '%b\n' "$i_mount"
    done
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
rules_delta() {
    timeout 30 "$1-save" 2>/dev/null | chains=$chains marks=$marks awk '
        function ours(name, i) {
            for (i = 1; i <= n; i++) if (prefix[i] != "" && index(name, prefix[i]) == 1) return 1
            return 0
        }
        function marked(rule, i) {
            for (i = 1; i <= m; i++) if (mark[i] != "" && index(rule, mark[i])) return 1
            return 0
        }
        BEGIN { n = split(ENVIRON["chains"], prefix, "\n"); m = split(ENVIRON["marks"], mark, "\n") }
        /^\*/ { table = $0; flush = ""; drop = ""; gone = "" }
        /^:/ {
            name = substr($1, 2)
            if (ours(name)) { flush = flush ":" name " - [0:0]\n"; gone = gone "-X " name "\n" }
        }
        /^-A/ && !ours($2) {
            target = ""
            for (f = 3; f < NF; f++) if ($f == "-j" || $f == "-g") target = $(f + 1)
            if (ours(target) || marked($0)) drop = drop "-D" substr($0, 3) "\n"
        }
        /^COMMIT/ { if (flush drop != "") printf "%s\n%s%s%sCOMMIT\n", table, flush, drop, gone }'
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
            ! printf '%s\n' "$tables" | grep -Fxq "$i_table" || printf 'nft table %s\n' "$i_table"
        done
    fi
}

left_network() {
    left_links | sed 's/^/link /'
    left_routes | sed 's/^/route /'
    left_rules
    for i_net in /run/netns/cni-*; do
        [ ! -e "$i_net" ] || printf 'network namespace %s\n' "$i_net"
    done
}

# An empty directory is nothing.
left_files() {
    printf '%s\n' "$files" /var/lib/kubelet "$STATE/attempt" "$STATE/verified" "$STATE/cni" "$RUN/kubeadm.yaml" | while read -r i_glob; do
        for i_file in $i_glob; do
            [ -e "$i_file" ] || [ -h "$i_file" ] || continue
            if [ ! -d "$i_file" ] || [ -h "$i_file" ] || [ -n "$(ls -A "$i_file")" ]; then printf '%s\n' "$i_file"; fi
        done
    done
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
