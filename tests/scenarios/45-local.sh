#!/usr/bin/env bash
# On the machine itself, without ssh: slipway runs on the host that becomes the cluster.
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

lab_is_up
scripts/lab rebuild node1 >/dev/null
on node1 'cat >/usr/local/bin/slipway && chmod 755 /usr/local/bin/slipway' <"$slipway"
on node1 slipway new --host node1=local --name lab --kubernetes 1.20.2 --cni bridge -c lab.toml
on node1 cat lab.toml >"$work/new.toml"
for_the_lab <"$work/new.toml" >"$work/cluster.toml"
on node1 'cat >lab.toml' <"$work/cluster.toml"

expect 0 on node1 slipway plan -c lab.toml
shows '^\+ node1/init/kubeadm'
expect 0 on node1 slipway up -c lab.toml
nodes_are_ready 1
expect 0 on node1 slipway up -c lab.toml
shows '^nothing to do'
expect 0 on node1 slipway status -c lab.toml
shows 'node1.*control-plane.*Ready'
expect 0 on node1 slipway reset --yes --purge -c lab.toml
on node1 test ! -e /etc/kubernetes || fail "/etc/kubernetes is still there"
expect 0 on node1 slipway up -c lab.toml
nodes_are_ready 1
