# Deleting through a mount would delete somebody's data.
mounts=$(left_mounts)
[ -z "$mounts" ] || die "still mounted, so nothing is deleted: $(printf '%s\n' "$mounts" | tr '\n' ' ')"
set +e
one=
case $(rm --help 2>&1) in *--one-file-system*) one=--one-file-system ;; esac
for unit in $units; do
    timeout 30 systemctl disable -q --now "$unit" 2>/dev/null
done
printf '%s\n' "$files" "$STATE/attempt" "$STATE/verified" "$STATE/cni" "$RUN/kubeadm.yaml" "$RUN/kube" | while read -r glob; do
    for file in $glob; do
        # shellcheck disable=SC2086 # the option is there or not
        rm -rf $one "$file"
    done
done
for file in /var/lib/kubelet/* /var/lib/kubelet/.[!.]*; do
    # shellcheck disable=SC2086 # the option is there or not
    rm -rf $one "$file"
done
systemctl daemon-reload 2>/dev/null
:
