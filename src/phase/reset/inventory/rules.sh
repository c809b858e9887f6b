# Rules: iptables of both back ends, nftables, sets, virtual servers.

# The programs that list rules: both back ends where a host has both.
savers() {
    for r_tables in iptables ip6tables; do
        if have "$r_tables-nft-save" || have "$r_tables-legacy-save"; then
            for r_save in "$r_tables-nft" "$r_tables-legacy"; do
                ! have "$r_save-save" || printf '%s\n' "$r_save"
            done
        elif have "$r_tables-save"; then
            printf '%s\n' "$r_tables"
        fi
    done
}

# The rules of one program, read: chains that are somebody's, and the rules of other chains that lead to them. With `delta` what its
# restore --noflush needs to take them away, with `list` a line for each: scan_rules PROGRAM list|delta
#
# A rule elsewhere is an owner's when it leads to the owner's chain, asks one of its sets, has its comment or names its link.
# Chains CNI-* are made by the CNI plugins for whoever calls them, podman too. A chain is ours when a rule in it or to it names one of
# our networks in its comment: `name: "NETWORK" id: "CONTAINER"`. What all port mappings share goes when nobody else's is left.
scan_rules() {
    timeout 30 "$1-save" 2>/dev/null | program=$1 mode=$2 knowledge=$knowledge awk '
        # Puts `OWNER WEIGHT SIGN` of everyone who knows a name into claims, and says how many there are.
        function ask(kind, text, noun, i, many) {
            many = 0
            for (i = 1; i <= size[kind]; i++) if (text ~ ere[kind, i])
                claims[++many] = owner[kind, i] "\t" weight[kind, i] "\tgoes\t" noun " " glob[kind, i]
            return many
        }
        function comment(rule, from, rest) {
            from = index(rule, "--comment ")
            if (!from) return ""
            rest = substr(rule, from + 10)
            if (substr(rest, 1, 1) != "\"") { sub(/ .*/, "", rest); return rest }
            rest = substr(rest, 2)
            gsub(/\\"/, "\001", rest)
            sub(/".*/, "", rest)
            gsub(/\001/, "\"", rest)
            return rest
        }
        function word_behind(rule, option, word, i, many) {
            sub(/--comment ("([^"\\]|\\.)*"|[^" ]+)/, "", rule)
            many = split(rule, word, " ")
            for (i = 3; i < many; i++) if (word[i] == option) return word[i + 1]
            return ""
        }
        function target(rule, to) {
            to = word_behind(rule, "-j")
            return to == "" ? word_behind(rule, "-g") : to
        }
        function network_of(rule, i) {
            for (i = 1; i <= size["network"]; i++) if (index(rule, "name: \\\"" glob["network", i] "\\\" id: ")) return i
            return 0
        }
        function plugins(chain) { return index(chain, "CNI-") == 1 && index(chain, "CNI-HOSTPORT-") != 1 }
        function claim(i, word, to, n, others, any) {
            for (i = 1; i <= rules; i++) {
                n = network_of(rule[i])
                if (!n) continue
                split(rule[i], word, " ")
                if (plugins(word[2])) mine[word[2]] = n
                to = target(rule[i])
                if (plugins(to)) mine[to] = n
            }
            others = 0
            for (i = 1; i <= count; i++) if (index(name[i], "CNI-DN-") == 1 && !(name[i] in mine)) others++
            for (i = 1; i <= count; i++) if (!others && index(name[i], "CNI-HOSTPORT-") == 1) mine[name[i]] = 0
        }
        # Who made a chain: into claims.
        function makers(chain, n) {
            if (chain in mine) {
                n = mine[chain]
                if (n == 0) { claims[1] = "cni-plugins\t0\tgoes\tno other port mapping is left"; return 1 }
                return ask("network", glob["network", n], "network")
            }
            return ask("chain", chain, "chain")
        }
        # Who made a rule in a chain of somebody else.
        function authors(line, to, set, n) {
            to = target(line)
            if (to != "" && (to in ours)) return makers(to)
            n = network_of(line)
            if (n) return ask("network", glob["network", n], "network")
            if (comment(line) != "" && (n = ask("comment", comment(line), "comment"))) return n
            set = word_behind(line, "--match-set")
            if (set != "" && (n = ask("ipset", set, "set"))) return n
            if (n = ask("rule-link", word_behind(line, "-i"), "link")) return n
            return ask("rule-link", word_behind(line, "-o"), "link")
        }
        function tell(kind, many, what, i) {
            for (i = 1; i <= many; i++) print kind "\t" claims[i] "\t" ENVIRON["program"] " " substr(table, 2) " " what
        }
        BEGIN {
            n = split(ENVIRON["knowledge"], row, "\n")
            for (i = 1; i <= n; i++) {
                split(row[i], field, "\t")
                k = field[1]; s = ++size[k]
                owner[k, s] = field[2]; weight[k, s] = field[3]; ere[k, s] = field[4]; glob[k, s] = field[5]
            }
        }
        /^\*/ { table = $0; count = 0; rules = 0; split("", mine); split("", ours) }
        /^:/ { name[++count] = substr($1, 2) }
        /^-A/ { rule[++rules] = $0 }
        /^COMMIT/ {
            claim()
            flush = ""; drop = ""; gone = ""
            for (c = 1; c <= count; c++) if (many = makers(name[c])) {
                ours[name[c]] = 1
                flush = flush ":" name[c] " - [0:0]\n"
                gone = gone "-X " name[c] "\n"
                if (ENVIRON["mode"] == "list") tell("chain", many, name[c])
            }
            for (r = 1; r <= rules; r++) {
                split(rule[r], first, " ")
                if (first[2] in ours) continue
                if (!(many = authors(rule[r]))) continue
                drop = drop "-D" substr(rule[r], 3) "\n"
                if (ENVIRON["mode"] == "list") tell("rule", many, substr(rule[r], 4))
            }
            if (ENVIRON["mode"] == "delta" && flush drop != "") printf "%s\n%s%s%sCOMMIT\n", table, flush, drop, gone
        }'
}

find_rules() {
    savers | while read -r r_program; do
        scan_rules "$r_program" list
    done
}

# Rules of the CNI plugins in tables that all callers of theirs share, by the network in the comment: `ID, net: NETWORK, if: ...`.
# `RULE` is what `nft delete rule` needs.
find_nft_rules() {
    have nft || return 0
    for r_table in 'inet cni_plugins_masquerade' 'ip cni_plugins_masquerade' 'ip6 cni_plugins_masquerade'; do
        # shellcheck disable=SC2086 # family and name are words
        timeout 20 nft -a list table $r_table 2>/dev/null | table=$r_table knowledge=$knowledge awk '
            BEGIN {
                n = split(ENVIRON["knowledge"], row, "\n")
                for (i = 1; i <= n; i++) { split(row[i], field, "\t"); if (field[1] == "network") { owner[++m] = field[2]; net[m] = field[5] } }
            }
            $1 == "chain" { chain = $2 }
            / comment ".*net: .*# handle [0-9]+$/ {
                for (i = 1; i <= m; i++) if (index($0, ", net: " net[i] ","))
                    printf "rule\t%s\t0\tgoes\tnetwork %s\tnft %s %s handle %s\n", owner[i], net[i], ENVIRON["table"], chain, $NF
            }'
    done
}

# Chains of iptables on a host that has no iptables (any more), by nft: chains `nft FAMILY TABLE CHAIN`, and the rules that lead to them
# from somebody else's, as `nft delete rule` needs them. kube-proxy and CNIs bring an iptables of their own.
find_nft_chains() {
    have nft && [ -z "$(savers)" ] || return 0
    timeout 20 nft list tables 2>/dev/null | sed -n 's/^table \(ip6\{0,1\} [a-z]*\)$/\1/p' | while read -r r_family r_table; do
        timeout 20 nft -a list table "$r_family" "$r_table" 2>/dev/null | place="nft $r_family $r_table" knowledge=$knowledge awk '
            BEGIN {
                n = split(ENVIRON["knowledge"], row, "\n")
                for (i = 1; i <= n; i++) {
                    split(row[i], field, "\t"); k = field[1]; s = ++size[k]
                    owner[k, s] = field[2]; weight[k, s] = field[3]; ere[k, s] = field[4]; glob[k, s] = field[5]
                }
            }
            function tell(kind, by, text, noun, what, i, many) {
                for (i = 1; i <= size[by]; i++) if (text ~ ere[by, i]) {
                    printf "%s\t%s\t%s\tgoes\t%s %s\t%s %s\n", kind, owner[by, i], weight[by, i], noun, glob[by, i], ENVIRON["place"], what
                    many++
                }
                return many
            }
            $1 == "chain" { chain = $2; ours = tell("chain", "chain", chain, "chain", chain); next }
            !ours && $(NF - 1) == "handle" {
                for (i = 1; i < NF; i++) if ($i == "jump" || $i == "goto") {
                    if (tell("rule", "chain", $(i + 1), "chain", chain " handle " $NF)) next
                }
                if (match($0, /comment "[^"]*"/)) tell("rule", "comment", substr($0, RSTART + 9, RLENGTH - 10), "comment", chain " handle " $NF)
            }'
    done
}

# Of those that hold others before those that are held.
find_sets() {
    have ipset || return 0
    r_sets=$(timeout 20 ipset list -t 2>/dev/null | awk '$1 == "Name:" { name = $2 } $1 == "Type:" { print ($2 == "list:set" ? 0 : 1), name }' | sort | cut -d ' ' -f 2)
    [ -z "$r_sets" ] || printf '%s\n' "$r_sets" | known ipset name
}

find_nft_tables() {
    have nft || return 0
    timeout 20 nft list tables 2>/dev/null | sed 's/^table //' | while read -r r_table; do
        # The plugins' port mappings stand in one table, whoever they are for.
        case $r_table in *' cni_hostport') if have podman || have nerdctl; then continue; fi ;; esac
        printf '%s\n' "$r_table"
    done | known nft-table table
}

# Virtual servers of IPVS: by their address, which is one of a link that holds nothing else, or a port of all addresses beside such a link.
find_virtual_servers() {
    [ -r /proc/net/ip_vs ] || return 0
    rows virtual-server-link | while IFS='	' read -r r_owner r_weight r_ere r_link; do
        r_addresses=$(ip -o addr show dev "$r_link" 2>/dev/null | awk '{ sub(/\/.*/, "", $4); print $4 }')
        ip link show "$r_link" >/dev/null 2>&1 || continue
        # A node port is served at the node's own addresses; one that moves between hosts is a balancer's.
        r_local=$(ip -o addr show scope global 2>/dev/null | awk '$4 !~ /\/32$|\/128$/ { sub(/\/.*/, "", $4); print $4 }')
        virtual_servers | local=$r_local addresses=$r_addresses owner="$r_owner" link=$r_link awk '
            BEGIN {
                n = split(ENVIRON["addresses"], a, "\n"); for (i = 1; i <= n; i++) on[a[i]] = 1
                n = split(ENVIRON["local"], a, "\n"); for (i = 1; i <= n; i++) node[a[i]] = 1
            }
            {
                address = $2; port = $2
                sub(/:[0-9]+$/, "", address); gsub(/[][]/, "", address); sub(/.*:/, "", port)
                if (address in on) sign = "address of " ENVIRON["link"]
                else if (address in node && port + 0 >= 30000 && port + 0 <= 32767) sign = "node port beside " ENVIRON["link"]
                else next
                printf "ipvs\t%s\t0\tgoes\t%s\t%s %s\n", ENVIRON["owner"], sign, $1, $2
            }'
    done
}

# `-t ADDRESS:PORT` as ipvsadm takes it. Without it the kernel's own list says what is there, in hexadecimal and IPv4 alone.
virtual_servers() {
    if have ipvsadm; then
        timeout 20 ipvsadm -Sn 2>/dev/null | awk '$1 == "-A" && $2 != "-f" { print $2, $3 }'
    else
        awk '
            function number(hex, i, sum) {
                sum = 0
                for (i = 1; i <= length(hex); i++) sum = sum * 16 + index("0123456789ABCDEF", toupper(substr(hex, i, 1))) - 1
                return sum
            }
            $1 ~ /^(TCP|UDP|SCTP)$/ && $2 ~ /^[0-9A-F]+:[0-9A-F]+$/ {
                split($2, at, ":")
                printf "%s %d.%d.%d.%d:%d\n", ($1 == "TCP" ? "-t" : $1 == "UDP" ? "-u" : "--sctp-service"),
                    number(substr(at[1], 1, 2)), number(substr(at[1], 3, 2)), number(substr(at[1], 5, 2)), number(substr(at[1], 7, 2)), number(at[2])
            }' /proc/net/ip_vs
    fi
}
