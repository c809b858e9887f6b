#!/usr/bin/env bash
# Three control planes behind a name: what would cost etcd its quorum is refused; one of them is broken and repaired; the machine of the first
# one is lost, and a bare one in its place joins what it once began; one leaves after a backup.
# lane: any
# long: yes
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

read -r one two three <<<"${lane_nodes[*]}"

# The name of the API server leads to this node, as its owner's DNS would have it: endpoint_is NODE
endpoint_is() {
    local node address
    address=$(on "$1" hostname -I | cut -d ' ' -f 1)
    for node in "$one" "$two" "$three"; do
        on "$node" sh -s <<<"sed -i '/ api\\.lab\$/d' /etc/hosts; echo '$address api.lab' >>/etc/hosts"
    done
}

# etcdctl in the container of etcd on a node: etcdctl_on NODE ARGUMENT...
etcdctl_on() {
    local node=$1
    shift
    on "$node" sh -s -- "$@" <<'END'
etcd=$(ctr -n k8s.io containers ls -q 'labels."io.kubernetes.container.name"==etcd' | while read -r id; do
    ctr -n k8s.io tasks ls -q | grep -Fx "$id"
done | head -n 1)
ctr -n k8s.io tasks exec --exec-id scenario-$$ "$etcd" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
    --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key "$@"
END
}

# Etcd has these members, all of them started, says the one on a node: members NODE NAME...
members() {
    local speaker=$1 found
    shift
    found=$(etcdctl_on "$speaker" member list | awk -F ', ' '$2 == "started" { print $3 }' | sort -V | paste -sd ' ')
    [ "$found" = "$*" ] || fail "etcd's members are '$found' instead of '$*'"
}

# A file is a database of etcd: the magic number of its first page says so.
is_database() { [ "$(od -An -tx4 -j16 -N4 "$1" | tr -d ' ')" = ed0cdaed ] || fail "$1 is no database of etcd"; }

bare_hosts
sed -e 's/^pod_cidr.*/&\nendpoint    = "api.lab:6443"/' -e 's/"worker"/"control-plane"/' "$cluster" >"$work/cluster.toml"
cluster=$work/cluster.toml
endpoint_is "$one"
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 3
members "$one" "$one" "$two" "$three"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'

say "two members of three do not answer"
for node in "$two" "$three"; do on "$node" pkill -STOP -x etcd; done
expect 30 "$slipway" reset "$one" --yes -c "$cluster"
shows "etcd has lost its quorum: one of three members answers, and without $one none would"
expect 30 "$slipway" repair "$two" --yes -c "$cluster"
shows "nothing can join: etcd has lost its quorum"
for node in "$two" "$three"; do on "$node" pkill -CONT -x etcd; done

say "the hosts are another cluster's, as far as the kubeconfig beside the cluster file knows"
kubeconfig=$(ls "$work"/*.kubeconfig)
cp "$kubeconfig" "$work/kept.conf"
sed -i "s|certificate-authority-data: .*|certificate-authority-data: $(on "$one" base64 -w0 /etc/kubernetes/pki/front-proxy-ca.crt)|" "$kubeconfig"
expect 30 "$slipway" reset --yes -c "$cluster"
for node in "$one" "$two" "$three"; do shows "$node belongs to another cluster: https://api.lab:6443, CA [0-9a-f]{12}; the kubeconfig "; done
expect 30 "$slipway" repair "$two" --yes -c "$cluster"
mv "$work/kept.conf" "$kubeconfig"
nodes_are_ready 3

say "a control plane is broken: etcd is dead, the runtime too, and of /etc/kubernetes half is gone"
on "$two" sh -s <<'END'
systemctl stop kubelet
ctr -n k8s.io tasks ls | awk '$3 == "RUNNING" { print $1 }' | while read -r id; do ctr -n k8s.io tasks kill -s KILL "$id"; done
systemctl stop containerd
rm -rf /etc/kubernetes/pki /etc/kubernetes/kubelet.conf /etc/kubernetes/manifests/kube-scheduler.yaml
END
expect 30 "$slipway" reset "$one" --yes -c "$cluster"
shows "etcd has 3 members, and $two does not answer: without $one, one of the two that stay would be left, and two are needed"
nodes=$(on "$one" stat -c %Y /etc/kubernetes/kubelet.conf && on "$three" stat -c %Y /etc/kubernetes/kubelet.conf)
expect 0 "$slipway" repair "$two" --yes --backup "$work/broken" -c "$cluster" --output json
touched=$(jq -rs '[.[] | select(.event == "finished" and .outcome == "changed") | .step] | unique | .[]' "$work/out")
# Of the others, only what the node's going and coming demand.
others=$(grep -Ev "^$two/|/verify/|/join/(token|stale-nodes)\$|/cni/|/reset/[a-z]+-$two\$" <<<"$touched" || :)
[ -z "$others" ] || fail "steps of other nodes ran: $others"
[ "$(on "$one" stat -c %Y /etc/kubernetes/kubelet.conf && on "$three" stat -c %Y /etc/kubernetes/kubelet.conf)" = "$nodes" ] ||
    fail "another node was joined again"
nodes_are_ready 3
members "$one" "$one" "$two" "$three"
is_database "$work/broken/$two.etcd-copy.db"

say "the machine of the first one is lost, and a bare one stands in its place"
scripts/lab rebuild "$one" >/dev/null
endpoint_is "$two"
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 3
members "$two" "$one" "$two" "$three"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'

say "a control plane leaves, and what it holds is kept first"
mkdir "$work/open"
chmod 755 "$work/open"
expect 18 "$slipway" reset "$three" --yes --backup "$work/open" -c "$cluster"
shows 'others may look into '
backup=$work/kept
expect 0 "$slipway" reset "$three" --yes --backup "$backup" -c "$cluster"
members "$two" "$one" "$two"
nodes_are_ready 2
expect 18 "$slipway" reset "$three" --yes --backup "$backup" -c "$cluster"
shows "$three.etcd.db is there already"
(cd "$backup" && sha256sum --quiet -c SHA256SUMS)
[ "$(stat -c %a "$backup" "$backup"/* | sort -u | paste -sd ' ')" = '600 700' ] || fail "others may read the backup"
is_database "$backup/$three.etcd.db"
on "$two" 'cat >/var/lib/etcd/scenario.db' <"$backup/$three.etcd.db"
etcdctl_on "$two" snapshot status /var/lib/etcd/scenario.db -w simple | grep -E '^[0-9a-f]+, [0-9]+, [0-9]+, ' ||
    fail "etcdctl does not know what to make of the snapshot"
# What is not etcd's own there would stay, and be told.
on "$two" rm /var/lib/etcd/scenario.db
tar -tf "$backup/$three.kubernetes.tar" etc/kubernetes/pki/ca.key etc/kubernetes/admin.conf >/dev/null
if grep -rlE 'PRIVATE KEY|LS0tLS1CRUdJTi' "$XDG_STATE_HOME"; then fail "a secret is in the log"; fi
expect 0 "$slipway" reset --yes --purge -c "$cluster"
