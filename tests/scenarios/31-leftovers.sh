#!/usr/bin/env bash
# What a cluster leaves is listed, as a reset's plan too; resets without a cluster file, and by a script on the machine itself.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

node=${lane_nodes[0]}
debian_hosts "$node"
scripts/lab rebuild "$node" >/dev/null
cluster_of "$node"
address=$(awk -F'"' '/^address/ { print $2 }' "$cluster")

# A person whose known_hosts and key are the lab's; the cluster file is nowhere near.
mkdir -p "$work/home/.ssh" "$work/elsewhere"
cp target/lab/known_hosts target/lab/id_ed25519 "$work/home/.ssh/"
without_a_cluster_file() (
    cd "$work/elsewhere"
    HOME=$work/home exec "$@"
)
by_address=(--host "root@$address" --key "$work/home/.ssh/id_ed25519")

# A jq expression holds for the output of the last `expect`.
holds() { jq -es "$1" "$work/out" >/dev/null || fail "the JSON does not hold: $1"; }

say "a bare host is clean, and looking at it changes nothing"
fingerprint "$node" >"$work/bare"
expect 0 "$slipway" leftovers -c "$cluster"
shows "^$node: clean\$"
expect 0 without_a_cluster_file "$slipway" leftovers "${by_address[@]}" --output json
holds "length == 1 and .[0].hosts == [{host: \"$address\", clean: true, complete: true, error: null, goes: 0, purge: 0, stays: 0, leftovers: []}]"
fingerprint "$node" >"$work/after"
diff -u "$work/bare" "$work/after" || fail "looking changed something"

say "a node that is in use, with owners"
expect 0 "$slipway" up -c "$cluster"
expect 42 "$slipway" leftovers -c "$cluster" --output json
holds '.[0].hosts[0] | .clean == false and .complete and .goes > 20 and .purge > 5 and (.leftovers | length) == .goes + .purge + .stays'
for thing in 'process kubelet' 'chain kube-proxy' 'rule kube-proxy' 'link bridge' 'file kubeadm' 'file etcd' 'unit kubelet'; do
    read -r kind owner <<<"$thing"
    holds "any(.[0].hosts[0].leftovers[]; .kind == \"$kind\" and .owner == \"$owner\" and .fate == \"goes\" and (.sign | length) > 0)"
done
holds 'any(.[0].hosts[0].leftovers[]; .kind == "package" and .fate == "purge" and (.what | startswith("kubeadm ")))'
expect 42 "$slipway" leftovers "$node" -c "$cluster"
shows '^  link +bridge +goes +name cni0 +cni0$'
expect 18 "$slipway" leftovers nobody -c "$cluster"
expect 22 "$slipway" leftovers --host "$address" --output json
holds '.[0].hosts[0] | .clean == false and .complete == false and (.error | length) > 0'
holds '.[1].kind == "host-key"'

say "a Node object that its host has outlived is a leftover of that host"
on "$node" kubectl --kubeconfig /etc/kubernetes/admin.conf create -f - <<<'{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "ghost"}}'
{
    cat "$cluster"
    # An address of the lab's bridge that is nobody's.
    printf '[[host]]\nname = "ghost"\naddress = "%s.250"\nrole = "worker"\n' "${address%.*}"
} >"$work/ghost.toml"
expect 20 "$slipway" leftovers ghost -c "$work/ghost.toml" --output json
holds '.[0].hosts[0] | .host == "ghost" and .error != null and (.leftovers | length) == 1 and .leftovers[0].kind == "node" and .leftovers[0].what == "ghost"'
on "$node" kubectl --kubeconfig /etc/kubernetes/admin.conf delete node ghost

say "the plan comes first, and without a yes nothing happens"
expect 2 without_a_cluster_file "$slipway" reset "${by_address[@]}"
shows "^hint: add --yes: slipway reset --host root@$address .*--yes\$"
nodes_are_ready 1

say "reset by address: the role is what lies on the host"
expect 0 without_a_cluster_file "$slipway" reset "${by_address[@]}" --yes
shows "^  goes +.*processes \\(kubelet"
shows '^  kept +5 packages .*--purge takes them too$'
shows '^! the cluster ends: '
expect 0 "$slipway" leftovers -c "$cluster" --keep-packages
expect 42 "$slipway" leftovers -c "$cluster"
shows '^  package +'
on "$node" 'command -v kubeadm' >/dev/null || fail "the packages are gone"

say "a script that needs nobody: as on the console of a machine without a network"
expect 0 "$slipway" up -c "$cluster"
without_a_cluster_file "$slipway" render reset-script --purge >"$work/reset.sh"
for shell in sh bash; do "$shell" -n "$work/reset.sh"; done
on "$node" 'cat >/root/reset.sh' <"$work/reset.sh"
expect 1 on "$node" "cp /root/reset.sh /home/ && su nobody -s /bin/sh -c 'sh /home/reset.sh'"
shows '^error: run this as root$'
on "$node" 'rm -f /root/left; ip link add cali0scenario type veth peer name scenario1; sh /root/reset.sh >/root/left 2>&1; echo $? >>/root/left' || fail "the script was not run"
on "$node" cat /root/left >"$work/out"
tail -n 15 "$work/out"
[ "$(tail -n 1 "$work/out")" = 0 ] || fail "the script ended with exit code $(tail -n 1 "$work/out")"
shows '^clean$'
on "$node" rm -f /root/reset.sh /home/reset.sh /root/left
expect 0 "$slipway" leftovers -c "$cluster"
shows "^$node: clean"

say "--local, on the machine itself"
on "$node" 'cat >/usr/local/bin/slipway && chmod 755 /usr/local/bin/slipway' <"$slipway"
expect 0 on "$node" 'cd / && slipway leftovers --local'
expect 0 on "$node" 'cd / && slipway reset --local --yes --purge'
shows '^nothing to do'
on "$node" rm -f /usr/local/bin/slipway
