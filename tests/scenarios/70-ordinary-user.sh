#!/usr/bin/env bash
# Hosts as `vagrant ssh-config` lists them, an ordinary user with sudo: imported, built, and the user's own kubectl works.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

bare_hosts
scripts/lab ssh-config "${lane_nodes[@]}" | "$slipway" new --ssh-config - --name lab --kubernetes 1.20.2 --cni bridge -c "$work/new.toml"
for_the_lab <"$work/new.toml" >"$work/cluster.toml"
cat "$work/cluster.toml"
expect 0 "$slipway" up -c "$work/cluster.toml"
[ "$(on "$control_plane" 'su - vagrant -c "kubectl get nodes --no-headers"' | grep -cw Ready)" = 3 ] || fail "vagrant's kubectl does not work"
expect 0 "$slipway" up -c "$work/cluster.toml"
shows '^nothing to do'
