# The kubelet and mounts.

left_kubelet() {
    ! systemctl is-active --quiet kubelet 2>/dev/null || echo 'the kubelet runs'
    {
        globs file
        echo '/etc/kubernetes/manifests/*'
    } | while read -r i_glob; do
        case $i_glob in /etc/kubernetes/*.conf | /etc/kubernetes/manifests/*) ;; *) continue ;; esac
        for i_file in $i_glob; do
            [ ! -e "$i_file" ] || [ -d "$i_file" ] || printf '%s\n' "$i_file"
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
        { process = $0; sub(/\/(cgroup|status):.*/, "", process); sub(/.*\//, "", process) }
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
    # shellcheck disable=SC2016 # that is the other shell's
    i_print='for file do printf "\n%s " "$file"; tr "\000\n" "  " <"$file/cmdline"; done'
    i_named=$(grep -slx -e "$1" /proc/[0-9]*/comm | sed 's@comm$@ns/pid@')
    [ -n "$i_named" ] || return 0
    # shellcheck disable=SC2086 # names of files without blanks
    i_named=$(stat -L -c '%i %n' /proc/self/ns/pid $i_named 2>/dev/null | awk 'NR == 1 { own = $1; next } $1 == own { sub(/\/ns\/pid$/, "", $2); print $2 }')
    [ -n "$i_named" ] || return 0
    # shellcheck disable=SC2086 # names of files without blanks
    i_lines=$(timeout -k 1 5 sh -c "$i_print" sh $i_named 2>/dev/null)
    case $? in 124 | 137)
        # One of them hangs: that one is not asked for, and the others answer.
        i_lines=$(for i_file in $i_named; do timeout -k 1 5 sh -c "$i_print" sh "$i_file" 2>/dev/null; done)
        ;;
    esac
    printf '%s\n' "$i_lines" | sed -n 's@^/proc/\([0-9]* \)@\1@p' | grep -e "^[0-9]* .*$2" | cut -d ' ' -f 1
}

# The processes that hold pods.
pod_holders() {
    processes_of containerd-shim '-namespace k8s\.io '
    processes_of conmon '--exit-dir /\(var/\)\{0,1\}run/crio/'
}

# The mounts below these directories, `POINT DEVICE TYPE` each as the kernel writes them: a blank as an octal number. Never those of a
# directory itself: that may be a disk of its own. The kernel lists mounts by where they really are.
mount_lines() {
    i_below=$(real_paths "$@" | sed 's/\\/\\134/g; s/ /\\040/g') awk '
        BEGIN { n = split(ENVIRON["i_below"], below, "\n") }
        {
            for (i = 1; i <= n; i++) if (below[i] != "" && index($5, below[i] "/") == 1) {
                for (type = 7; $type != "-" && type < NF; type++) ;
                print $5, $3, $(type + 1)
                next
            }
        }' /proc/self/mountinfo
}

# Where files really are, a line each: real_paths FILE... The way to one of them may hang, or lead nowhere: that one is as it is called.
real_paths() {
    [ "$#" -gt 0 ] || return 0
    if i_paths=$(timeout -k 1 5 readlink -f "$@" 2>/dev/null); then
        printf '%s\n' "$i_paths"
        return
    fi
    for i_file in "$@"; do
        timeout -k 1 5 readlink -f "$i_file" 2>/dev/null || printf '%s\n' "$i_file"
    done
}

# Those of these files at which, or below which, something is mounted, and a line with a dot when these are all: with_mounts FILE...
with_mounts() {
    i_real=$(real_paths "$@" | sed 's/\\/\\134/g; s/ /\\040/g') i_named=$(printf '%s\n' "$@") awk '
        BEGIN { n = split(ENVIRON["i_real"], real, "\n"); m = split(ENVIRON["i_named"], named, "\n") }
        {
            for (i = 1; i <= n; i++) if (!seen[i] && ($5 == real[i] || index($5, real[i] "/") == 1)) {
                seen[i] = 1
                print named[i]
            }
        }
        # A path that is no line would be taken for two.
        END { if (n == m) print "." }' /proc/self/mountinfo
}

# mounts_below DIRECTORY...: the one that was mounted last first. Nothing here looks at what is mounted: it may hang.
mounts_below() {
    mount_lines "$@" | awk '{ line[NR] = $1 } END { for (i = NR; i > 0; i--) print line[i] }' | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g' | while read -r i_mount; do
        printf '%b\n' "$i_mount"
    done
}

# Whether a file system is mounted at this very directory.
is_mount_point() {
    m_point=$(timeout -k 1 5 readlink -f "$1") || m_point=$1
    m_point=$m_point awk '$5 == ENVIRON["m_point"] { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# What is going to be removed, and may have mounts below it. Of a link to elsewhere only the link goes, unless it stands for a disk.
doomed() {
    for i_file in $(globs file); do
        [ -h "$i_file" ] || [ ! -d "$i_file" ] || printf '%s\n' "$i_file"
    done
    globs emptied-directory
}

# Mounts below what is going to be removed.
left_mounts() {
    # shellcheck disable=SC2046 # they are words
    mounts_below $(doomed)
}

# The numbers of the FUSE connections behind such mounts.
fuse_below() {
    # shellcheck disable=SC2046 # they are patterns
    mount_lines $(doomed) | sed -n 's/^[^ ]* 0:\([0-9]*\) fuse\(\..*\)\{0,1\}$/\1/p' | sort -u
}

# Whoever owns what a mount lies below owns the mount: /var/lib/kubelet's owner has /var/lib/kubelet/pods/...
find_mounts() {
    i_mounts=$(left_mounts)
    if [ -n "$i_mounts" ]; then
        i_owned=$({
            find_files_of file
            find_files_of emptied-directory
        } | cut -f 2,3,6)
        i_ifs=$IFS
        IFS='
'
        set -f
        # shellcheck disable=SC2046 # a file a line
        set -- $(printf '%s\n' "$i_owned" | cut -f 3)
        set +f
        IFS=$i_ifs
        i_real=$(real_paths "$@") i_owned=$i_owned i_mounts=$i_mounts awk '
            BEGIN {
                n = split(ENVIRON["i_mounts"], mount, "\n"); m = split(ENVIRON["i_owned"], owned, "\n"); split(ENVIRON["i_real"], real, "\n")
                for (i = 1; i <= m; i++) {
                    split(owned[i], field, "\t")
                    for (k = 1; k <= n; k++) if (index(mount[k], field[3] "/") == 1 || index(mount[k], real[i] "/") == 1)
                        printf "mount\t%s\t%s\tgoes\tbelow %s\t%s\n", field[1], field[2], field[3], mount[k]
                }
            }'
    fi
    cut -d ' ' -f 2 /proc/self/mounts | known mount path
}
