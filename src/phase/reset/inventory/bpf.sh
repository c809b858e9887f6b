# BPF: programs on links and on the cgroup root, and what is pinned.

# `tc LINK ingress|egress PROTOCOL PREF HANDLE` and `xdp LINK`: a preference alone would take others' programs too.
find_bpf() {
    if have tc; then
        # Programs hang on these two kinds alone.
        timeout 10 tc qdisc show 2>/dev/null | sed -n 's/^qdisc \(clsact\|ingress\) .* dev \([^ ]*\) .*/\2/p' | sort -u | while read -r b_link; do
            for b_side in ingress egress; do
                timeout 10 tc filter show dev "$b_link" "$b_side" 2>/dev/null | awk -v place="tc $b_link $b_side" '
                    $1 == "filter" {
                        protocol = "all"; pref = 0; name = ""
                        for (i = 2; i < NF; i++) {
                            if ($i == "protocol") protocol = $(i + 1)
                            if ($i == "pref") pref = $(i + 1)
                            if ($i == "handle") { handle = $(i + 1); name = $(i + 2) }
                        }
                        if (name != "" && !(name ~ /^(chain|flowid|not_in_hw)$/)) print name "\t" place " " protocol " " pref " " handle
                    }'
            done
        done | sort -u | programs
        ip -o -d link show 2>/dev/null | awk '
            match($0, /prog\/xdp id [0-9]+ name [^ ]+/) {
                split(substr($0, RSTART, RLENGTH), word, " "); link = $2; sub(/[:@].*/, "", link)
                print word[5] "\txdp " link
            }' | programs
    fi
    if have bpftool; then
        for b_root in /sys/fs/cgroup /sys/fs/cgroup/unified $(globs mount); do
            [ -e "$b_root/cgroup.procs" ] || continue
            timeout 10 bpftool cgroup show "$b_root" 2>/dev/null | awk -v root="$b_root" '$1 ~ /^[0-9]+$/ { print $NF "\tcgroup " root " " $2 " " $1 }'
        done | programs
    fi
    rows bpf-pin | while IFS='	' read -r b_owner b_weight b_ere b_glob; do
        for b_file in $b_glob; do
            if [ -e "$b_file" ]; then found bpf "$b_owner" "$b_weight" goes "path $b_glob" "pin $b_file"; fi
        done
    done
}

# Of `NAME PLACE` with a tab between, those that are somebody's.
programs() {
    while IFS='	' read -r b_name b_place; do
        printf '%s\n' "$b_name" | known bpf-program program bpf | awk -F '\t' -v OFS='\t' -v place="$b_place" '{ $6 = place " " $6; print }'
    done
}
