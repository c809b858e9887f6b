# Sends what of a cluster could not be made again: a snapshot of etcd, and /etc/kubernetes. What is written here on the way is root's
# alone, by the umask of every program, and goes again.
manifest=/etc/kubernetes/manifests/etcd.yaml
data=$(sed -n 's/.*--data-dir=//p' $manifest 2>/dev/null | head -n 1)
data=${data:-/var/lib/etcd}
shot=
mkdir -p "$RUN"
# In memory: the disk may be full.
work=$(mktemp -d "$RUN/backup.XXXXXX") || die 'there is no room for a backup in /run'
trap 'rm -rf "$work" ${shot:+"$shot"}' EXIT
trap 'exit 1' HUP INT PIPE TERM

# Something listens on etcd's port (094B in hexadecimal).
etcd_listens() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" && $2 ~ /:094B$/ { found = 1 } END { exit !found }'
}

if [ -f $manifest ] && etcd_listens; then
    # The container sees the host's data directory under the same path.
    rm -rf "$data"/slipway-backup.*
    shot=$(mktemp -d "$data/slipway-backup.XXXXXX") || die "there is no room for a snapshot in $data"
    r_limit=900
    own_etcdctl snapshot save "$shot/etcd.db" >"$work/said" 2>&1 || die "etcd gives no snapshot: $(tail -n 1 "$work/said")"
    send_file etcd.db "$shot/etcd.db"
    rm -rf "$shot"
elif [ -f "$data/member/snap/db" ]; then
    send_file etcd-copy.db "$data/member/snap/db"
fi
if [ -n "$(find /etc/kubernetes ! -type d 2>/dev/null | head -n 1)" ]; then
    have tar || die 'tar is not installed here'
    tar -C / -cf "$work/kubernetes.tar" etc/kubernetes 2>"$work/said" || die "tar does not take /etc/kubernetes: $(tail -n 1 "$work/said")"
    send_file kubernetes.tar "$work/kubernetes.tar"
fi
