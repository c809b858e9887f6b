# kubeadm reset takes the member away itself, but not from a host that is out of reach or half dead; and a member that is counted and
# never answers costs the others their quorum.
status=0
own_kube delete node "$node" --ignore-not-found --wait=false || status=1
if ! id=$(member_id 2>"$RUN/etcdctl"); then
    cat "$RUN/etcdctl" >&2
    ! grep -q 'executable file not found' "$RUN/etcdctl" || say "the image of etcd on this host has no etcdctl"
    rm -f "$RUN/etcdctl"
    die "nobody knows whether $node is still a member of etcd"
fi
rm -f "$RUN/etcdctl"
if [ -n "$id" ]; then
    own_etcdctl member remove "$id" || die "$node is still a member of etcd: $id"
fi
exit "$status"
