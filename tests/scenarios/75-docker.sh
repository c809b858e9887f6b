#!/usr/bin/env bash
# Docker: asked for on a bare host whose people have a daemon.json, and kept on a host that has it already. The lab's Kubernetes is
# 1.20, whose kubelet speaks to Docker by itself; the cgroup driver is the same on both sides.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

node=${lane_nodes[2]}

# A cluster of this one host: docker_cluster FILE [LINE FOR [cluster]]
docker_cluster() {
    awk -v line="${2-}" '/^\[\[host\]\]/ { exit } { print } /^\[cluster\]/ && line != "" { print line }' target/lab/cluster.toml >"$1"
    awk -v name="\"$node\"" '/^\[\[host\]\]/ { block = "" } { block = block $0 "\n" } /^name/ && $3 == name { own = 1 }
        /^role/ && own { sub(/"worker"/, "\"control-plane\"", block); printf "%s", block; exit }' target/lab/cluster.toml >>"$1"
}

docker_runs_the_node() {
    [ "$(on "$node" docker info --format '{{.CgroupDriver}}')" = cgroupfs ] || fail "Docker's cgroup driver"
    on "$node" "grep -qx 'cgroupDriver: cgroupfs' /var/lib/kubelet/config.yaml" || fail "the kubelet's cgroup driver"
    on "$node" kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o wide --no-headers | tee "$work/nodes"
    grep -q ' Ready .*docker://' "$work/nodes" || fail "no Ready node with Docker"
}

# What of Docker is on the host, beside its own settings.
docker_remains() {
    on "$node" sh -s <<'END'
dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'docker*' 'containerd*' runc 2>/dev/null | grep ' installed' || :
ip -o link | grep docker0 || :
iptables-save | grep DOCKER || :
for path in /usr/local/lib/slipway /run/docker /var/lib/docker /etc/kubernetes; do [ ! -e "$path" ] || echo "$path"; done
END
}

debian_hosts "$node"
scripts/lab rebuild "$node" >/dev/null
say "asked for, on a host with settings of its own"
# An overlay, which is the lab's hosts' root, can not lie on another.
settings='{ "data-root": "/var/lib/containerd/docker" }'
on "$node" "mkdir -p /etc/docker && echo '$settings' >/etc/docker/daemon.json"
docker_cluster "$work/cluster.toml" 'runtime = "docker"'
expect 0 "$slipway" up -c "$work/cluster.toml"
docker_runs_the_node
[ "$(on "$node" docker info --format '{{.DockerRootDir}}')" = /var/lib/containerd/docker ] || fail "the host's own settings are lost"
expect 0 "$slipway" up -c "$work/cluster.toml"
shows '^nothing to do'
expect 0 "$slipway" status -c "$work/cluster.toml"
shows "$node.*docker 20.*Ready"
expect 0 "$slipway" reset --yes --purge -c "$work/cluster.toml"
left=$(docker_remains)
[ -z "$left" ] || fail "$node still has: $left"
[ "$(on "$node" cat /etc/docker/daemon.json)" = "$settings" ] || fail "daemon.json is not as it was"

say "kept, on a host that has it"
on "$node" 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends docker.io >/dev/null 2>&1'
docker_cluster "$work/kept.toml"
expect 0 "$slipway" up -c "$work/kept.toml"
docker_runs_the_node
expect 0 "$slipway" up -c "$work/kept.toml"
shows '^nothing to do'
expect 0 "$slipway" reset --yes --purge -c "$work/kept.toml"
on "$node" docker info >/dev/null || fail "the host's own Docker is gone or does not run"
[ "$(on "$node" cat /etc/docker/daemon.json)" = "$settings" ] || fail "daemon.json is not as it was"
on "$node" 'DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y docker.io >/dev/null 2>&1'
scripts/lab rebuild "$node" >/dev/null
