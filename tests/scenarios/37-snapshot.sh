#!/usr/bin/env bash
# What a cluster leaves behind, told by a tool that is none of slipway's (scripts/snapshot): a Debian and an EL host, bare; a cluster with
# services, host ports and volumes at work, taken down three times: by `kubeadm reset -f`, by `slipway reset`, by `slipway reset --purge`.
# slipway's two leave nothing: zero differences with the host that was prepared, and with the bare one. The table of all three is written to
# target/snapshot/table.md.
# lane: any
# long: yes
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

debian=${lane_nodes[0]}
el=${lane_nodes[1]}
out=target/snapshot
rm -rf "$out"
mkdir -p "$out"

# Records both hosts: snapshot NAME
snapshot() {
    local node
    for node in "$debian" "$el"; do
        on "$node" sh -s <scripts/snapshot >"$out/$1.$node" || fail "no snapshot of $node"
    done
}

# Compares both hosts, and keeps what differs in OUT/COLUMN.NODE: column COLUMN FROM TO [BUT_FOR]
# BUT_FOR is an extended regular expression of lines of a snapshot.
column() {
    local node
    for node in "$debian" "$el"; do
        for each in "$2" "$3"; do grep -Eav -- "${4:-^$}" "$out/$each.$node" >"$work/$each.$node"; done
        scripts/snapshot diff "$work/$2.$node" "$work/$3.$node" >"$out/$1.$node" || :
    done
}

# What slipway itself keeps as long as packages stay: how to undo install, and in memory what it said. And the kubelet, which install has
# switched on for the node that is to come: a reset takes it from the boot, where it would only fail again and again.
notes='^file	/(run|var/lib)/slipway(/|	)|^file	/etc/systemd/system/multi-user.target.wants/kubelet.service	|^unit	kubelet.service at boot	'

# How many things of a kind differ: count COLUMN NODE KIND
count() { awk -v kind="$3:" '$1 == kind && / different$/ { n = $2 } END { print n + 0 }' "$out/$1.$2"; }

# Pods on both hosts that have every kind of volume that needs a mount, a port of the host, a service with an address and one with a port on
# every node. They answer.
workload() {
    local node address
    on "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - >/dev/null <<MANIFEST
apiVersion: v1
kind: Namespace
metadata: { name: scenario }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: words, namespace: scenario }
data: { index.html: "hello" }
---
apiVersion: v1
kind: Secret
metadata: { name: secret, namespace: scenario }
stringData: { word: "none" }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: web, namespace: scenario }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      tolerations: [{ operator: Exists }]
      initContainers:
        - { name: first, image: "$image", command: [sh, -c, "echo written >>/data/by-a-pod"], volumeMounts: [{ name: data, mountPath: /data }] }
      containers:
        - name: web
          image: "$image"
          command: [httpd, -f, -p, "80", -h, /web]
          ports: [{ containerPort: 80, hostPort: 8081 }]
          volumeMounts:
            - { name: web, mountPath: /web }
            - { name: one, mountPath: /one/word, subPath: word }
            - { name: data, mountPath: /data }
            - { name: disk, mountPath: /disk }
            - { name: memory, mountPath: /memory }
            - { name: all, mountPath: /all }
      volumes:
        - { name: web, configMap: { name: words } }
        - { name: one, secret: { secretName: secret } }
        - { name: data, hostPath: { path: /srv/scenario, type: Directory } }
        - { name: disk, emptyDir: {} }
        - { name: memory, emptyDir: { medium: Memory } }
        - name: all
          projected:
            sources:
              - { serviceAccountToken: { path: token } }
              - { configMap: { name: words } }
              - { downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: scenario }
spec: { type: NodePort, clusterIP: 10.96.0.80, selector: { app: web }, ports: [{ port: 80, nodePort: 30080 }] }
MANIFEST
    on "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf -n scenario rollout status --timeout=120s daemonset/web >/dev/null ||
        fail "the pods do not run"
    for node in "$debian" "$el"; do
        for address in 10.96.0.80 127.0.0.1:8081 "$(address_of "$node"):30080"; do
            [ "$(on "$node" curl -fsS --retry 20 --retry-delay 1 --retry-all-errors -m 5 "http://$address/")" = hello ] || fail "$address does not answer on $node"
        done
    done
}

address_of() { awk -F'"' -v name="$1" '/^name/ { this = $2 } /^address/ && this == name { print $2 }' "$cluster"; }

# What pods wrote to a directory of the host's is the host's.
data_survived() {
    local node
    for node in "$debian" "$el"; do
        on "$node" 'grep -q written /srv/scenario/by-a-pod && rm /srv/scenario/by-a-pod' || fail "the data of a pod on $node is gone"
    done
}

say "one bare host of each family"
scripts/lab up --nodes "${lane_nodes[2]#node}" --image "$debian=debian" --image "$el=el" --network "$debian=bridge" --network "$el=bridge" >/dev/null
# The third one too, which may be of another cluster: what comes behind this in the lane has all three.
scripts/lab rebuild "${lane_nodes[@]}" >/dev/null
for node in "$debian" "$el"; do on "$node" mkdir /srv/scenario; done
# The image's root was Debian's: this timer of a package manager that is gone would fail in the middle of the run.
on "$el" systemctl mask -q --now apt-daily.timer apt-daily-upgrade.timer
# By these the judge sees sets, and rules that iptables does not show. The EL host is judged, and cleaned, without them.
on "$debian" 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nftables ipset >/dev/null 2>&1'
snapshot bare
# The judge sees what it is to see, and nothing by itself.
snapshot again
column nothing bare again
cat "$out/nothing.$debian" "$out/nothing.$el"
if [ -s "$out/nothing.$debian" ] || [ -s "$out/nothing.$el" ]; then fail "two snapshots of the same hosts differ"; fi
on "$debian" 'touch /opt/planted; chmod 600 /etc/fstab; ip link add planted type bridge; ip route add 192.0.2.0/24 dev eth0; sysctl -qw net.ipv4.ip_forward=1
    nft add table inet planted; nft add chain inet planted some; ipset create planted hash:ip'
snapshot again
column planted bare again
on "$debian" 'rm /opt/planted; chmod 644 /etc/fstab; ip link del planted; ip route del 192.0.2.0/24 dev eth0; sysctl -qw net.ipv4.ip_forward=0
    nft delete table inet planted; ipset destroy planted'
cat "$out/planted.$debian"
for kind in file:2 link:1 route:1; do [ "$(count planted "$debian" "${kind%:*}")" = "${kind#*:}" ] || fail "what was planted is not seen: $kind"; done

say "prepared, a cluster with a workload, and kubeadm reset -f on each host"
cluster_of "$debian" "$el"
expect 0 "$slipway" install -c "$cluster"
# The image of the workload is the runtime's to keep, like all others.
image=$(sed -n 's/^repository *= *"\(.*\)"/\1/p' "$cluster" | head -n 1)/busybox:1.35
for node in "$debian" "$el"; do on "$node" crictl pull "$image" >/dev/null; done
snapshot installed
expect 0 "$slipway" up -c "$cluster"
workload
snapshot working
for node in "$el" "$debian"; do on "$node" kubeadm reset -f >"$out/kubeadm.log.$node" 2>&1 || fail "kubeadm reset failed on $node"; done
data_survived
snapshot kubeadm
# Of slipway's own pod network kubeadm can know nothing.
column kubeadm-reset installed kubeadm '[Ss][Ll][Ii][Pp][Ww][Aa][Yy]'

say "a cluster again, and slipway reset"
expect 0 "$slipway" reset --yes -c "$cluster"
expect 0 "$slipway" up -c "$cluster"
workload
expect 0 "$slipway" reset --yes -c "$cluster"
data_survived
snapshot reset
column slipway-reset installed reset "$notes"

say "and again, the other way round, with slipway reset --purge"
cluster_of "$el" "$debian"
expect 0 "$slipway" up -c "$cluster"
workload
expect 0 "$slipway" reset --yes --purge -c "$cluster"
data_survived
snapshot purged
column slipway-purge bare purged

{
    # shellcheck disable=SC2016 # the backquotes are Markdown's
    printf '| what differs | `slipway reset` | `slipway reset --purge` | `kubeadm reset -f` |\n|---|---|---|---|\n'
    sed -n 's/^\([a-z-]*\): [0-9]* different$/\1/p' "$out"/{slipway-reset,slipway-purge,kubeadm-reset}."$debian" "$out"/{slipway-reset,slipway-purge,kubeadm-reset}."$el" | sort -u |
        while read -r kind; do
            printf '| %s |' "$kind"
            for name in slipway-reset slipway-purge kubeadm-reset; do printf ' %s, %s |' "$(count $name "$debian" "$kind")" "$(count $name "$el" "$kind")"; done
            printf '\n'
        done
} >"$out/table.md"
cat "$out/table.md"
for name in slipway-reset slipway-purge; do
    for node in "$debian" "$el"; do [ ! -s "$out/$name.$node" ] || { printf -- '--- %s on %s\n' "$name" "$node" && cat "$out/$name.$node"; }; done
done
[ -s "$out/kubeadm-reset.$debian" ] || fail "kubeadm reset left nothing: what was compared?"
for name in slipway-reset slipway-purge; do
    for node in "$debian" "$el"; do [ ! -s "$out/$name.$node" ] || fail "$name left something on $node"; done
done
