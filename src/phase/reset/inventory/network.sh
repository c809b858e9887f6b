# Links and what hangs on them.

# By ip(8): in a container, /sys may show the links of the machine below. What is on a bridge of somebody's is that one's too.
find_links() {
    n_links=$(ip -o link show 2>/dev/null | awk '{
        name = $2; sub(/[:@].*/, "", name); master = "-"
        for (i = 3; i < NF; i++) if ($i == "master") master = $(i + 1)
        print name, master
    }')
    n_known=$(printf '%s\n' "$n_links" | cut -d ' ' -f 1 | known link name)
    [ -z "$n_known" ] || printf '%s\n' "$n_known"
    {
        printf '%s\n' "$n_known"
        printf '%s\n' "$n_links"
    } | awk -F '\t' '
        NF == 6 { bridge[$6] = $2 "\t" $3; next }
        { split($0, word, " "); if (word[2] in bridge && word[1] ~ /^veth/) print "link\t" bridge[word[2]] "\tgoes\ton the bridge " word[2] "\t" word[1] }'
    # Others tunnel through these links too (LVS): a CNI that does must be here.
    n_emptied=$(rows emptied-link | here=${here-} awk -F '\t' 'BEGIN { n = split(ENVIRON["here"], o, "\n"); for (i = 1; i <= n; i++) is[o[i]] = 1 } $1 in is { print $4 }')
    n_host='scope global'
    printf '%s\n' "$n_links" | cut -d ' ' -f 1 | known emptied-link 'address on' link | while read -r n_line; do
        n_link=${n_line##*	}
        printf '%s\n' "$n_emptied" | grep -Fxq -e "$n_link" || continue
        ! ip -o addr show dev "$n_link" 2>/dev/null | grep "$n_host" | grep -Eq ' [0-9.]+/32 | [0-9a-f:]+/128 ' || printf '%s\n' "$n_line"
    done
}

# Addresses that static pods put on the host's own links, while their manifests tell; the reset remembers them for when they do not.
find_addresses() {
    {
        addresses_told
        cat "$RUN/addresses" 2>/dev/null
    } | sort -u | while IFS='	' read -r n_owner n_address; do
        ip -o addr show to "$n_address" 2>/dev/null | awk '$4 ~ /^[0-9.]+\/32$/ || $4 ~ /:.*\/128$/ { print $4 " dev " $2 }' | while read -r n_what; do
            found address "$n_owner" 0 goes 'told by its manifest' "$n_what"
        done
    done
}

# `OWNER ADDRESS` with a tab between
addresses_told() {
    rows address | while IFS='	' read -r n_owner n_weight n_variable n_glob; do
        for n_file in $n_glob; do
            [ -f "$n_file" ] || continue
            awk -v variable="$n_variable" -v owner="$n_owner" '
                { gsub(/["\047,]/, "") }
                $1 == "-" && $2 == "name:" { wanted = $3 == variable; next }
                wanted && $1 == "value:" && $2 ~ /^[0-9a-fA-F.:]+$/ { print owner "\t" $2; wanted = 0 }' "$n_file"
        done
    done
}

find_routes() {
    {
        vouched route-protocol | sed 's/^/proto	/'
        vouched route-table | sed 's/^/table	/'
    } | while IFS='	' read -r n_word n_owner n_weight n_ere n_value; do
        for n_family in 4 6; do
            if [ "$n_word" = proto ]; then
                ip "-$n_family" -o route show table all proto "$n_value" 2>/dev/null
            else
                ip "-$n_family" -o route show table "$n_value" 2>/dev/null
            fi | sed 's/\\.*//; s/ \(linkdown\|dead\|offload\|trap\|rt_offload\|rt_trap\|pervasive\)//g; s/ *$//' | while read -r n_route; do
                found route "$n_owner" "$n_weight" goes "$n_word $n_value" "-$n_family $n_route $n_word $n_value"
            done
        done
    done
}

# The rows of a kind whose owner is also here with something that is certainly its own: tables and rules are known by numbers that an
# administrator may have chosen too. Value: here, of owners_here.
vouched() {
    rows "$1" | here=$here awk -F '\t' '
        BEGIN { n = split(ENVIRON["here"], owner, "\n"); for (i = 1; i <= n; i++) is[owner[i]] = 1 }
        $1 in is'
}

find_policy_rules() {
    n_rows=$(vouched policy-rule)
    n_moved=$(vouched local-rule)
    for n_family in 4 6; do
        n_rules=$(ip "-$n_family" rule show 2>/dev/null | sed 's/:[[:space:]]*/ /; s/ *$//')
        printf '%s\n' "$n_rules" | rows=$n_rows family=$n_family awk '
            BEGIN {
                n = split(ENVIRON["rows"], row, "\n")
                for (i = 1; i <= n; i++) { split(row[i], field, "\t"); owner[i] = field[1]; weight[i] = field[2]; ere[i] = field[3]; glob[i] = field[4] }
            }
            {
                rule = $0; sub(/^[0-9]+ /, "", rule)
                for (i = 1; i <= n; i++) if (ere[i] != "" && rule ~ ere[i])
                    printf "policy-rule\t%s\t%s\tgoes\trule %s\t-%s pref %s\n", owner[i], weight[i], glob[i], ENVIRON["family"], $0
            }'
        printf '%s\n' "$n_moved" | while IFS='	' read -r n_owner n_weight n_ere n_priority; do
            [ -n "$n_owner" ] || continue
            ! printf '%s\n' "$n_rules" | grep -Fxq "$n_priority from all lookup local" ||
                found policy-rule "$n_owner" 0 goes 'moved from priority 0' "-$n_family pref $n_priority from all lookup local"
        done
    done
}

# Those in which nobody lives but pods. Somebody else's containers may have such names too (podman with CNI networks).
find_namespaces() {
    # shellcheck disable=SC2046 # names without blanks
    set -- $(globs netns | sed 's@^@/run/netns/@' | sort -u)
    for n_file in "$@"; do
        [ ! -e "$n_file" ] || break
    done
    [ -e "${n_file-}" ] || return 0
    n_strangers=$({
        pod_processes
        stat -L -c '%n %i' /proc/[0-9]*/ns/net 2>/dev/null | sed 's@^/proc/\([0-9]*\)/ns/net@\1@'
    } | awk 'NF == 1 { pod[$1] = 1 } NF == 2 && !($1 in pod) { print $2 }' | sort -u)
    for n_file in "$@"; do
        [ -e "$n_file" ] || continue
        ! printf '%s\n' "$n_strangers" | grep -Fxq "$(stat -L -c %i "$n_file" 2>/dev/null)" || continue
        printf '%s\n' "${n_file##*/}"
    done | known netns name
}

find_network() {
    find_policy_rules
    find_routes
    find_addresses
    find_links
    find_rules
    find_nft_rules
    find_nft_chains
    find_sets
    find_nft_tables
    find_virtual_servers
    find_bpf
    find_namespaces
}
