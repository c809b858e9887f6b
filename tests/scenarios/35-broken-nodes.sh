#!/usr/bin/env bash
# Nodes that are broken, for real and each in another way, are reset: all broken ones in one command, which ends in time with the truth in its
# audit and its exit code; and `up` makes Ready nodes of them again. Prints a table of it.
# lane: any
# long: yes
# shellcheck disable=SC2016 # what stands in single quotes is for a host's shell
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=killing.sh
source tests/scenarios/killing.sh

# The second of them gets a disk of its own, small enough to be filled.
read -r first second third <<<"${lane_nodes[*]}"
rows=()

# Runs a script on a host, where `quietly`, `disk` and `volume` are known: host NODE <SCRIPT
host() {
    {
        cat <<'END'
set -eu
quietly() { "$@" >/dev/null 2>&1; }
# A disk of its own at a directory, but for its size: disk DIRECTORY
disk() {
    [ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
    for number in $(seq 0 31); do [ -e "/dev/loop$number" ] || mknod "/dev/loop$number" b 7 "$number"; done
    file=/root/disk$(echo "$1" | tr / -)
    truncate -s 3G "$file"
    quietly mkfs.ext4 -F "$file"
    mkdir -p "$1"
    mount -o loop "$file" "$1"
}
# A directory with data, and a volume of a pod that nobody knows any more for it: volume NAME
volume() {
    mkdir -p "/srv/$1" "/var/lib/kubelet/pods/gone/volumes/$1"
    echo precious >"/srv/$1/file"
    echo "/var/lib/kubelet/pods/gone/volumes/$1"
}
END
        cat
    } | on "$1" sh -s
}

has_its_data() { on "$1" grep -q precious "/srv/$2/file" || fail "the data behind a mount is gone"; }

# --- What breaks. break_NAME NODE ---

break_containerd_masked() {
    host "$1" <<<'quietly systemctl stop containerd; quietly systemctl mask containerd'
}

break_containerd_stopped() {
    host "$1" <<<'kill -STOP $(pidof containerd)'
}

break_shim_stopped() {
    host "$1" <<<'kill -STOP $(pidof containerd-shim-runc-v2 | cut -d " " -f 1)'
}

# By hand, and its pods run on; and so do a container of somebody else, and a pod of a machine that is a container on this host.
break_containerd_removed() {
    host "$1" <<'END'
mkdir -p /srv/stranger
cp "/proc/$(pidof pause | cut -d ' ' -f 1)/root/pause" /srv/stranger
ctr -n moby run -d --null-io --rootfs /srv/stranger stranger /pause
for group in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
    [ ! -e "$group" ] || mkdir -p "${group%/*}/machine/kubepods/pod1"
done
setsid unshare -pf sh -c '
    for group in /sys/fs/cgroup/machine/kubepods/pod1 /sys/fs/cgroup/*/machine/kubepods/pod1; do
        echo $$ 2>/dev/null >"$group/cgroup.procs" || :
    done
    exec unshare -pf sleep 7777' >/dev/null 2>&1 </dev/null &
systemctl stop containerd
quietly dpkg --force-depends --purge containerd runc
! command -v containerd >/dev/null
END
}

strangers_live() {
    on "$1" 'pgrep -f "sleep 7777" >/dev/null && [ -d /run/containerd/io.containerd.runtime.v2.task/moby/stranger ] &&
        [ "$(pidof pause | wc -w)" = 1 ]' || fail "a container that is none of the cluster's is gone, or a pod is not"
}

break_kubelet_crashing() {
    host "$1" <<'END'
echo 'nonsense: [' >/var/lib/kubelet/config.yaml
quietly systemctl restart kubelet || :
sleep 1
! systemctl is-active -q kubelet
END
}

break_kubeadm_missing() {
    host "$1" <<<'rm /usr/bin/kubeadm'
}

# To the last byte, and root has what is kept for root.
break_disk_full() {
    host "$1" <<'END'
number=0
for size in 1G 100M 10M 1M 100K 4K; do
    while quietly fallocate -l "$size" "/filler.$number"; do number=$((number + 1)); done
    rm -f "/filler.$number"
done
! quietly dd if=/dev/zero of=/var/lib/filler bs=4k count=16
rm -f /var/lib/filler
END
}

# A file system behind a process that does not answer any more: whoever looks into it hangs, and somebody does.
break_mount_hung() {
    host "$1" <<'END'
quietly apt-get install -y --no-install-recommends bindfs
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
volume=$(volume hung)
bindfs "/srv/hung" "$volume"
kill -STOP "$(pidof bindfs)"
setsid ls "$volume" >/dev/null 2>&1 </dev/null &
END
}

# As a server's volume is while a process works in it.
break_mount_busy() {
    host "$1" <<'END'
volume=$(volume busy)
mount --bind /srv/busy "$volume"
cd "$volume"
setsid sleep 1000 >/dev/null 2>&1 </dev/null &
END
}

# umount(8) takes away every mount but one.
break_mount_stuck() {
    host "$1" <<'END'
volume=$(volume stuck)
mount --bind /srv/stuck "$volume"
cat >/usr/local/sbin/umount <<'SCRIPT'
#!/bin/sh
for word do
    case $word in */stuck) echo "umount: $word: it is stuck" >&2; exit 32 ;; esac
done
exec /usr/bin/umount "$@"
SCRIPT
chmod 755 /usr/local/sbin/umount
END
}

break_conf_missing() {
    host "$1" <<<'rm /etc/kubernetes/kubelet.conf; rm -r /var/lib/kubelet/pki'
}

break_pki_missing() {
    host "$1" <<<'rm -r /etc/kubernetes/pki; : >/etc/kubernetes/admin.conf'
}

# It accepts connections, and never answers.
break_api_stopped() {
    host "$1" <<<'kill -STOP $(pidof kube-apiserver)'
}

break_api_gone() {
    host "$1" <<'END'
rm /etc/kubernetes/manifests/kube-apiserver.yaml
kill -KILL $(pidof kube-apiserver)
END
}

break_etcd_dead() {
    host "$1" <<'END'
rm -r /var/lib/etcd/member/wal
kill -KILL $(pidof etcd)
END
}

# --- What is done about it ---

# Breaks a node, and keeps the words for the table: broken NODE WORDS NAME...
declare -A words
broken() {
    local node=$1 name
    words[$node]=$2
    shift 2
    say "$node: ${words[$node]}"
    for name; do "break_$name" "$node"; done
}

# Resets nodes in one command, which must end with this code within 5 minutes: reset CODE NODE...
# The code in the table is the node's own: 0 where all of its steps went well.
reset() {
    local wanted=$1 began=$SECONDS took node code audit names=()
    shift
    [ $# = 3 ] || names=("$@")
    expect "$wanted" timeout -s KILL 300 "$slipway" reset "${names[@]}" --yes -c "$cluster"
    took=$((SECONDS - began))
    for node; do
        [ -n "${words[$node]-}" ] || continue
        code=0 audit='nothing left'
        if grep -q "^failed $node/reset/" "$work/out"; then
            code=$wanted
            audit=$(sed -n "/^failed $node\/reset\/audit/,/^failed /s/^  | //p" "$work/out" | grep -v '^error:' | paste -sd ';' | sed 's/;/; /g' || :)
        elif grep -q "^failed .*/reset/forget-$node " "$work/out"; then
            code=$wanted audit='nothing left on it; its Node object could not be deleted'
        fi
        rows+=("${words[$node]}|$took s|$code|$audit|$node")
        words[$node]=
    done
}

# All nodes come up again, and the rows that are waiting for it say so: up_again [OPTION...]
up_again() {
    local began=$SECONDS index
    expect 0 "$slipway" up -c "$cluster" "$@"
    nodes_are_ready 3
    for index in "${!rows[@]}"; do
        case ${rows[$index]} in *"|node"*) rows[index]="${rows[$index]%|*}|Ready, $((SECONDS - began)) s" ;; esac
    done
    workload
}

# Pods with what a pod has mounted, on every node.
workload() {
    local image
    image=$(sed -n 's/^repository *= *"\(.*\)"/\1/p' "$cluster" | head -n 1)/pause:3.2
    on "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - >/dev/null <<MANIFEST
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: work }
spec:
  selector: { matchLabels: { app: work } }
  template:
    metadata: { labels: { app: work } }
    spec:
      tolerations: [{ operator: Exists }]
      terminationGracePeriodSeconds: 1
      containers:
        - name: work
          image: $image
          ports: [{ containerPort: 80, hostPort: 8088 }]
          volumeMounts: [{ name: memory, mountPath: /memory }]
      volumes: [{ name: memory, emptyDir: { medium: Memory } }]
MANIFEST
    on "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf rollout status daemonset/work --timeout=60s >/dev/null
}

# That pods reach each other is proven once, in the end.
ready=(--skip '*/verify/pods' --skip '*/verify/reach' --skip '*/verify/clean-up')

say "hosts, one of them with a small disk, another one with a disk for etcd"
options=()
for node in "${lane_nodes[@]}"; do options+=(--image "$node=debian" --network "$node=bridge" --disk "$node=machine"); done
options[5 + 6]="$second=small"
scripts/lab up --nodes "${third#node}" "${options[@]}" >/dev/null
cluster_of "${lane_nodes[@]}"
scripts/lab rebuild "$first" "$third" >/dev/null
host "$first" <<<'disk /var/lib/etcd'
up_again "${ready[@]}"

broken "$second" 'containerd stopped and masked, kubeadm missing' containerd_masked kubeadm_missing
broken "$third" 'containerd hangs, a FUSE volume hangs' containerd_stopped mount_hung
reset 0 "$second" "$third"
has_its_data "$third" hung
on "$third" '! pgrep -x ls >/dev/null' || fail "somebody still hangs on the volume"
host "$third" <<<'kill -KILL $(pidof bindfs)'
up_again "${ready[@]}"

broken "$second" 'containerd removed while pods run, kubelet in a crash loop' containerd_removed kubelet_crashing
broken "$third" 'a shim hangs, a volume is busy' shim_stopped mount_busy
reset 0 "$second" "$third"
has_its_data "$third" busy
strangers_live "$second"
up_again "${ready[@]}"

broken "$second" 'the disk is full' disk_full
broken "$third" 'kubelet.conf gone, a volume cannot be unmounted' conf_missing mount_stuck
reset 40 "$second" "$third"
shows '^ +\| .*/var/lib/kubelet/pods/gone/volumes/stuck'
has_its_data "$third" stuck
host "$second" <<<'rm /filler.*'
host "$third" <<<'rm /usr/local/sbin/umount'
words[$third]='reset before, and not to the end'
reset 0 "$third"
has_its_data "$third" stuck
host "$third" <<<'disk /var/lib/kubelet'
up_again "${ready[@]}"

broken "$first" 'the API server accepts and never answers' api_stopped
words[$second]='its API server never answers'
reset 40 "$second"
shows "reset/forget-$second"
broken "$first" 'the last control plane: API server and pki gone, etcd dead with its log' api_gone etcd_dead pki_missing
words[$third]="the kubelet's directory is a disk of its own"
reset 0 "$first" "$second" "$third"
# The disks are there, and nothing is on them.
on "$third" 'mountpoint -q /var/lib/kubelet && [ -z "$(ls -A /var/lib/kubelet)" ]' || fail "the kubelet's disk is not there, or not empty"
# A file system's own directory is no data.
on "$first" 'mountpoint -q /var/lib/etcd && [ -z "$(ls -A /var/lib/etcd | grep -vx lost+found)" ]' || fail "etcd's disk is not there, or not empty"

killed_at "$first/init/kubeadm" 5 "$slipway" up
end_jobs "$first"
words[$first]='kubeadm init was ended midway'
reset 0 "$first" "$second" "$third"
killed_at "$second/join/kubeadm" 1 "$slipway" up
end_jobs "$second"
words[$second]='kubeadm join was ended midway'
reset 0 "$second"
killed_at "$second/join/kubeadm" 4 "$slipway" up
killed_at "$third/reset/containers" 0.3 "$slipway" reset "$third" --yes
scripts/lab reboot "$third" >/dev/null
words[$third]='the host was rebooted in the middle of a reset'
reset 0 "$third"
up_again

{
    printf '| breakage | reset took | exit code | audit | up afterwards |\n|---|---|---|---|---|\n'
    for row in "${rows[@]}"; do printf '| %s |\n' "${row//|/ | }"; done
} | tee target/broken-nodes.md
[ "${#rows[@]}" -ge 13 ] || fail "only ${#rows[@]} breakages"
