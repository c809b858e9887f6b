trap 'rm -f "$config"' EXIT
wait_for 120 'the API server' kube get --raw=/healthz
# Both print secrets on standard output.
kubeadm token create --kubeconfig /etc/kubernetes/admin.conf --config "$config" >/dev/null
if [ "$upload" = yes ]; then
    kubeadm init phase upload-certs --upload-certs --kubeconfig /etc/kubernetes/admin.conf --config "$config" >/dev/null
fi
