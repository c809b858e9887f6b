#!/usr/bin/env bash
# Hosts without a way out: no default route, no name resolved, package sources as their distributions ship them. A mirror has the
# distributions' packages, and another registry the images, under their usual names.
# lane: 2
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

debian=${lane_nodes[0]}
el=${lane_nodes[2]}

# What of the hosts' package sources is the distribution's own.
sources() {
    on "$debian" cat /etc/apt/sources.list
    on "$el" cat /etc/yum.repos.d/centos.repo
}

scripts/lab up --nodes "$(printf '%s\n' "${debian#node}" "${el#node}" | sort -n | tail -n 1)" --image "$debian=debian" --image "$el=el" --network "$debian=bridge" --network "$el=bridge" >/dev/null
scripts/lab rebuild "$debian" "$el" >/dev/null
cluster_of "$debian" "$el"

say "a mirror, made of where the lab's hosts have their packages from"
archive=$(on "$debian" "sed -n 's@^deb .* \(http[^ ]*\) bookworm main@\1@p' /etc/apt/sources.list")
security=$(on "$debian" "sed -n 's@^deb .* \(http[^ ]*\) bookworm-security main@\1@p' /etc/apt/sources.list")
base=$(on "$el" "sed -n 's@^baseurl=@@p' /etc/yum.repos.d/centos.repo")
bridge=$(sed -n 's|^url *= "http://\([0-9.]*\):.*/deb/"|\1|p' "$cluster")
stream=centos-stream/9-stream arch=$(uname -m)
python3 tests/scenarios/data/mirror.py "$bridge" 8098 "debian=$archive" "debian-security=$security" \
    "$stream/BaseOS/$arch/os=$base" "$stream/AppStream/$arch/os=$base" >"$work/mirror.log" 2>&1 &
mirror=$!
trap 'kill "$mirror" 2>/dev/null || :; rm -rf "$work"' EXIT
curl -s -o /dev/null --retry 60 --retry-connrefused --retry-delay 1 "http://$bridge:8098/" || fail "no mirror: $(cat "$work/mirror.log")"

say "hosts as their distributions ship them, and no way out"
on "$debian" 'cat >/etc/apt/sources.list' <<'SOURCES'
deb http://ftp.example.org/debian bookworm main
deb http://ftp.example.org/debian bookworm-updates main
deb http://security.example.org/debian-security bookworm-security main
SOURCES
on "$el" 'mkdir -p /etc/dnf/vars && echo 9-stream >/etc/dnf/vars/stream && cat >/etc/yum.repos.d/centos.repo' <<'SOURCES'
[baseos]
name=CentOS Stream $releasever - BaseOS
metalink=https://mirrors.centos.org/metalink?repo=centos-baseos-$stream&arch=$basearch&protocol=https,http
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial
gpgcheck=1
repo_gpgcheck=0
enabled=1

[appstream]
name=CentOS Stream $releasever - AppStream
metalink=https://mirrors.centos.org/metalink?repo=centos-appstream-$stream&arch=$basearch&protocol=https,http
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial
gpgcheck=1
repo_gpgcheck=0
enabled=1
SOURCES
for node in "$debian" "$el"; do
    on "$node" 'ip route del default; : >/etc/resolv.conf'
    ! on "$node" 'ip route show default | grep .' || fail "$node has a default route"
done
sources >"$work/before"

say "images under their usual names, from another registry"
sed -i -e '/^repository/d' -e "s@^registry = .*@registry = \"registry.k8s.io\"@" -e "s@^\[packages\]@&\nmirror = \"http://$bridge:8098/\"@" "$cluster"
expect 0 "$slipway" up -c "$cluster"
nodes_are_ready 2
on "$debian" "ctr -n k8s.io images ls -q | grep -qx 'registry.k8s.io/kube-apiserver:v1.20.2'" || fail "the image has another name"
grep -q "server = \"https://registry.k8s.io\"" <(on "$debian" cat /etc/containerd/certs.d/registry.k8s.io/hosts.toml) || fail "no mirror of registry.k8s.io"
grep -q "GET /debian/pool/" "$work/mirror.log" || fail "no package came from the mirror"
grep -q "GET /$stream/BaseOS/$arch/os/.*\.rpm" "$work/mirror.log" || fail "no rpm came from the mirror"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'

say "what was there before is back"
expect 0 "$slipway" reset --yes --purge -c "$cluster"
sources >"$work/after"
diff -u "$work/before" "$work/after" || fail "the purge left other package sources"
scripts/lab rebuild "$debian" "$el" >/dev/null
