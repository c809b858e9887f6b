set +e
one=
case $(rm --help 2>&1) in *--one-file-system*) one=--one-file-system ;; esac
refused=$RUN/refused
rm -f "$refused"

# Deleting through a mount would delete somebody's data, and one from the same disk is no other file system.
delete() {
    mounts=$(mounts_below "$@")
    if [ -n "$mounts" ]; then
        say "not deleted: $*; still mounted there: $(printf '%s\n' "$mounts" | tr '\n' ' ')"
        : >"$refused"
        return
    fi
    # shellcheck disable=SC2086 # the option is there or not
    rm -rf $one "$@"
}

for unit in $units; do
    timeout 30 systemctl disable -q --now "$unit" 2>/dev/null
done
# What the CNI's own manifest brought is known by a list in $STATE/cni, which goes below: its undo comes before the others'.
printf '%s\n' "$STATE"/undo/????-cni.ready.sh "$STATE"/undo/????-cni.ready.????????.sh | sort -r | while read -r entry; do
    if [ -e "$entry" ] && timeout 60 sh "$entry"; then rm -f "$entry"; fi
done
# These are disks of their own or links to one on some hosts: that is not ours to change, so only what is in them goes.
for directory in /var/lib/kubelet /var/lib/etcd; do
    for file in "$directory"/* "$directory"/.[!.]*; do
        if [ -e "$file" ] || [ -h "$file" ]; then delete "$file"; fi
    done
    [ "$directory" = /var/lib/kubelet ] || rmdir "$directory" 2>/dev/null
done
printf '%s\n' "$files" "$STATE/attempt" "$STATE/attempt.ca" "$STATE/settings" "$STATE/verified" "$STATE/cni" "$RUN/kubeadm.yaml" "$RUN/kube" | while read -r glob; do
    for file in $glob; do
        [ "$file" != /var/lib/etcd ] || continue
        if [ -e "$file" ] || [ -h "$file" ]; then delete "$file"; fi
    done
done
{
    left_addresses
    left_jobs
} | while read -r file; do
    delete "$file"
done
rmdir /var/lib/cni/networks /var/lib/cni/results /var/lib/cni/cache/results /var/lib/cni/cache /var/lib/cni /etc/kubernetes 2>/dev/null
# Neither kubeadm nor slipway put these there: audit policies, the configuration of encryption and webhooks, another's network.
for file in /etc/kubernetes/* /etc/kubernetes/.[!.]* /var/lib/cni/networks/*; do
    [ ! -e "$file" ] || say "kept: $file"
done
systemctl daemon-reload 2>/dev/null
if [ -e "$refused" ]; then
    rm -f "$refused"
    die 'not all files are deleted: something is still mounted below them, see above'
fi
:
