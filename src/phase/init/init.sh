# The file holds the token, and on control planes the certificate key.
trap 'rm -f "$config"' EXIT
wait_for 900 'a kubeadm that is running here already' no_kubeadm
attempt_reads
if [ -z "$attempt" ] && has_files && has_ca; then
    rm -f "$STATE/attempt" "$STATE/attempt.ca"
    say 'the control plane is laid down but not up: starting the kubelet'
    systemctl start kubelet
    wait_for 240 'the API server' api_listens
else
    [ -z "$attempt" ] || attempt_clears "$attempt"
    refuse_foreign 'a cluster is here that this run did not begin, and it is not whole'
    attempt_begins init
    use_proxy_for_pods "$direct"
    # shellcheck disable=SC2086 # flags are words
    kubeadm init --config "$config" --skip-token-print --skip-certificate-key-print $flags ||
        die 'kubeadm init failed; run again to clear what it left and try once more'
    attempt_ends
fi
