no_pods() {
    v_pods=$(kube -n slipway-verify get pods -o name) && [ -z "$v_pods" ]
}

# The pods are waited for. The namespace, with nothing of ours in it, goes by itself: the cluster looks after five seconds and no sooner
# (namespaceDeletionGracePeriod of its namespace controller), and the next verification waits for that if it has to.
kube -n slipway-verify delete daemonset sleeper --ignore-not-found --wait=false
(wait_for 120 'the pods of the verification to go' no_pods) && v_gone=yes || v_gone=
kube delete namespace slipway-verify --ignore-not-found --wait=false
[ -n "$v_gone" ] || die 'pods of the verification are still there: kubectl -n slipway-verify get pods'
