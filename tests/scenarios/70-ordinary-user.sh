#!/usr/bin/env bash
# Hosts as `vagrant ssh-config` lists them, an ordinary user with sudo: imported, built, and the user's own kubectl works.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

bare_hosts
scripts/lab ssh-config | "$slipway" new --ssh-config - --name lab --kubernetes 1.20.2 --cni bridge -c "$work/cluster.toml"
# The lab's own repository and registry stand in for pkgs.k8s.io and registry.k8s.io.
sed -n '/^\[packages\]/,/^\[ssh\]/{/^\[ssh\]/!p}' "$cluster" >>"$work/cluster.toml"
sed -i 's/^# *skip_phases.*//; s/^\(kubernetes .*\)/\1\nskip_phases = ["addon\/coredns"]/' "$work/cluster.toml"
cat "$work/cluster.toml"
expect 0 "$slipway" up -c "$work/cluster.toml"
[ "$(on node1 'su - vagrant -c "kubectl get nodes --no-headers"' | grep -cw Ready)" = 3 ] || fail "vagrant's kubectl does not work"
expect 0 "$slipway" up -c "$work/cluster.toml"
shows '^nothing to do'
