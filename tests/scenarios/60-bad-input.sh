#!/usr/bin/env bash
# Bad input: one clear line, a hint, an exit code of its own, and nothing changed on any host.
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

lab_is_up
on node2 'useradd -m nosudo && mkdir -p ~nosudo/.ssh && cp ~/.ssh/authorized_keys ~nosudo/.ssh/ && chown -R nosudo: ~nosudo/.ssh'
for node in node1 node2 node3; do fingerprint "$node" >"$work/$node.before"; done

# bad CODE WHAT: runs `up` on the case file and expects one error line that names WHAT, a hint, and this exit code.
bad() {
    local code=$1 what=$2
    shift 2
    expect "$code" "$slipway" "$@"
    [ "$(grep -c '^error: ' "$work/out")" = 1 ] || fail "there is not exactly one error line"
    shows "^error: .*$what"
    shows '^hint: '
}

# A copy of the lab's cluster file, changed by a sed script: case_file SED
case_file() {
    sed "$1" "$cluster" >"$work/case.toml"
}

bad 10 'no-such.toml' up -c "$work/no-such.toml"
case_file 's/^name .*= "lab"/name = /'
bad 11 'case.toml:[0-9]+:[0-9]+' up -c "$work/case.toml"
case_file 's/^pod_cidr/pod_cdir/'
bad 12 'pod_cdir' up -c "$work/case.toml"
shows 'pod_cidr'
case_file 's/node2/node1/'
bad 13 'node1' up -c "$work/case.toml"
case_file 's/"control-plane"/"worker"/'
bad 14 'control plane' up -c "$work/case.toml"
case_file 's#10.244.0.0/16#10.96.0.0/16#'
bad 15 '10.96.0.0' up -c "$work/case.toml"
case_file 's/"1.20.2"/"1.19.4"/'
bad 16 '1.19' up -c "$work/case.toml"
bad 17 'node1/install/nonsense' up -c "$cluster" --only node1/install/nonsense
# 192.168.77.250 is on the lab's bridge and nobody's.
case_file 's/192.168.77.13/192.168.77.250/'
bad 20 'node3' up -c "$work/case.toml"
shows 'node1 answered'
shows 'node2 answered'
# One host differs from the others: for_host ADDRESS LINE
for_host() {
    sed "/address = \"$1\"/s|\$|\n$2|" "$cluster" >"$work/case.toml"
}
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
for_host 192.168.77.11 "ssh = { key = \"$work/key\" }"
bad 21 'node1' up -c "$work/case.toml"
awk -v key="$(cut -d' ' -f1,2 "$work/key.pub")" '{ print $1, key }' target/lab/known_hosts >"$work/known_hosts"
for_host 192.168.77.11 "ssh = { known_hosts = \"$work/known_hosts\" }"
bad 22 'node1.*has another' up -c "$work/case.toml"
: >"$work/known_hosts"
bad 22 'node1' up -c "$work/case.toml"
for_host 192.168.77.12 'ssh = { user = "nosudo" }'
bad 23 'node2' up -c "$work/case.toml"
on node3 'cp /etc/os-release /root/os-release.real; sed -e "s/^ID=.*/ID=plan9/" /root/os-release.real >/root/os-release.fake; mount --bind /root/os-release.fake /etc/os-release'
bad 24 'node3' up -c "$cluster"
on node3 'umount /etc/os-release; rm /root/os-release.real /root/os-release.fake'
for node in node1 node2 node3; do
    fingerprint "$node" >"$work/$node.after"
    diff -u "$work/$node.before" "$work/$node.after" || fail "bad input changed $node"
done
on node2 userdel -r nosudo 2>/dev/null
