# What of a cluster is on this host. Functions find_... print a line for each thing, `KIND OWNER WEIGHT FATE SIGN WHAT` with tabs between,
# and change nothing. Value: knowledge, the table of profile::Knowledge. FATE is goes, purge or stays.

found() {
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@"
}

# What a reset takes of these lines, each thing once: what_of [KIND]
what_of() {
    awk -F '\t' -v kind="${1-}" 'NF == 6 && (kind == "" || $1 == kind) && $4 == "goes" && !seen[$6]++ { print $6 }'
}

# Of the names on standard input, a line each, those that somebody is known by: known KIND NOUN [KIND_TO_PRINT]
known() {
    k_kind=$1 k_noun=$2 k_as=${3:-$1} knowledge=$knowledge awk '
        BEGIN {
            n = split(ENVIRON["knowledge"], row, "\n")
            for (i = 1; i <= n; i++) {
                split(row[i], field, "\t")
                if (field[1] != ENVIRON["k_kind"]) continue
                owner[++m] = field[2]; weight[m] = field[3]; ere[m] = field[4]; glob[m] = field[5]
            }
        }
        {
            for (i = 1; i <= m; i++) if ($0 ~ ere[i])
                printf "%s\t%s\t%s\tgoes\t%s %s\t%s\n", ENVIRON["k_as"], owner[i], weight[i], ENVIRON["k_noun"], glob[i], $0
        }'
}

# The rows of one kind, `OWNER WEIGHT ERE GLOB` with tabs between: rows KIND. Everything asks for some, so this starts no program.
rows() {
    k_ifs=$IFS
    IFS='
'
    set -f
    for k_row in $knowledge; do
        case $k_row in "$1	"*)
            k_row=${k_row#*	}
            k_row=${k_row%	*}
            printf '%s\n' "${k_row%	*}"
            ;;
        esac
    done
    set +f
    IFS=$k_ifs
}

# The globs of these kinds, a line each: globs KIND...
globs() {
    for k_kind in "$@"; do
        rows "$k_kind" | while read -r k_row; do
            printf '%s\n' "${k_row##*	}"
        done
    done
}

# Whether a program runs here that is no pod's: the host's own, or that of a container of somebody's. runs_beside_pods NAME
runs_beside_pods() {
    k_pods=$(pod_processes)
    for k_process in $(grep -slx -e "$1" /proc/[0-9]*/comm | sed 's@^/proc/\([0-9]*\)/.*@\1@'); do
        printf '%s\n' "$k_pods" | grep -Fxq "$k_process" || return 0
    done
    return 1
}

# Who is certainly here: with a file, a link or a set that nobody else has. An earlier try of a reset remembers whom it has met.
owners_here() {
    knowledge=$(printf '%s\n' "$knowledge" | awk -F '\t' '$6 == "-"')
    {
        find_links
        find_files_of file
        find_sets
    } | awk -F '\t' 'NF == 6 && !seen[$2]++ { print $2 }'
    cat "$RUN/owners" 2>/dev/null || :
}

# What is somebody else's while their program runs is not in the table, nor what others have too, of owners who are not here. Value: here.
uncontested() {
    k_running=
    for k_program in $(printf '%s\n' "$knowledge" | awk -F '\t' '$6 != "-" && !seen[$6]++ { print $6 }'); do
        if runs_beside_pods "$k_program"; then k_running="$k_running $k_program"; fi
    done
    printf '%s\n' "$knowledge" | here=$here awk -F '\t' -v running="$k_running" '
        BEGIN {
            n = split(running, word, " "); for (i = 1; i <= n; i++) runs[word[i]] = 1
            n = split(ENVIRON["here"], owner, "\n"); for (i = 1; i <= n; i++) is[owner[i]] = 1
        }
        $6 == "-" || !($6 in runs) && ($2 in is || $7 == "alone")'
}

# One owner for each thing. Of those who know it the one whose name says most; of several such the one that left most of what nobody else
# knows, then the one that explains most of all, then the one that leaves least besides: whoever is here with all of its things.
attribute() {
    knowledge=$knowledge awk -F '\t' '
        BEGIN {
            n = split(ENVIRON["knowledge"], row, "\n")
            for (i = 1; i <= n; i++) { split(row[i], field, "\t"); leaves[field[2]]++ }
        }
        NF == 6 {
            key = $1 "\t" $6
            if (!(key in claims)) order[++keys] = key
            if (!((key, $2) in claim)) { claim[key, $2] = 1; claims[key]++; name[key, claims[key]] = $2 }
            if (!((key, $2) in weight) || $3 > weight[key, $2]) { weight[key, $2] = $3; sign[key, $2] = $5; fate[key, $2] = $4 }
            if (!(key in most) || $3 + 0 > most[key]) most[key] = $3 + 0
        }
        END {
            for (k = 1; k <= keys; k++) {
                key = order[k]; left = 0
                for (c = 1; c <= claims[key]; c++) if (weight[key, name[key, c]] + 0 == most[key]) {
                    best[key, ++left] = name[key, c]
                    explains[name[key, c]]++
                }
                count[key] = left
                if (left == 1) alone[best[key, 1]]++
            }
            for (k = 1; k <= keys; k++) {
                key = order[k]; owner = best[key, 1]
                for (b = 2; b <= count[key]; b++) {
                    other = best[key, b]
                    if (alone[other] + 0 != alone[owner] + 0) better = alone[other] + 0 > alone[owner] + 0
                    else if (explains[other] != explains[owner]) better = explains[other] > explains[owner]
                    else better = leaves[other] + 0 < leaves[owner] + 0
                    if (better) owner = other
                }
                split(key, part, "\t")
                printf "%s\t%s\t%s\t%s\t%s\n", part[1], owner, fate[key, owner], sign[key, owner], part[2]
            }
        }'
}

# Everything, for a reader elsewhere. Value: NONCE.
list_all() {
    find_all | attribute | sed "s/^/$NONCE left	/"
    printf '%s left-end\n' "$NONCE"
}

find_all() {
    find_processes
    find_pods
    find_mounts
    find_network
    find_files
    find_kept_files
    find_install
}

# Of what `attribute` printed, what a reset should have taken, in words: in_words KIND_OF_RESET (all, but-install)
in_words() {
    awk -F '\t' -v which="$1" '$3 == "goes" || which == "all" && $3 == "purge" { printf "%s %s (%s: %s)\n", $1, $5, $2, $4 }'
}

left_over() {
    find_all | attribute | in_words "$1"
}
