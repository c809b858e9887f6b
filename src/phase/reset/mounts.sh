set +e
left_mounts | while read -r mount; do
    timeout 30 umount "$mount" 2>/dev/null || timeout 30 umount -l "$mount"
done
:
