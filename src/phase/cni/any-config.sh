# Whether a CNI has put its configuration here. What stood here before the host was a node (see attempt.sh) is not the cluster's.
configured() {
    for c_file in /etc/cni/net.d/*.conf /etc/cni/net.d/*.conflist /etc/cni/net.d/*.json; do
        [ -s "$c_file" ] || continue
        grep -Fxq -e "$c_file" "$STATE/cni/before" 2>/dev/null || return 0
    done
    return 1
}
