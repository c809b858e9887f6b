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

# Words that may come from a tool, as one line without control characters: one_line WORD...
one_line() {
    printf '%s' "$*" | tr '\n\t' '  ' | tr -d '\000-\037\177'
}

# Ends with what is wrong and what to do about it: give_up CAUSE remedy=TEXT [again]. The remedy is written out, in single quotes: of a
# host, slipway takes no other. A second try is made only with `again`. All of it on standard error, which nobody captures.
give_up() {
    gu_cause=$(one_line "$1")
    if have mark; then
        mark cause "$gu_cause" >&2
        mark remedy "${2#remedy=}" >&2
        [ "${3-}" = again ] || mark final 1 >&2
    else
        printf 'error: %s\nhint: %s\n' "$gu_cause" "${2#remedy=}" >&2
    fi
    exit 1
}

# Tells a person what is being waited for: waiting_for WHAT
waiting_for() {
    if have mark; then mark waiting "$(one_line "$1")" >&2; else say "waiting for $1" >&2; fi
}

# Tells a person something that does not stop anything: note WHAT
note() {
    if have mark; then mark note "$(one_line "$1")" >&2; else say "note: $1" >&2; fi
}

# Seconds since the boot, which nobody sets, as a clock may be in the middle of an installation.
uptime_seconds() {
    read -r us_up us_rest </proc/uptime
    printf '%s\n' "${us_up%.*}"
}

# Who holds a lock on one of these files, in words; false where nobody does: lock_holder FILE... In a file named *.pid stands the process
# that holds it; of others the kernel knows, and a process that has the file open, since numbers of files are not unique on a host.
lock_holder() {
    for lh_file do
        [ -e "$lh_file" ] || continue
        case $lh_file in
        *.pid) lh_pids=$(head -c 20 "$lh_file" | tr -dc 0-9) ;;
        *)
            lh_pids=$(awk -v inode="$(stat -L -c %i "$lh_file")" '
                $2 != "->" { many = split($6, at, ":"); if (at[many] == inode && $5 > 0) print $5 }' /proc/locks)
            ;;
        esac
        for lh_pid in $lh_pids; do
            if [ "$lh_pid" = $$ ] || ! lh_name=$(cat "/proc/$lh_pid/comm" 2>/dev/null); then continue; fi
            case $lh_file in *.pid) ;; *)
                lh_open=$(readlink -f "$lh_file")
                # shellcheck disable=SC2010 # of a link in /proc, only ls prints where it leads
                if ! ls -l "/proc/$lh_pid/fd" 2>/dev/null | grep -Fq -e "-> $lh_open"; then continue; fi
                ;;
            esac
            lh_unit=$(sed -n 's@.*/\([^/]*\.service\)$@, of \1@p' "/proc/$lh_pid/cgroup" 2>/dev/null | head -n 1)
            printf '%s (process %s%s), which holds %s\n' "$(one_line "$lh_name")" "$lh_pid" "$lh_unit" "$lh_file"
            return 0
        done
    done
    return 1
}

# Waits until nobody holds a lock on these files, for 5 minutes at most, and says who does: wait_for_locks FILE...
wait_for_locks() {
    wl_end=$(($(uptime_seconds) + 300)) wl_told=
    while wl_holder=$(lock_holder "$@"); do
        [ "$wl_holder" = "$wl_told" ] || waiting_for "$wl_holder"
        wl_told=$wl_holder
        [ "$(uptime_seconds)" -lt "$wl_end" ] ||
            give_up "waited 5 minutes for $wl_holder" remedy='let it end (ps -fp NUMBER shows what it is), or end it, and run slipway again'
        # As in `wait_for`: whoever waits gives up with its connection.
        if have mark; then mark wait 300 >&2 || exit 1; fi
        sleep 0.2
    done
}

# Polls a command until it succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    wf_end=$(($(uptime_seconds) + $1)) wf_limit=$1 wf_what=$2
    shift 2
    until ("$@") >/dev/null 2>&1; do
        [ "$(uptime_seconds)" -lt "$wf_end" ] || die "$wf_what: gave up after $wf_limit s"
        # A sign of life, which also ends this program soon after its connection is gone: nobody waits in vain for its lock.
        if have mark; then mark wait "$wf_limit"; fi
        sleep 0.2
    done
}

# What comes next in this program reaches out: through the proxy of the cluster file, or else as the host's own environment says.
use_proxy() {
    if [ -r /etc/slipway-proxy.env ]; then
        set -a
        # shellcheck source=/dev/null
        . /etc/slipway-proxy.env
        set +a
        unset all_proxy ALL_PROXY
    elif [ -n "${HOST_NO_PROXY-}" ]; then
        export "NO_PROXY=$HOST_NO_PROXY" "no_proxy=$HOST_NO_PROXY"
    else
        unset NO_PROXY no_proxy
    fi
}

# For kubeadm, which writes what its environment says of proxies into the control plane's pods: a proxy with a password is not for those,
# where whoever may see pods could read it, and what pods reach directly is more. Value: names and networks, with commas between.
use_proxy_for_pods() {
    use_proxy
    [ -r /etc/slipway-proxy.env ] || set -- "${NO_PROXY-},$1"
    for up_name in http_proxy https_proxy all_proxy ftp_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY; do
        eval "up_value=\${$up_name-}"
        case $up_value in '' | *@*) unset "$up_name" ;; esac
    done
    if [ -n "${http_proxy-}${https_proxy-}${HTTP_PROXY-}${HTTPS_PROXY-}" ]; then
        export "no_proxy=${1#,}" "NO_PROXY=${1#,}"
    else
        unset no_proxy NO_PROXY
    fi
}

# Downloads with whatever is there: fetch URL FILE. Certificates are checked; a file that is not whole is not left behind.
fetch() {
    use_proxy
    for f_try in 1 2 3; do
        if have curl; then
            f_said=$(curl -fsSL --connect-timeout 20 --speed-limit 1000 --speed-time 30 --max-time 900 -o "$2.part" -- "$1" 2>&1) && f_ok=1 || f_ok=0
        elif have wget; then
            f_said=$(wget -nv -t 1 -T 30 -O "$2.part" -- "$1" 2>&1) && f_ok=1 || f_ok=0
        elif [ -x /usr/lib/apt/apt-helper ]; then
            f_said=$(/usr/lib/apt/apt-helper -o Acquire::Retries=0 download-file "$1" "$2.part" 2>&1) && f_ok=1 || f_ok=0
        else
            give_up "nothing here can download $1" remedy='install curl or wget on this host'
        fi
        if [ "$f_ok" = 1 ]; then
            mv -f "$2.part" "$2"
            return 0
        fi
        [ "$f_try" = 3 ] || sleep 1
    done
    rm -f "$2.part"
    # One line of what was said will do: the last that says anything of an error.
    f_why=$(printf '%s\n' "$f_said" | grep -v '^[[:space:]]*$' | tail -n 1)
    case $f_said in
    *'o space left on device'* | *'Failed writing'* | *'Failure writing'* | *'Cannot write to'*)
        give_up "no space is left for $2: ${f_why#curl: }" remedy='make room on that file system: df -h shows how full each is' ;;
    esac
    give_up "could not download $1: ${f_why#curl: }" remedy='see that this host reaches that address (curl -fLO it there), or name another in the cluster file' again
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
    # One decimal byte a line in; out comes, for each public-key packet (tag 6), what is hashed: in octal, since no variable holds a zero.
    # No file is needed for that, which somebody would have to remove. What can not be decoded to its end might hold more than is seen here:
    # gpg passes over letters that are no base64, and over keys of other versions. So nothing is said of any key before all is read.
    openpgp_binary "$1" >/dev/null 2>&1 || die "$1 is not an OpenPGP key file that can be checked"
    openpgp_binary "$1" | od -An -v -tu1 -w1 | awk '
        function bad() { print "bad"; exit }
        { byte[NR] = $1 + 0 }
        END {
            at = 1
            while (at <= NR) {
                header = byte[at]
                if (header < 128) bad()
                if (header >= 192) {
                    tag = header - 192; first = byte[at + 1]
                    if (first < 192) { size = first; skip = 2 }
                    else if (first < 224) { size = (first - 192) * 256 + byte[at + 2] + 192; skip = 3 }
                    else if (first == 255) { size = ((byte[at + 2] * 256 + byte[at + 3]) * 256 + byte[at + 4]) * 256 + byte[at + 5]; skip = 6 }
                    else bad()
                } else {
                    tag = int((header - 128) / 4); kind = header % 4
                    if (kind == 0) { size = byte[at + 1]; skip = 2 }
                    else if (kind == 1) { size = byte[at + 1] * 256 + byte[at + 2]; skip = 3 }
                    else if (kind == 2) { size = ((byte[at + 1] * 256 + byte[at + 2]) * 256 + byte[at + 3]) * 256 + byte[at + 4]; skip = 5 }
                    else bad()
                }
                at += skip
                if (tag == 6) {
                    if (byte[at] != 4 || size > 65535 || at + size > NR + 1) bad()
                    all = all sprintf("\\231\\%03o\\%03o", int(size / 256), size % 256)
                    for (place = at; place < at + size; place++) all = all sprintf("\\%03o", byte[place])
                    all = all "\n"
                }
                at += size
            }
            if (at != NR + 1) bad()
            printf "%s", all
        }' | while read -r op_packet; do
        [ "$op_packet" != bad ] || die "$1 is not an OpenPGP key file that can be checked"
        # shellcheck disable=SC2059 # the format is made of octal escapes on purpose
        printf "$op_packet" | sha1sum | cut -c1-40 | tr 'a-f' 'A-F'
    done
}

# Sends a file to whoever runs this program, as base64 between two lines that begin with the word of this run ($NONCE), the last of
# which has its size and checksum: send_file NAME FILE
send_file() {
    printf '%s file %s\n' "$NONCE" "$1"
    base64 -w 16384 "$2" || die "$2 could not be read"
    printf '%s end %s %s %s\n' "$NONCE" "$1" "$(wc -c <"$2" | tr -d ' ')" "$(sha256sum <"$2" | cut -d ' ' -f 1)"
}

kube() {
    NO_PROXY='*' no_proxy='*' kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir="$RUN/kube" --request-timeout=30s "$@"
}

kubelet_kube() {
    NO_PROXY='*' no_proxy='*' kubectl --kubeconfig /etc/kubernetes/kubelet.conf --cache-dir="$RUN/kube" --request-timeout=30s "$@"
}

# Whether a file is as wanted: same_as FILE MODE OWNER SHA256
same_as() {
    [ -f "$1" ] && [ "$(stat -c '%a %U:%G' "$1")" = "$2 $3" ] && [ "$(sha256sum <"$1")" = "$4  -" ]
}

# Whether a file is there, whole: has_sha256 FILE SHA256
has_sha256() {
    [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$2  -" ]
}

# Puts a file in place whole or not at all: put FUNCTION FILE MODE OWNER; the function prints the content. Where a shell was killed in the
# middle of that, a file that has not got its name is still there: nobody else works on this host, so that it is nobody's.
put() {
    p_dir=${2%/*}/
    [ -d "$p_dir" ] || (umask 022 && mkdir -p "$p_dir")
    p_new=${p_dir}.slipway.${2##*/}
    for p_old in "$p_new".??????; do
        [ ! -e "$p_old" ] || rm -f "$p_old"
    done
    p_new=$(mktemp "$p_new.XXXXXX")
    if ! { "$1" >"$p_new" && chmod "$3" "$p_new" && chown "$4" "$p_new" && on_disk "$p_new" && mv -f "$p_new" "$2"; }; then
        rm -f "$p_new"
        return 1
    fi
    if have restorecon; then restorecon "$2" 2>/dev/null || :; fi
}

# Brings a file to the disk, which may turn out to be full by then. An old sync(1) knows no files: on_disk FILE
on_disk() {
    od_said=$(sync "$1" 2>&1) || case $od_said in
    *'o space left on device'* | *'uota exceeded'* | *'nput/output error'*)
        say "$od_said" >&2
        return 1
        ;;
    esac
}

# Keeps a file aside and prints the shell that puts it back, or that removes what was not there: keep FILE
# A copy that an entry of the ledger names is that entry's, and a copy that none names is left over from a node that was reset.
keep() {
    if [ -e "$1" ] || [ -h "$1" ]; then
        k_copy=$STATE/before$1
        while grep -Fqs "'$k_copy'" "$STATE"/undo/*.sh; do
            k_copy=$k_copy~
        done
        [ -d "${k_copy%/*}" ] || mkdir -p "${k_copy%/*}"
        if [ -e "$k_copy" ] || [ -h "$k_copy" ]; then rm -rf "$k_copy"; fi
        if ! cp -a "$1" "$k_copy"; then
            rm -rf "$k_copy"
            return 1
        fi
        printf "if [ -e '%s' ] || [ -h '%s' ]; then { cp -a '%s' '%s.slipway-undo' && mv -f '%s.slipway-undo' '%s'; } || { rm -rf '%s.slipway-undo'; false; }; fi\n" \
            "$k_copy" "$k_copy" "$k_copy" "$1" "$1" "$1" "$1"
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
    r_undo=$(undo)
    [ -n "$r_undo" ] || return 0
    # What runs beside writes to the ledger, too: a number is given once.
    exec 9>"$RUN/ledger"
    flock 9
    r_last=
    for r_entry in "$STATE"/undo/[0-9]*.sh; do
        [ -e "$r_entry" ] && r_last=${r_entry##*/}
    done
    r_last=${r_last%%-*}
    # What dash itself writes, it writes with no reason when it can not.
    printf '%s\n' "$r_undo" | cat >"$STATE/undo/.$1.new"
    on_disk "$STATE/undo/.$1.new"
    mv -f "$STATE/undo/.$1.new" "$STATE/undo/$(printf '%04d' $((1${r_last:-0000} - 10000 + 1)))-$1.$2.sh"
}

# The life of a step: check, record the undo, apply, check again. Exit 0 unchanged, 10 changed, 20 did not converge, 1 failed.
# run_step HOLD LEDGER_NAME PHASE [DIGEST_OF_UNDO]
run_step() {
    "$1" "$2" "$3"
    shift
    step_lives "$@"
}

# The same for a step that has only so many seconds from when its turn has come: run_step_within SECONDS WORDS HOLD LEDGER_NAME PHASE [DIGEST]
run_step_within() {
    rw_limit=$1 rw_words=$2
    shift 2
    "$1" "$2" "$3"
    shift
    within_limit "$rw_limit" step_lives "$@"
    rw_status=$?
    if [ "$rw_status" = 124 ]; then
        mark cause "it did not end within $rw_words, and was given up; under way: $l_doing"
        mark end 1
        exit 1
    fi
    exit "$rw_status"
}

# Nobody else works on this host while this shell lives, but for what runs beside; whoever does is waited for: hold_host LEDGER_NAME PHASE
# Steps that need what runs beside begin when it is done; a reset ends what an earlier run may have begun.
hold_host() {
    hold_lock "$RUN/lock" "$1"
    # Of a step that wished for that and was killed.
    [ ! -e "$RUN/leaves" ] || rm -f "$RUN/leaves"
    [ "$2" != reset ] || [ ! -e "$RUN/beside" ] || flock -n "$RUN/beside" true || end_beside
}

# Of the jobs of an installation that are under way now, the one that has the host's lock is this shell's own: the others run beside.
end_beside() {
    waiting_for "$(cat "$RUN/beside.holder" 2>/dev/null || echo 'what an earlier run began'), which is ended"
    for eb_job in "$RUN"/job.install.*; do
        [ -s "$eb_job/pid" ] || continue
        flock -n "$eb_job/lock" true || kill -s KILL -- "-$(cat "$eb_job/pid")" 2>/dev/null || :
    done
    flock -w 30 "$RUN/beside" true || say 'it goes on all the same'
}

# In a program of several steps, all have the lock of the first: hold_on LEDGER_NAME PHASE
hold_on() {
    printf '%s\n' "$1" >"$RUN/lock.holder"
}

# Sets `lease` to the run that has this host now, or to nothing. See src/execute/lease.
whose_lease() {
    lease=
    if { read -r wl_run wl_until wl_rest && read -r wl_up wl_idle </proc/uptime; } 2>/dev/null <"$RUN/lease"; then
        [ "$wl_until" -le "${wl_up%.*}" ] || lease=$wl_run
    fi
}

# Whether another run has this host now. A script that somebody runs by hand is of no run.
is_lost() {
    [ -n "${SLIPWAY_RUN-}" ] || return 1
    whose_lease
    case $lease in '' | "$SLIPWAY_RUN") return 1 ;; esac
}

# Ends the program of a run that has lost this host. Of a job, whoever follows it tells: see `run_detached`.
leave_to_others() {
    [ -z "${SLIPWAY_JOB-}" ] || exit 75
    give_up 'another slipway has this host now, since it did not hear of this run for a minute' remedy='let the other one end, and run slipway again'
}

# A program of several steps begins; who wants no more of them makes this file: begin_steps FILE
begin_steps() {
    # shellcheck disable=SC2064 # the file of this very program
    trap "rm -f '$1'" EXIT
    whose_lease
    begun_by=$lease
}

# The next one begins; not if no more are wanted, nor for a run that has lost this host, nor if nobody hears of it: next_step INDEX FILE
next_step() {
    [ ! -e "$2" ] || exit 0
    whose_lease
    [ "$lease" = "$begun_by" ] || exit 0
    mark step "$1" || exit 1
}

# One of several steps in one program is at its end; those behind it count on that it did well: step_ended STATUS
step_ended() {
    mark ended "$1"
    case $1 in 0 | 10) ;; *) exit "$1" ;; esac
}

# For a step that runs beside the others, one at a time: hold_beside LEDGER_NAME PHASE
hold_beside() {
    hold_lock "$RUN/beside" "$1"
}

# Has a lock for as long as this shell lives; whoever else has it is waited for: hold_lock FILE LEDGER_NAME
hold_lock() {
    hh_tries=0
    whose_lease
    hh_lease=$lease
    while :; do
        # Private by the umask of every program.
        mkdir -p "$RUN"
        exec 9>"$1"
        if flock -n 9; then
            # Whoever had it may have taken it away: see `leave_host`.
            [ "$(stat -L -c %i /proc/self/fd/9)" != "$(stat -c %i "$1" 2>/dev/null)" ] || break
            continue
        fi
        # The step before this one says that it has ended a moment before its shell does: that is not worth a word.
        hh_tries=$((hh_tries + 1))
        if [ "$hh_tries" -lt 40 ]; then
            sleep 0.05
            continue
        fi
        if [ "$hh_tries" = 40 ]; then
            waiting_for "$(cat "$1.holder" 2>/dev/null || echo 'another slipway'), which is still running here"
            hh_end=$(($(uptime_seconds) + 1800))
        fi
        [ "$(uptime_seconds)" -lt "$hh_end" ] || die "another slipway has held this host for 30 minutes: $(cat "$1.holder" 2>/dev/null)"
        # Whoever waits gives up with its connection, or as a job with its run: it must not act when nobody asks for it any more.
        mark wait 1800 || exit 1
        if is_lost; then leave_to_others; fi
        if [ -n "${SLIPWAY_JOB-}" ]; then
            whose_lease
            [ "$lease" = "$hh_lease" ] || exit 75
        fi
        sleep 0.2
    done
    if is_lost; then leave_to_others; fi
    printf '%s\n' "$2" >"$1.holder"
}

# After the last step of a purge nothing of slipway stays on the host, the lock included, by the wish of that step.
leave_host() {
    [ ! -e "$RUN/leaves" ] || rm -rf "$RUN"
}

# The lock is this shell's own: a child that hangs in the kernel would hold it for ever (what `prepare` runs is to close it). A step without an undo needs nothing of the
# disk, which may be full: step_lives LEDGER_NAME PHASE [DIGEST_OF_UNDO]
step_lives() {
    prepare
    if (check) >/dev/null 2>&1 9>&-; then
        mark end 0
        exit 0
    fi
    if [ -n "${3-}" ]; then
        # Not in conditions: that would switch -e off inside.
        (
            set -eu
            mkdir -p "$STATE" "$STATE/undo" "$STATE/before"
            record_undo "$1" "$3"
        ) 9>&-
        rs_status=$?
        if [ "$rs_status" -ne 0 ]; then
            rm -f "$STATE/undo/.$1.new"
            say "how to undo this could not be recorded in $STATE/undo, so nothing was done"
            mark failed "$rs_status"
            mark end 1
            exit 1
        fi
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
        leave_host
        mark end 10
        exit 10
    fi
    mark end 20
    exit 20
}

# Runs a function apart, and ends it with all that it has started if it takes longer: within_limit SECONDS FUNCTION ARG...
# Gives its status; or 124, with the commands that were under way in `l_doing`. What not even SIGKILL ends, since it waits in the kernel
# for a disk or a server that is gone, is left behind, and nobody waits for it.
within_limit() {
    l_limit=$1 l_doing=
    shift
    read -r l_self l_rest </proc/self/stat
    l_late=$RUN/late.$l_self
    rm -f "$l_late" "$l_late.doing"
    trap : USR1
    # Of a terminal's Ctrl-C, what runs apart hears nothing.
    trap 'process_family "$l_job" | while read -r l_pid l_rest; do kill "$l_pid"; done 2>/dev/null; exit 130' INT TERM HUP
    ("$@") 9>&- &
    l_job=$!
    # Apart from the output and the lock, which would seem to be in use as long as it sleeps. In parentheses: a shell that calls a
    # function with redirections keeps what they replace.
    (limit_watches) >/dev/null 2>&1 9>&- &
    l_watch=$!
    wait "$l_job"
    l_status=$?
    if [ -e "$l_late" ]; then
        wait "$l_watch"
        l_doing=$(one_line "$(cat "$l_late.doing")")
        l_doing=${l_doing%; }
        rm -f "$l_late" "$l_late.doing"
        l_status=124
    fi
    trap - USR1 INT TERM HUP
    return "$l_status"
}

# Of `within_limit`: waits for the time, and then ends the job and what is below it. Time is what the kernel counts, not a clock that somebody may set.
limit_watches() {
    read -r w_up w_rest </proc/uptime
    w_end=$((${w_up%.*} + l_limit))
    while [ "${w_up%.*}" -lt "$w_end" ]; do
        sleep 1
        kill -0 "$l_job" || return 0
        read -r w_up w_rest </proc/uptime
    done
    w_kin=$(process_family "$l_job")
    mkdir -p "$RUN"
    : >"$l_late"
    # The kernel may keep even the words of a command to itself while it hangs.
    printf '%s\n' "$w_kin" | while read -r w_pid w_born w_leaf; do
        [ -z "$w_leaf" ] || printf '%s; ' "$(tr '\000' ' ' <"/proc/$w_pid/cmdline" | cut -c 1-150 | sed 's/ *$//')"
    done >"$l_late.doing" &
    sleep 1
    # The shell of the function before what it has started: it would tell of the end of that in its own words.
    kill "$l_job"
    printf '%s\n' "$w_kin" | while read -r w_pid w_born w_leaf; do
        if process_lives "$w_pid" "$w_born"; then kill "$w_pid"; fi
    done
    w_tries=0
    while [ "$w_tries" -lt 10 ] && printf '%s\n' "$w_kin" | some_process_lives; do
        w_tries=$((w_tries + 1))
        sleep 1
    done
    # One that does not hear the polite signal may have started others since.
    printf '%s\n' "$w_kin" | while read -r w_pid w_born w_leaf; do
        process_lives "$w_pid" "$w_born" || continue
        process_family "$w_pid" | while read -r w_pid w_rest; do kill -s KILL "$w_pid"; done
    done
    sleep 1
    ! kill -0 "$l_job" || kill -s USR1 "$l_self"
}

# A process and all below it, a line each: its number, when it began (in ticks since the boot), and `leaf` if it has none below it.
process_family() {
    for f_stat in /proc/[0-9]*/stat; do
        read -r f_line <"$f_stat" || continue
        f_pid=${f_stat#/proc/}
        printf '%s %s\n' "${f_pid%/stat}" "${f_line##*) }"
    done 2>/dev/null | awk -v root="$1" '
        { parent[$1] = $3; born[$1] = $21 }
        END {
            for (pid in parent) {
                steps = 0
                for (at = pid; at != root && at in parent && steps < 100; at = parent[at]) steps++
                if (at == root) { kin[pid] = 1; has[parent[pid]] = 1 }
            }
            for (pid in kin) print pid, born[pid], pid in has ? "" : "leaf"
        }'
}

# Whether that very process is still there, and no other of its number: process_lives PID BORN
process_lives() {
    read -r lv_line <"/proc/${1:-none}/stat" || return 1
    # shellcheck disable=SC2086 # it is words
    set -- "$2" ${lv_line##*) }
    [ "${21}" = "$1" ] && [ "$2" != Z ]
}

# Whether one of the processes in the lines of `process_family` is still there.
some_process_lives() {
    while read -r sl_pid sl_born sl_leaf; do
        ! process_lives "$sl_pid" "$sl_born" || return 0
    done
    return 1
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
        if is_lost; then leave_to_others; fi
        d_end=$(($(uptime_seconds) + 3600)) d_told=
        while [ -d "$d_dir" ] && ! flock -n "$d_dir/lock" true; do
            [ -n "$d_told" ] || waiting_for "an earlier run of $1 to end"
            d_told=yes
            [ "$(uptime_seconds)" -lt "$d_end" ] || die "an earlier run of $1 has not ended in an hour"
            # Whoever waits gives up with its connection: it must not start a job when nobody asks for it any more.
            mark wait 3600 || exit 1
            sleep 0.2
        done
        rm -rf "$d_dir"
        mkdir -m 700 "$d_dir"
        : >"$d_dir/out"
        : >"$d_dir/lock"
        job >"$d_dir/program.new"
        mv "$d_dir/program.new" "$d_dir/program"
        # Who follows the job waits for this lock, so only the shell that writes down its end holds it: what the job leaves behind,
        # or what hangs in the kernel, does not.
        exec 8>"$d_dir/lock"
        flock 8
        # shellcheck disable=SC2016 # $1 is the detached shell's own
        setsid sh -c '
            SLIPWAY_JOB=1 sh "$1/program" >"$1/out" 2>&1 8>&-
            echo $? >"$1/rc.new"
            rm -f "$1/program"
            mv "$1/rc.new" "$1/rc"' slipway "$d_dir" </dev/null >/dev/null 2>&1 &
        echo $! >"$d_dir/pid"
        exec 8>&-
    fi
    if [ -s "$d_dir/pid" ]; then
        tail -n +1 -s 0.1 -f --pid="$(cat "$d_dir/pid")" "$d_dir/out" 2>/dev/null
    fi
    flock -w 3600 "$d_dir/lock" true
    d_status=$(cat "$d_dir/rc" 2>/dev/null) || {
        rm -f "$d_dir/program"
        die "$1 was ended from outside before it was done: run slipway again"
    }
    # It waited for its turn, and gave up when the run that had begun it went. Whoever has nobody to tell that begins no other.
    if [ "$d_status" = 75 ]; then
        mark wait 3600 || exit 1
        run_detached "$1"
    fi
    exit "$d_status"
}
