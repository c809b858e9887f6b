#!/usr/bin/env bash
# Hosts that reach nothing but each other, sshd's clients and a proxy that wants a password: packages, keys and images come through it, the
# cluster itself does not, and nobody is shown the password.
# lane: 2
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

nodes=("${lane_nodes[@]:0:2}")
first=${nodes[0]}
second=${nodes[1]}

debian_hosts "${nodes[@]}"
say "bare hosts: ${nodes[*]}"
scripts/lab rebuild "${nodes[@]}" >/dev/null
cluster_of "${nodes[@]}"
address() { awk -v "node=$1" -F '[, ]' '$1 == node { print $2 }' target/lab/known_hosts; }
(umask 077 && printf 'canary-proxy-%s\n' "$(od -An -tx8 -N8 /dev/urandom | tr -d ' ')" >"$work/password")
trap 'scripts/lab proxy off; rm -rf "$work"' EXIT
scripts/lab proxy "$work/password" >"$work/proxy"
{ read -r url && read -r log; } <"$work/proxy"
place=${url#*@}

say "the way out is shut: no packages, no registry, no internet, but the proxy at $place"
shut() {
    on "$1" sh -s <<END
set -eu
iptables -N SCENARIO
for to in 127.0.0.0/8 $(address "$first") $(address "$second") 10.244.0.0/16; do iptables -A SCENARIO -d "\$to" -j RETURN; done
iptables -A SCENARIO -p tcp --sport 22 -j RETURN
iptables -A SCENARIO -p tcp -d ${place%:*} --dport ${place#*:} -j RETURN
iptables -A SCENARIO -j REJECT
iptables -I OUTPUT -j SCENARIO
END
}
for node in "${nodes[@]}"; do
    shut "$node"
    expect 7 on "$node" curl -sS --max-time 5 "$(sed -n 's/^url *= "\(.*\)"/\1/p' "$cluster" | head -n 1)"
done

with_proxy() { sed "/^\[\[host\]\]/,\$d" "$cluster" && printf '[proxy]\n%s\n\n' "$1" && sed -n "/^\[\[host\]\]/,\$p" "$cluster"; }
mine=$work/mine.toml

say "without it: one line that names the cause, and what to do"
expect 40 "$slipway" up -c "$cluster"
shows '\[proxy\] in the cluster file'

say "a proxy that is not there, and one that does not take the password"
with_proxy "http = \"http://${place%:*}:3129\"" >"$mine"
expect 40 "$slipway" up -c "$mine"
shows "this host does not reach the proxy http://${place%:*}:3129: Connection refused"
with_proxy "http = \"$url\"" >"$mine"
(unset SLIPWAY_PROXY_PASSWORD && expect 21 "$slipway" up -c "$mine")
shows "the proxy $url has a user, and its password was not given"
SLIPWAY_PROXY_PASSWORD=wrong expect 40 "$slipway" up -c "$mine"
shows "the proxy $url does not take the user or the password \(407"

say "with it, on a host whose people have another one in everybody's environment: up, and up again"
on "$second" "printf 'http_proxy=http://192.0.2.1:3128\nHTTPS_PROXY=http://192.0.2.1:3128\n' >>/etc/environment"
expect 0 on "$second" env
shows '^http_proxy=http://192.0.2.1:3128'
with_proxy "http = \"$url\"
password_file = \"password\"" >"$mine"
# Every process of this machine, those of the hosts included, again and again.
watch_processes() {
    while [ -e "$work/watching" ]; do
        grep -Flsf "$work/password" /proc/[0-9]*/cmdline || true
        echo looked >>"$work/looks"
        sleep 0.03
    done
}
: >"$work/watching"
watch_processes >"$work/seen" 2>/dev/null &
watcher=$!
expect 0 "$slipway" up -c "$mine" --output json
cp "$work/out" "$work/first-up"
control_plane=$first
nodes_are_ready 2
rm "$work/watching"
wait "$watcher"
expect 0 "$slipway" up -c "$mine"
shows '^nothing to do'

say "packages, their key and images came through the proxy; the cluster's own traffic did not"
grep -F 'Request' "$log" | sed 's/.*): //' | sort | uniq -c | sort -rn | sed -n '1,20p'
for wanted in 'Release.key|repo.key|\.asc' 'Packages' '\.deb ' '/v2/kube-proxy/' '/v2/pause/'; do
    # Whoever stops reading at a match would end the writer with an error.
    grep -F 'Request' "$log" | grep -E "$wanted" >/dev/null || fail "nothing like $wanted came through the proxy"
done
! grep -F 'Request' "$log" | grep -E ":6443|10\.96\.|10\.244\.|:10250|:2379|$(address "$first")|$(address "$second")" || fail "the cluster talks to itself through the proxy"

say "nobody is shown the password"
[ ! -s "$work/seen" ] || fail "processes show it: $(sort "$work/seen" | uniq -c | head)"
[ "$(wc -l <"$work/looks")" -gt 50 ] || fail "nobody looked"
"$slipway" render script "$first" -c "$mine" >"$work/script"
grep -q SLIPWAY_PROXY_PASSWORD "$work/script" || fail "the script does not say where the password goes"
"$slipway" plan --diff -c "$mine" >"$work/plan" 2>&1
! grep -rFlf "$work/password" "$work/state" "$work/out" "$work/first-up" "$work/script" "$work/plan" "$log" || fail "it shows on this machine"
for node in "${nodes[@]}"; do
    # The pattern goes in on standard input: an argument would be found.
    on "$node" sh -c "'umask 077; cat >/root/pattern; { journalctl --no-pager; systemctl show containerd kubelet; systemctl cat containerd kubelet
        cat /proc/[0-9]*/cmdline; find / -xdev -type f -perm -o=r ! -path \"/var/lib/containerd/*\" -exec cat {} +
        grep -rFs --exclude=pattern \"\" /var/log /var/lib/slipway /run/slipway /home /root /tmp /etc/kubernetes /etc/apt /etc/systemd; } 2>/dev/null |
        grep -aFcf /root/pattern; rm /root/pattern'" <"$work/password" >"$work/count"
    [ "$(cat "$work/count")" = 0 ] || fail "it shows on $node"
    [ "$(on "$node" "stat -c '%a %U' /etc/slipway-proxy.env")" = '600 root' ] || fail "the file with it is not root's alone"
    on "$node" cat /etc/slipway-proxy.env | grep -Ff "$work/password" >/dev/null || fail "there is no password to look for on $node"
done

# What its runtime has in its environment.
runtime_environment() {
    on "$1" sh -s <<'END'
tr '\0' '\n' <"/proc/$(pidof containerd)/environ"
END
}

say "pods know of no proxy that has a password, and the runtime does"
expect 1 on "$first" grep -ri proxy_ /etc/kubernetes/manifests
runtime_environment "$first" | grep '^NO_PROXY=localhost,.*,10.244.0.0/16,10.96.0.0/12' >/dev/null ||
    fail "containerd runs without it"

say "not wanted any more: gone from hosts and runtime; wanted again: back"
expect 0 "$slipway" up -c "$cluster"
for node in "${nodes[@]}"; do
    expect 1 on "$node" 'ls /etc/slipway-proxy.env /etc/systemd/system/containerd.service.d/slipway-proxy.conf 2>/dev/null | grep .'
    ! runtime_environment "$node" | grep -i proxy || fail "containerd of $node still goes by it"
done
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
expect 0 "$slipway" up -c "$mine"

say "reset --purge takes it away"
expect 0 "$slipway" reset --purge --yes -c "$mine"
for node in "${nodes[@]}"; do
    expect 1 on "$node" 'find / -xdev -name "*slipway*proxy*" 2>/dev/null | grep .'
    ! on "$node" systemctl cat containerd 2>/dev/null | grep -i proxy || fail "a drop-in is left on $node"
done

say "bare again: nobody else wants hosts without a way out"
scripts/lab rebuild "${nodes[@]}" >/dev/null
