# What the scenarios with plants share. Sourced, behind lib.sh.
# shellcheck shell=bash disable=SC2154
plants=tests/plants

# A program that plants for these owners: planting OWNER...
planting() {
    local name
    echo 'set -e'
    for name; do printf '(\n'; cat "$plants/lib.sh" "$plants/$name.sh"; printf '\n) </dev/null\n'; done
}

# Each planted thing is in the listing, of its kind, under its owner's name (or one of those with | between), by all of its words; both are
# KIND, OWNER and WHAT with tabs between; and something is planted: all_are_listed PLANTED LISTING
all_are_listed() {
    awk -F '\t' '
        FILENAME == ARGV[1] { what[$1, $2, ++count[$1, $2]] = " " $3 " "; next }
        {
            planted++
            words = split($3, word, " "); owners = split($2, owner, "|"); listed = 0
            for (o = 1; o <= owners; o++) for (i = 1; i <= count[$1, owner[o]] && !listed; i++) {
                listed = 1
                for (w = 1; w <= words && listed; w++) if (!index(what[$1, owner[o], i], " " word[w] " ")) listed = 0
            }
            if (!listed) { print "not listed: " $0; missing++ }
        }
        END {
            print planted - missing " of " planted + 0 " planted things are listed under their owners'"'"' names"
            exit !planted || missing
        }' "$2" "$1"
}

# The listing of `slipway leftovers` in the output of the last `expect`.
listing() { jq -r 'select(.event == "leftovers") | .hosts[].leftovers[] | "\(.kind)\t\(.owner)\t\(.what)\t\(.fate)"' "$work/out"; }
