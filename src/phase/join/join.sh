# The file holds the token, and on control planes the certificate key.
trap 'rm -f "$config"' EXIT
wait_for 900 'a kubeadm that is running here already' no_kubeadm
attempt_reads
if [ -z "$attempt" ] && has_files && has_ca; then
    rm -f "$STATE/attempt" "$STATE/attempt.ca"
    say 'this host has joined but is not up: starting the kubelet'
    systemctl start kubelet
    [ "$role" = worker ] || wait_for 240 'the API server' api_listens
else
    [ -z "$attempt" ] || attempt_clears "$attempt"
    refuse_foreign 'this host belongs to a cluster that this run did not begin, or to half of one'
    attempt_begins join
    use_proxy_for_pods "$direct"
    kubeadm join --config "$config" ||
        die 'kubeadm join failed; run again to clear what it left and try once more'
    wait_for 60 "the node $node to be registered" kubelet_kube get node "$node" -o name
    # Kubeadm does not wait for it, and this step's check does not either.
    [ "$role" = worker ] || wait_for 240 'the API server' api_listens
    attempt_ends
fi
