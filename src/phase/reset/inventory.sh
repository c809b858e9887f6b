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
    i_own=$(readlink /proc/self/ns/pid) || return 0
    grep -slx -e "$1" /proc/[0-9]*/comm | while read -r i_file; do
        i_file=${i_file%/comm}
        [ "$(readlink "$i_file/ns/pid" 2>/dev/null)" = "$i_own" ] || continue
        if timeout -k 1 5 tr '\0' ' ' 2>/dev/null <"$i_file/cmdline" | grep -q -e "$2"; then printf '%s\n' "${i_file#/proc/}"; fi
    done 2>/dev/null
}

# The processes that hold pods.
pod_holders() {
    processes_of containerd-shim '-namespace k8s\.io '
    processes_of conmon '--exit-dir /\(var/\)\{0,1\}run/crio/'
}

# The mounts below these directories, `POINT DEVICE TYPE` each as the kernel writes them: a blank as an octal number. Never those of a
# directory itself: that may be a disk of its own. The kernel lists mounts by where they really are.
mount_lines() {
    i_below=$(for i_file in "$@"; do timeout -k 1 5 readlink -f "$i_file" || printf '%s\n' "$i_file"; done | sed 's/\\/\\134/g; s/ /\\040/g') awk '
        BEGIN { n = split(ENVIRON["i_below"], below, "\n") }
        {
            for (i = 1; i <= n; i++) if (below[i] != "" && index($5, below[i] "/") == 1) {
                for (type = 7; $type != "-" && type < NF; type++) ;
                print $5, $3, $(type + 1)
                next
            }
        }' /proc/self/mountinfo
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
    [ -z "$i_mounts" ] || {
        rows file
        rows emptied-directory
    } | while IFS='	' read -r i_owner i_weight i_ere i_glob; do
        for i_file in $i_glob; do
            [ -e "$i_file" ] || continue
            i_real=$(timeout -k 1 5 readlink -f "$i_file") || i_real=$i_file
            printf '%s\t%s\t%s\t%s\n' "$i_owner" "$i_weight" "$i_file" "$i_real"
        done
    done | mounts=$i_mounts awk -F '\t' '
        BEGIN { n = split(ENVIRON["mounts"], mount, "\n") }
        {
            for (i = 1; i <= n; i++) if (index(mount[i], $3 "/") == 1 || index(mount[i], $4 "/") == 1)
                printf "mount\t%s\t%s\tgoes\tbelow %s\t%s\n", $1, $2, $3, mount[i]
        }'
    cut -d ' ' -f 2 /proc/self/mounts | known mount path
}
