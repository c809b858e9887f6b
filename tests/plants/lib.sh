# What every plant begins with: they are sent to a host as one program, `cat lib.sh calico.sh | ssh HOST sh -s`.
#
# A plant makes on a host what a component leaves there, named as the component names it (the source is told where it is made), and prints
# what the kernel then has more than before, a line each: KIND<TAB>OWNER<TAB>WHAT. What a kernel can not do is not printed as planted:
# `without WHAT` says so. $tables is the back end of iptables to use: iptables-nft (which is Debian's) or iptables-legacy.
# shellcheck shell=sh
set -eu
tables=${tables:-nft}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tab=$(printf '\t')

# Prints the state of the kernel's tables: KIND<TAB>WHAT. Links veth0123abcd go with the network namespace that their other end is in.
state() {
    ip -o link | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p' | grep -v '^veth[0-9a-f]*$' | sed 's/^/link\t/'
    for s_family in 4 6; do
        ip "-$s_family" route show table all | grep -v -e '^local ' -e '^broadcast ' -e '^multicast ' -e '^anycast ' -e ' proto kernel' | sed "s/ table [^ ]*//; s/ *\$//; s/^/route\t-$s_family /"
        # Whole tables of somebody's own, the kernel's protocol or not.
        ip "-$s_family" route show table all | sed -n "s/ *\$//; /table \(2004\|2005\|7[789]\)\( \|\$\)/s/^/route\t-$s_family /p"
        ip "-$s_family" rule | sed "s/^[0-9]*:${tab}//; s/ *\$//; s/^/policy-rule\t-$s_family /"
    done
    ip -o addr | awk '{ print "address\t" $4 " dev " $2 }' | grep -v 'dev veth'
    for s_save in iptables ip6tables; do
        "$s_save-$tables-save" 2>/dev/null | awk -v program="$s_save-$tables" -v OFS='\t' '
            /^\*/ { table = substr($0, 2) }
            /^:/ && $2 == "-" { print "chain", program " " table " " substr($1, 2); own[substr($1, 2)] = 1 }
            /^-A/ { rule[++rules] = $0; of[rules] = table }
            /^COMMIT/ { for (r = 1; r <= rules; r++) { split(rule[r], word, " "); if (!(word[2] in own)) print "rule", program " " of[r] " " substr(rule[r], 4) }; rules = 0; split("", own) }'
    done
    ! command -v ipset >/dev/null || ipset list -n | sed 's/^/ipset\t/'
    # Those of iptables-nft are its own matter.
    ! command -v nft >/dev/null || nft list tables | sed 's/^table //' | grep -vxE '(ip|ip6) (filter|nat|mangle|raw|security)' | sed 's/^/nft-table\t/'
    ! command -v ipvsadm >/dev/null || [ ! -e /proc/net/ip_vs ] || ipvsadm -Sn | sed -n 's/^-A \(-. [^ ]*\).*/ipvs\t\1/p'
    [ ! -d /run/netns ] || find /run/netns -mindepth 1 -printf 'netns\t%f\n'
    awk '{ print "mount\t" $2 }' /proc/self/mounts
}

# begin OWNER: what is made from here on is this owner's.
begin() {
    owner=$1
    state | sort >"$scratch/before"
}

# end: prints what is there since `begin`. Routes and addresses of links that are new themselves go with these.
end() {
    state | sort >"$scratch/after"
    comm -13 "$scratch/before" "$scratch/after" >"$scratch/new"
    awk -F '\t' -v owner="$owner" -v OFS='\t' '
        NR == FNR { if ($1 == "link") fresh[$2] = 1; next }
        $1 == "route" || $1 == "address" { count = split($2, word, " "); gone = 0; for (i = 1; i < count; i++) if (word[i] == "dev" && word[i + 1] in fresh) gone = 1; if (gone) next }
        # A mount below /run/netns is the namespace itself.
        $1 == "mount" && $2 ~ /^\/run\/netns/ { next }
        { print $1, owner, $2 }' "$scratch/new" "$scratch/new"
}

without() { printf '%s: without %s\n' "$owner" "$*" >&2; }

# able COMMAND...: runs it if it can be run; what it says otherwise is for people.
able() { "$@" >/dev/null 2>"$scratch/why"; }

# link NAME ARG...: `ip link add NAME ARG...`, up; where the kernel lacks the kind, it says so.
link() {
    l_name=$1
    shift
    if able ip link add "$l_name" "$@"; then ip link set "$l_name" up; else without "link $l_name ($*)"; return 1; fi
}

# rules PROGRAM: adds what stands on its input in iptables-save's format.
rules() { "$1-$tables-restore" -w --noflush; }

# file PATH [LINE]: makes the file; files below a `directory` are not named by themselves.
file() {
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "${2:-"of $owner"}" >"$1"
    printf 'file\t%s\t%s\n' "$owner" "$1"
}

# program PATH: a file that may be run.
program() {
    file "$1" '#!/bin/sh'
    chmod 755 "$1"
}

# directory PATH [FILE]...: a directory with files, all of the owner's.
directory() {
    mkdir -p "$1"
    d_directory=$1
    shift
    for d_file; do
        mkdir -p "$(dirname "$d_directory/$d_file")"
        echo "of $owner" >"$d_directory/$d_file"
    done
    printf 'file\t%s\t%s\n' "$owner" "$d_directory"
}

# The host's own address, by which tunnels know their end.
node_address() { ip -o -4 addr show scope global | awk '{ sub(/\/.*/, "", $4); print $4; exit }'; }
node_link() { ip -o -4 addr show scope global | awk '{ print $2; exit }'; }

# nft's name of the family: family_of iptables|ip6tables
family_of() { case $1 in iptables) echo ip ;; *) echo ip6 ;; esac; }
