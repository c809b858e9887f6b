# Who the cluster counts: nodes, and members of etcd. Of an API server or an etcd that does not answer there is nothing to say.
if names=$(own_kube get nodes -o name 2>/dev/null); then
    printf '%s\n' "$names" | sed -n "s@^node/@$NONCE node @p"
fi
if [ -f /etc/kubernetes/manifests/etcd.yaml ] && names=$(own_etcdctl member list -w simple 2>/dev/null); then
    printf '%s\n' "$names" | awk -F ', ' -v nonce="$NONCE" '$3 != "" { print nonce " etcd-member " $3 }'
fi
:
