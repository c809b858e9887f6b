# Ways in which nodes break, made for real: break_NAME NODE. Sourced by the scenarios, after lib.sh. What a breakage puts on a host that no
# reset may take away is noted in $work/mend.NODE, as shell that takes it away.
# shellcheck shell=bash

# For a host's shell, which knows of these scenarios what stands here.
# shellcheck disable=SC2016 # for that shell
on_broken_host='
quietly() { "$@" >/dev/null 2>&1; }
# A file system in a file: a disk of its own, but for size: disk FILE MEGABYTES DIRECTORY
disk() {
    [ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
    for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -e /dev/loop$n ] || mknod /dev/loop$n b 7 $n; done
    truncate -s "$2M" "$1"
    mkfs.ext4 -q -F "$1"
    mkdir -p "$3"
    mount -o loop "$1" "$3"
}
stray_pod() { mkdir -p "/var/lib/kubelet/pods/stray/volumes/$1"; echo "/var/lib/kubelet/pods/stray/volumes/$1"; }
'

host() {
    local node=$1
    {
        printf '%s\nset -eu\n' "$on_broken_host"
        cat
    } | on "$node" sh -s
}

break_containerd_dead() {
    host "$1" <<<'quietly systemctl stop containerd; quietly systemctl mask containerd'
}

break_containerd_hung() {
    host "$1" <<<'kill -STOP $(pidof containerd)'
}

break_shim_hung() {
    host "$1" <<<'kill -STOP $(pidof containerd-shim-runc-v2 | cut -d " " -f 1)'
}

# Its pods run on.
break_containerd_removed() {
    host "$1" <<'END'
systemctl stop containerd
rm -f /usr/bin/containerd /usr/bin/containerd-shim* /usr/bin/ctr /usr/sbin/runc
dpkg --force-depends --purge containerd runc >/dev/null 2>&1
pidof pause >/dev/null
END
}

break_kubelet_crashing() {
    host "$1" <<<'echo "nonsense: [" >/var/lib/kubelet/config.yaml; systemctl restart kubelet; sleep 1; ! systemctl is-active -q kubelet'
}

break_kubeadm_missing() {
    host "$1" <<<'rm -f /usr/bin/kubeadm'
}

# A file system behind a process that does not answer any more: whoever looks into it hangs.
break_mount_hung() {
    host "$1" <<'END'
quietly apt-get install -y --no-install-recommends bindfs
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
mkdir -p /srv/data
echo precious >/srv/data/file
volume=$(stray_pod fuse/hung)
mkdir -p "$volume"
bindfs /srv/data "$volume"
kill -STOP $(pidof bindfs)
# Somebody hangs already.
setsid ls "$volume" >/dev/null 2>&1 </dev/null &
END
}

# As a volume of a server's is: with a process that works in it, so that it is busy.
break_mount_busy() {
    host "$1" <<'END'
mkdir -p /srv/data
echo precious >/srv/data/file
volume=$(stray_pod nfs/busy)
mkdir -p "$volume"
mount --bind /srv/data "$volume"
cd "$volume"
setsid sleep 1000 >/dev/null 2>&1 </dev/null &
END
}

# umount(8) refuses one of the host's mounts, and all else it does.
break_mount_stuck() {
    host "$1" <<'END'
mkdir -p /srv/data
echo precious >/srv/data/file
volume=$(stray_pod local/stuck)
mkdir -p "$volume"
mount --bind /srv/data "$volume"
cat >/usr/local/sbin/umount <<'SCRIPT'
#!/bin/sh
for word do
    case $word in */stuck) echo "umount: $word: target is stuck." >&2; exit 32 ;; esac
done
exec /usr/bin/umount "$@"
SCRIPT
chmod 755 /usr/local/sbin/umount
END
}

