#!/usr/bin/env bash
# A host of the EL family (dnf, rpm, firewalld) and a Debian host in one cluster, each in turn as the control plane: up, up again,
# reset, up, reset --purge.
# lane: any
# long: yes
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

debian=${lane_nodes[0]}
el=${lane_nodes[2]}

# Whether a port of the EL host answers, from outside: reaches PORT
reaches() { timeout 3 bash -c "exec 3<>/dev/tcp/$el_address/$1" 2>/dev/null; }

say "one bare host of each family"
scripts/lab up --nodes "$(printf '%s\n' "${debian#node}" "${el#node}" | sort -n | tail -n 1)" --image "$debian=debian" --image "$el=el" --network "$debian=bridge" --network "$el=bridge"
expect 0 scripts/lab up --nodes 1 --image="$el=el"
shows 'nothing changed$'
scripts/lab rebuild "$debian" "$el" >/dev/null
cluster_of "$debian" "$el"
el_address=$(awk -F'"' -v name="$el" '/^name/ { this = $2 } /^address/ && this == name { print $2 }' "$cluster")
on "$el" rpm -q firewalld >/dev/null || fail "the EL host has no firewalld"

say "Debian control plane, EL worker"
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 2
on "$debian" kubectl --kubeconfig /etc/kubernetes/admin.conf get node "$el" -o wide | grep -F 'CentOS Stream 9' || fail "$el is no CentOS"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'

say "firewalld runs, with the ports of the role open and others closed; upgrades leave Kubernetes alone"
[ "$(on "$el" firewall-cmd --state)" = running ] || fail "firewalld was switched off"
reaches 10250 || fail "the kubelet's port is closed"
on "$el" systemd-run --quiet --unit=scenario-listener python3 -m http.server 9999
on "$el" curl -fsS --retry 60 --retry-connrefused --retry-delay 1 -o /dev/null http://127.0.0.1:9999/ || fail "no listener"
! reaches 9999 || fail "a port that is nobody's business is open"
on "$el" systemctl stop scenario-listener
[ "$(on "$el" firewall-cmd --list-ports)" = "$(on "$el" firewall-cmd --permanent --list-ports)" ] || fail "the ports are gone after a restart"
expect 1 on "$el" dnf -q list --available kubelet
on "$el" 'dnf repolist -v' | tr -d ' ' | grep -c '^Repo-id' | grep -qx 3 || fail "dnf has not three repositories"
on "$el" 'grep -L "^gpgcheck=1" /etc/yum.repos.d/*.repo' | grep . && fail "a repository is not checked"

say "the other way round: EL control plane, Debian worker; that nothing is left of a purge is told by 37-snapshot.sh"
expect 0 "$slipway" reset --yes -c "$cluster"
cluster_of "$el" "$debian"
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 2
reaches 6443 || fail "the API server's port is closed"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
# Whoever comes next finds hosts without a cluster.
expect 0 "$slipway" reset --yes --purge -c "$cluster"
key=$(sed -n 's/^fingerprint *= "\(.*\)"/\1/p' "$cluster" | head -n 1 | tail -c 9 | tr 'A-F' 'a-f')
expect 1 on "$el" rpm -q "gpg-pubkey-$key"
expect 0 "$slipway" reset --yes --purge -c "$cluster"
