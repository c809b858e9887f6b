#!/usr/bin/env bash
# Hosts as Vagrant and VirtualBox make them (eth0 10.0.2.15 behind NAT on each, eth1 on a private network, sshd behind a forwarded
# port of the loopback), imported from `vagrant ssh-config` as it is: up, up again, reset --purge, up. One Debian host, one EL host.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

first=${lane_nodes[1]}
second=${lane_nodes[2]}

say "two bare hosts, the same address on each"
scripts/lab up --nodes "$(printf '%s\n' "${first#node}" "${second#node}" | sort -n | tail -n 1)" \
    --network "$first=vagrant" --network "$second=vagrant" --image "$first=debian" --image "$second=el"
scripts/lab rebuild "$first" "$second" >/dev/null
for node in "$first" "$second"; do
    on "$node" ip -o -4 route get 192.0.2.1 | grep -E 'via 10\.0\.2\.2 dev eth0 src 10\.0\.2\.15 ' || fail "$node is not behind a NAT"
done
private_address() { on "$1" ip -o -4 addr show dev eth1 | awk '{ sub("/.*", "", $4); print $4 }'; }
one=$(private_address "$first")
other=$(private_address "$second")

say "vagrant ssh-config | slipway new"
scripts/lab ssh-config "$first" "$second" >"$work/ssh-config"
grep -E 'HostName 127\.0\.0\.1|Port|IdentityFile' "$work/ssh-config"
[ "$(grep -c 'IdentityFile ".* .*"$' "$work/ssh-config")" = 2 ] || fail "no odd quoting"
cluster=$work/cluster.toml
"$slipway" new --ssh-config - --name vagrant --kubernetes 1.20.2 --cni bridge -c "$cluster" <"$work/ssh-config"
grep -E '^node_cidr' "$cluster" || fail "the private network is not named"
# Another one than the Vagrantfile's, where the machine has that one itself.
sed -i "s|^node_cidr .*|node_cidr = \"${one%.*}.0/24\"|" "$cluster"
for_the_lab <"$cluster" >"$work/with-settings.toml"
mv "$work/with-settings.toml" "$cluster"
control_plane=$first

# That all that names an address names that of the private network: is_right
is_right() {
    nodes_are_ready 2
    on "$first" sh -s <<'END' | sort >"$work/addresses"
kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o \
    'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.addresses[?(@.type=="InternalIP")].address}{"\n"}{end}'
END
    printf '%s %s\n' "$first" "$one" "$second" "$other" | sort | diff -u - "$work/addresses" || fail "the nodes have other addresses"
    on "$first" cat /etc/kubernetes/manifests/kube-apiserver.yaml | grep -F -- "--advertise-address=$one" || fail "the API server advertises another address"
    for node in "$first" "$second"; do
        on "$node" sh -s <<'END' || fail "$node uses the NAT's address"
! grep -rIl '10\.0\.2\.15' /etc/kubernetes /var/lib/kubelet/*.env /var/lib/kubelet/config.yaml /etc/cni /etc/slipway 2>/dev/null | grep . &&
    ip route show proto 115 | grep 'dev eth1'
END
    done
    # From here, as the user's own kubectl would: through the private network, with a certificate that names that address.
    on "$first" cat /etc/kubernetes/pki/ca.crt >"$work/ca.crt"
    curl -sS --cacert "$work/ca.crt" "https://$one:6443/healthz" | grep -x ok || fail "the API server does not answer at $one"
    # Through the API server to the other node's kubelet, which is what fails first when a node has the wrong address.
    on "$first" kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw "/api/v1/nodes/$second/proxy/healthz" | grep -x ok || fail "$second's kubelet is out of reach"
}

say "up"
expect 0 "$slipway" up -c "$cluster"
is_right
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
say "the same without node_cidr: the address that several hosts have is nobody's"
sed '/^node_cidr/d' "$cluster" >"$work/without.toml"
expect 0 "$slipway" up -c "$work/without.toml"
shows '^nothing to do'

say "reset --purge, and up"
expect 0 "$slipway" reset --yes --purge -c "$cluster"
expect 0 "$slipway" up -c "$cluster"
is_right
expect 0 "$slipway" reset --yes --purge -c "$cluster"
