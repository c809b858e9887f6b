# The kubelet and mounts.

left_kubelet() {
    ! systemctl is-active --quiet kubelet 2>/dev/null || echo 'the kubelet runs'
    {
        globs file
        echo '/etc/kubernetes/manifests/*'
    } | while read -r i_glob; do
        case $i_glob in /etc/kubernetes/*.conf | /etc/kubernetes/manifests/*) ;; *) continue ;; esac
        for i_file in $i_glob; do
            [ ! -e "$i_file" ] || printf '%s\n' "$i_file"
        done
    done
}

left_enabled() {
    ! systemctl is-enabled --quiet kubelet 2>/dev/null || echo 'the kubelet starts at boot'
}

# The processes that hold pods. The brackets keep grep from finding itself. What runs in a PID namespace of its own, in a system
# container on this machine (kind, nspawn, LXC), shows here too, and holds the pods of somebody else's cluster.
shims() {
    i_own=$(readlink /proc/self/ns/pid) || return 0
    grep -l 'containerd-shi[m]' /proc/[0-9]*/cmdline 2>/dev/null | while read -r i_file; do
        if tr '\0' ' ' <"$i_file" 2>/dev/null | grep -q -e '-namespace k8s\.io '; then
            i_file=${i_file%/cmdline}
            [ "$(readlink "$i_file/ns/pid")" != "$i_own" ] || printf '%s\n' "${i_file#/proc/}"
        fi
    done
}

# mounts_below DIRECTORY...: innermost first. Never a directory itself: that may be a disk of its own. The kernel lists mounts by
# where they really are, and writes a blank as an octal number.
mounts_below() {
    i_below=$(for i_file in "$@"; do readlink -f "$i_file" || :; done | sed 's/\\/\\134/g; s/ /\\040/g') awk '
        BEGIN { n = split(ENVIRON["i_below"], below, "\n") }
        {
            for (i = 1; i <= n; i++) if (below[i] != "" && index($2, below[i] "/") == 1) { print $2; next }
        }' /proc/self/mounts | sort -r | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g' | while read -r i_mount; do
        printf '%b\n' "$i_mount"
    done
}

# Mounts below what is going to be removed.
left_mounts() {
    # shellcheck disable=SC2046 # they are patterns
    mounts_below $(globs file emptied-directory)
}

# Whoever owns what a mount lies below owns the mount.
find_mounts() {
    left_mounts | while read -r i_mount; do
        # The root of a glob decides: /var/lib/kubelet for /var/lib/kubelet/pods/...
        {
            rows file
            rows emptied-directory
        } | while IFS='	' read -r i_owner i_weight i_ere i_glob; do
            for i_file in $i_glob; do
                case $i_mount in "$i_file"/*) found mount "$i_owner" "$i_weight" goes "below $i_file" "$i_mount" ;; esac
            done
        done
    done
    cut -d ' ' -f 2 /proc/self/mounts | known mount path
}
