# The functions that step programs may call. Lowering puts only those into a program that its text mentions.
# POSIX sh (dash, bash, busybox). A function starts at column 1 with `name() {` and ends with `}` at column 1.

have() {
    command -v "$1" >/dev/null 2>&1
}

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Polls a command until it succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    wf_end=$(($(date +%s) + $1)) wf_limit=$1 wf_what=$2
    shift 2
    until ("$@") >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$wf_end" ] || die "$wf_what: gave up after $wf_limit s"
        # A sign of life, which also ends this program soon after its connection is gone: nobody waits in vain for its lock.
        if have mark; then mark wait "$wf_limit"; fi
        sleep 0.3
    done
}

# Downloads with whatever is there: fetch URL FILE. Certificates are checked; a file that is not whole is not left behind.
fetch() {
    for f_try in 1 2 3; do
        if have curl; then
            curl -fsSL --connect-timeout 20 --speed-limit 1000 --speed-time 30 --max-time 900 -o "$2.part" -- "$1" && f_ok=1 || f_ok=0
        elif have wget; then
            wget -q -t 1 -T 30 -O "$2.part" -- "$1" && f_ok=1 || f_ok=0
        elif [ -x /usr/lib/apt/apt-helper ]; then
            /usr/lib/apt/apt-helper -o Acquire::Retries=0 download-file "$1" "$2.part" >/dev/null && f_ok=1 || f_ok=0
        else
            die "nothing here can download $1: install curl or wget"
        fi
        if [ "$f_ok" = 1 ]; then
            mv -f "$2.part" "$2"
            return 0
        fi
        [ "$f_try" = 3 ] || sleep 1
    done
    rm -f "$2.part"
    die "could not download $1"
}

# An OpenPGP key file without its armour, if it has any: openpgp_binary FILE.
openpgp_binary() {
    if grep -q '^-----BEGIN PGP' "$1"; then
        awk '/^-----BEGIN PGP/ { inside = 1; next } /^-----END PGP/ { inside = 0; body = 0 }
             inside && body && !/^=/ { print } inside && /^[ \t\r]*$/ { body = 1 }' "$1" | tr -d ' \t\r' | base64 -d
    else
        cat "$1"
    fi
}

# Whether every primary key in a file has expired, without gpg: openpgp_expired FILE. The newest signature of a key over itself says how
# long it is good (RFC 4880, 5.2.3.6); one without such a word never expires, and a file that is not understood is not called expired.
openpgp_expired() {
    [ -r "$1" ] && openpgp_binary "$1" 2>/dev/null | od -An -v -tu1 -w1 | awk -v now="$(date +%s)" '
        function number(at, octets, i, sum) {
            sum = 0
            for (i = 0; i < octets; i++) sum = sum * 256 + byte[at + i]
            return sum
        }
        function settle() {
            if (made && !(good && made + good < now)) alive = 1
            made = 0; good = 0; newest = -1
        }
        function signature(at, size, type, end, length_, skip, kind, created, lasts) {
            type = byte[at + 1]
            if (byte[at] != 4 || !(type >= 16 && type <= 19 || type == 31)) return
            end = at + 6 + number(at + 4, 2); created = 0; lasts = 0
            for (at += 6; at < end; at += skip + length_) {
                length_ = byte[at]; skip = 1
                if (length_ == 255) { length_ = number(at + 1, 4); skip = 5 }
                else if (length_ >= 192) { length_ = (length_ - 192) * 256 + byte[at + 1] + 192; skip = 2 }
                kind = byte[at + skip] % 128
                if (kind == 2) created = number(at + skip + 1, 4)
                if (kind == 9) lasts = number(at + skip + 1, 4)
            }
            if (created >= newest) { newest = created; good = lasts }
        }
        { byte[NR] = $1 + 0 }
        END {
            newest = -1
            for (at = 1; at <= NR; at += skip + size) {
                header = byte[at]
                if (header < 128) exit 1
                if (header >= 192) {
                    tag = header - 192; size = byte[at + 1]; skip = 2
                    if (size == 255) { size = number(at + 2, 4); skip = 6 }
                    else if (size >= 224) exit 1
                    else if (size >= 192) { size = (size - 192) * 256 + byte[at + 2] + 192; skip = 3 }
                } else {
                    tag = int((header - 128) / 4); kind = header % 4
                    if (kind == 3) exit 1
                    octets = kind == 0 ? 1 : kind * 2
                    size = number(at + 1, octets); skip = 1 + octets
                }
                if (tag == 6) { settle(); keys++; made = number(at + skip + 1, 4); own = 1 }
                if (tag == 14) own = 0
                if (tag == 2 && own) signature(at + skip, size)
            }
            settle()
            exit !(keys && !alive)
        }'
}

# Prints the fingerprint of every primary key in an OpenPGP key file, armoured or binary, without gpg: openpgp_fingerprints FILE.
# RFC 4880, 4.2 (packet headers), 6.2 (armour) and 12.2 (a version 4 fingerprint is the SHA-1 of 0x99, the length, and the body).
openpgp_fingerprints() {
    op_work=$(mktemp -d)
    openpgp_binary "$1" >"$op_work/keys"
    # One decimal byte a line in; "offset length" of each public-key packet (tag 6) out.
    od -An -v -tu1 -w1 "$op_work/keys" | awk '
        { byte[NR] = $1 + 0 }
        END {
            at = 1
            while (at <= NR) {
                header = byte[at]
                if (header < 128) { print "bad"; exit }
                if (header >= 192) {
                    tag = header - 192; first = byte[at + 1]
                    if (first < 192) { size = first; skip = 2 }
                    else if (first < 224) { size = (first - 192) * 256 + byte[at + 2] + 192; skip = 3 }
                    else if (first == 255) { size = ((byte[at + 2] * 256 + byte[at + 3]) * 256 + byte[at + 4]) * 256 + byte[at + 5]; skip = 6 }
                    else { print "bad"; exit }
                } else {
                    tag = int((header - 128) / 4); kind = header % 4
                    if (kind == 0) { size = byte[at + 1]; skip = 2 }
                    else if (kind == 1) { size = byte[at + 1] * 256 + byte[at + 2]; skip = 3 }
                    else if (kind == 2) { size = ((byte[at + 1] * 256 + byte[at + 2]) * 256 + byte[at + 3]) * 256 + byte[at + 4]; skip = 5 }
                    else { print "bad"; exit }
                }
                if (tag == 6) { print at + skip, size, byte[at + skip] }
                at += skip + size
            }
        }' >"$op_work/packets"
    while read -r op_at op_size op_version; do
        if [ "$op_at" = bad ] || [ "$op_version" != 4 ]; then
            rm -rf "$op_work"
            die "$1 is not an OpenPGP key file that can be checked"
        fi
        {
            # shellcheck disable=SC2059 # the format is made of octal escapes on purpose
            printf "$(printf '\\231\\%03o\\%03o' $((op_size / 256)) $((op_size % 256)))"
            tail -c "+$op_at" "$op_work/keys" | head -c "$op_size"
        } | sha1sum | cut -c1-40 | tr 'a-f' 'A-F'
    done <"$op_work/packets"
    rm -rf "$op_work"
}

kube() {
    kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir="$RUN/kube" --request-timeout=30s "$@"
}

kubelet_kube() {
    kubectl --kubeconfig /etc/kubernetes/kubelet.conf --cache-dir="$RUN/kube" --request-timeout=30s "$@"
}

# Whether a file is as wanted: same_as FILE MODE OWNER SHA256
same_as() {
    [ -f "$1" ] && [ "$(stat -c '%a %U:%G' "$1")" = "$2 $3" ] && [ "$(sha256sum <"$1")" = "$4  -" ]
}

# Whether a file is there, whole: has_sha256 FILE SHA256
has_sha256() {
    [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$2  -" ]
}

# Puts a file in place whole or not at all: put FUNCTION FILE MODE OWNER; the function prints the content.
put() {
    p_dir=$(dirname "$2")
    [ -d "$p_dir" ] || (umask 022 && mkdir -p "$p_dir")
    p_new=$(mktemp "$p_dir/.slipway.XXXXXX")
    "$1" >"$p_new"
    chmod "$3" "$p_new"
    chown "$4" "$p_new"
    sync "$p_new" 2>/dev/null || :
    mv -f "$p_new" "$2"
    if have restorecon; then restorecon "$2" 2>/dev/null || :; fi
}

# Keeps a file aside and prints the shell that puts it back, or that removes what was not there: keep FILE
# A copy that an entry of the ledger names is that entry's, and a copy that none names is left over from a node that was reset.
keep() {
    if [ -e "$1" ] || [ -h "$1" ]; then
        k_copy=$STATE/before$1
        while grep -Fqs "'$k_copy'" "$STATE"/undo/*.sh; do
            k_copy=$k_copy~
        done
        mkdir -p "$(dirname "$k_copy")"
        rm -rf "$k_copy"
        cp -a "$1" "$k_copy"
        printf "if [ -e '%s' ]; then cp -a '%s' '%s.slipway-undo' && mv -f '%s.slipway-undo' '%s'; fi\n" \
            "$k_copy" "$k_copy" "$1" "$1" "$1"
        return 0
    fi
    printf "rm -f '%s'\n" "$1"
    k_dir=$(dirname "$1")
    while [ ! -d "$k_dir" ]; do
        printf "rmdir '%s' 2>/dev/null || :\n" "$k_dir"
        k_dir=$(dirname "$k_dir")
    done
}

# Writes the undo of a step to the ledger, before the step acts: record_undo LEDGER_NAME DIGEST
# The first entry of a step stays, since it knows how things were. What is undone in another way (another runtime, another role) gets an
# entry of its own, which is undone before the older one. Entries of older slipways have no digest.
record_undo() {
    for r_entry in "$STATE"/undo/*-"$1.$2".sh; do
        [ -e "$r_entry" ] && return 0
    done
    r_last=
    for r_entry in "$STATE"/undo/[0-9]*.sh; do
        [ -e "$r_entry" ] && r_last=${r_entry##*/}
    done
    r_last=${r_last%%-*}
    undo >"$STATE/undo/.new"
    if [ -s "$STATE/undo/.new" ]; then
        sync "$STATE/undo/.new" 2>/dev/null || :
        mv -f "$STATE/undo/.new" "$STATE/undo/$(printf '%04d' $((1${r_last:-0000} - 10000 + 1)))-$1.$2.sh"
    else
        rm -f "$STATE/undo/.new"
    fi
}

# The life of a step: check, record the undo, apply, check again. Exit 0 unchanged, 10 changed, 20 did not converge, 1 failed.
# run_step LEDGER_NAME PHASE DIGEST_OF_UNDO
run_step() {
    # Private by the umask of every program.
    mkdir -p "$STATE" "$STATE/undo" "$STATE/before" "$RUN"
    exec 9>"$RUN/lock"
    if ! flock -n 9; then
        say "waiting for $(cat "$RUN/holder" 2>/dev/null || echo 'another slipway'), which is still running here"
        rs_end=$(($(date +%s) + 1800))
        until flock -n 9; do
            [ "$(date +%s)" -lt "$rs_end" ] || die "another slipway has held this host for 30 minutes: $(cat "$RUN/holder" 2>/dev/null)"
            # Whoever waits gives up with its connection: it must not act when nobody asks for it any more.
            mark wait 1800 || exit 1
            sleep 0.3
        done
    fi
    printf '%s\n' "$1" >"$RUN/holder"
    if (check) >/dev/null 2>&1 9>&-; then
        mark end 0
        exit 0
    fi
    # Not in conditions: that would switch -e off inside.
    (
        set -eu
        record_undo "$1" "$3"
    )
    rs_status=$?
    if [ "$rs_status" -ne 0 ]; then
        say "how to undo this could not be recorded, so nothing was done"
        mark failed "$rs_status"
        mark end 1
        exit 1
    fi
    [ "$2" = verify ] || rm -rf "$STATE/verified"
    (
        set -eu
        apply
    ) 9>&-
    rs_status=$?
    if [ "$rs_status" -ne 0 ]; then
        mark failed "$rs_status"
        mark end 1
        exit 1
    fi
    if proved 9>&-; then
        mark end 10
        exit 10
    fi
    mark end 20
    exit 20
}

# Runs the program that `job` prints apart from this connection and follows it: run_detached NAME.
# A job that an earlier connection began is adopted if it is the same and still runs, and waited for if it is another. One that has
# ended counts for nothing: the new one begins with its check. Who follows a job deletes nothing, since there may be another
# follower: the shell of a connection that was cut lives as long as its job. The program may hold secrets, and goes with the job.
run_detached() {
    mkdir -p "$RUN"
    d_dir=$RUN/job.$1
    if [ -d "$d_dir" ] && ! flock -n "$d_dir/lock" true && job | cmp -s - "$d_dir/program"; then
        say "attaching to $1, which an earlier connection began"
    else
        d_end=$(($(date +%s) + 3600)) d_told=
        while [ -d "$d_dir" ] && ! flock -n "$d_dir/lock" true; do
            [ -n "$d_told" ] || say "waiting for an earlier run of $1 to end"
            d_told=yes
            [ "$(date +%s)" -lt "$d_end" ] || die "an earlier run of $1 has not ended in an hour"
            # Whoever waits gives up with its connection: it must not start a job when nobody asks for it any more.
            mark wait 3600 || exit 1
            sleep 0.3
        done
        rm -rf "$d_dir"
        mkdir -m 700 "$d_dir"
        : >"$d_dir/out"
        : >"$d_dir/lock"
        job >"$d_dir/program.new"
        mv "$d_dir/program.new" "$d_dir/program"
        # shellcheck disable=SC2016 # $1 is the detached shell's own
        setsid flock "$d_dir/lock" sh -c '
            sh "$1/program" >"$1/out" 2>&1
            echo $? >"$1/rc.new"
            rm -f "$1/program"
            mv "$1/rc.new" "$1/rc"' slipway "$d_dir" </dev/null >/dev/null 2>&1 &
        echo $! >"$d_dir/pid"
    fi
    if [ -s "$d_dir/pid" ]; then
        tail -n +1 -s 0.1 -f --pid="$(cat "$d_dir/pid")" "$d_dir/out" 2>/dev/null
    fi
    flock -w 3600 "$d_dir/lock" true
    d_status=$(cat "$d_dir/rc" 2>/dev/null) || {
        rm -f "$d_dir/program"
        die "$1 was ended from outside before it was done: run slipway again"
    }
    exit "$d_status"
}
