#!/usr/bin/env bash
# A pod network by a manifest: from a file, and from a URL whose checksum must be the one in the cluster file.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

manifest=tests/scenarios/data/pod-network.yaml
bare_hosts
with_cni() { sed "s|^cni .*|$1|" "$cluster" >"$work/cluster.toml"; }

say "from a file"
with_cni "cni = \"$PWD/$manifest\""
expect 0 "$slipway" up -c "$work/cluster.toml"
nodes_are_ready 3
on "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system get daemonset pod-network
expect 0 "$slipway" up -c "$work/cluster.toml"
shows '^nothing to do'
expect 0 "$slipway" reset --yes -c "$work/cluster.toml"
for node in "${lane_nodes[@]}"; do on "$node" test ! -e /etc/cni/net.d/10-lab.conflist || fail "$node still has the CNI's configuration"; done

say "from a URL"
cp "$manifest" "$work/network.yaml"
bridge=$(sed -n 's|^url *= "http://\([0-9.]*\):.*/deb/"|\1|p' "$cluster")
python3 -m http.server --bind "$bridge" --directory "$work" 8099 >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
with_cni "cni = \"http://$bridge:8099/network.yaml\"\ncni_sha256 = \"$(printf '%064d' 0)\""
expect 40 "$slipway" up -c "$work/cluster.toml"
shows 'is refused: its SHA-256 is .* and not 0000'
with_cni "cni = \"http://$bridge:8099/network.yaml\"\ncni_sha256 = \"$(sha256sum <"$work/network.yaml" | cut -d ' ' -f 1)\""
expect 0 "$slipway" up -c "$work/cluster.toml"
nodes_are_ready 3
expect 0 "$slipway" up -c "$work/cluster.toml"
shows '^nothing to do'
