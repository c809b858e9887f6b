# A pod that will not go does not keep the node: it is going anyway.
set +e
own_kube cordon "$node"
# On a node that does not answer, nothing ends: the pods are marked, and go with the node.
limit=120
[ "$(own_kube get node "$node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ] || limit=5
timeout -k 5 $((limit + 30)) kubectl --kubeconfig /etc/kubernetes/admin.conf --server="$(own_server)" --cache-dir="$RUN/kube" drain "$node" \
    --ignore-daemonsets --delete-emptydir-data --force --timeout=${limit}s ||
    say "not every pod left $node in time; going on"
own_kube annotate node "$node" slipway-drained=true --overwrite
:
