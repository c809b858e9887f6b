<<<<<<< HEAD
# Who the cluster counts: nodes, and members of etcd. Of an API server or an etcd that does not answer there is nothing to say.
if names=$(own_kube get nodes -o name 2>/dev/null); then
    printf '%s\n' "$names" | sed -n "s@^node/@$NONCE node @p"
fi
if [ -f /etc/kubernetes/manifests/etcd.yaml ] && members=$(own_etcdctl member list -w simple 2>/dev/null); then
    printf '%s\n' "$members" | awk -F ', ' -v nonce="$NONCE" '$3 != "" { print nonce " etcd-member " $3 }'
=======
# What etcd on this control plane says of its members: `member` and `status` with a line of etcdctl's, or `silent` with why it says
# nothing. A member that does not answer costs three seconds.
if [ -f /etc/kubernetes/manifests/etcd.yaml ]; then
    if m_said=$(own_etcdctl member list -w simple --dial-timeout=3s --command-timeout=3s 2>&1); then
        printf '%s\n' "$m_said" | sed -n 's/^[0-9a-f][0-9a-f]*, /member &/p'
        own_etcdctl endpoint status --cluster -w simple --dial-timeout=3s --command-timeout=3s 2>/dev/null | sed -n 's@^https*://@status &@p'
    else
        printf 'silent %s\n' "$(printf '%s\n' "$m_said" | tail -n 1)"
    fi
>>>>>>> main
fi
:
