# A pod that will not go does not keep the node: it is going anyway.
set +e
own_kube cordon "$node"
timeout -k 5 150 kubectl --kubeconfig /etc/kubernetes/admin.conf --server="$(own_server)" --cache-dir="$RUN/kube" drain "$node" \
    --ignore-daemonsets --delete-emptydir-data --force --timeout=120s ||
    say "not every pod left $node in time; going on"
own_kube annotate node "$node" slipway-drained=true --overwrite
:
