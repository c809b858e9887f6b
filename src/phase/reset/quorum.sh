# What etcd on this control plane says of its members: `member` and `status` with a line of etcdctl's, or `silent` with why it says
# nothing. A member that does not answer costs three seconds.
if [ -f /etc/kubernetes/manifests/etcd.yaml ]; then
    if m_said=$(own_etcdctl member list -w simple --dial-timeout=3s --command-timeout=3s 2>&1); then
        printf '%s\n' "$m_said" | sed -n 's/^[0-9a-f][0-9a-f]*, /member &/p'
        own_etcdctl endpoint status --cluster -w simple --dial-timeout=3s --command-timeout=3s 2>/dev/null | sed -n 's@^https*://@status &@p'
    else
        printf 'silent %s\n' "$(printf '%s\n' "$m_said" | tail -n 1)"
    fi
fi
:
