# The member is gone before kubeadm runs, or else kubeadm takes it away; but not from a host that is out of reach or half dead.
status=0
own_kube delete node "$node" --ignore-not-found --wait=false || status=1
leave_etcd
exit "$status"
