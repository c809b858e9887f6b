#!/usr/bin/env bash
# Package managers in trouble, on a host of each family: each case either works or ends with the cause and its remedy, in bounded time.
# Locks that others hold, dpkg killed at work, mirrors that fail, hang or serve something else, keys that are wrong or expired, full disks.
# lane: 2
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

debian=${lane_nodes[0]}
el=${lane_nodes[2]}

# Sets a value under a table of a cluster file: setting FILE TABLE KEY VALUE
setting() {
    awk -v table="[$2]" -v key="$3" -v value="$4" '
        /^\[/ { inside = $0 == table }
        inside && $1 == key { next }
        { print }
        $0 == table { print key " = \"" value "\"" }' "$1" >"$1.new"
    mv "$1.new" "$1"
}

# install SECONDS CODE STEP...: these steps of install, with the cluster file $file; within so many seconds.
install() {
    local most=$1 wanted=$2 began=$SECONDS only=()
    shift 2
    for step; do only+=(--only "*/install/$step"); done
    expect "$wanted" "$slipway" install "${only[@]}" -c "$file"
    [ $((SECONDS - began)) -le "$most" ] || fail "it took $((SECONDS - began)) s, and $most were to be enough"
}

# refused CAUSE REMEDY: the last run failed with this, and said so once.
refused() {
    shows "^  what: $1"
    shows "^  hint: $2"
    ! grep -q 'it ended with exit code' "$work/out" || fail "an exit code says nothing to anybody"
}

once() { ! grep -q ' failed, next in ' "$work/out" || fail "a second try was pointless"; }

# A key of its own, without a passphrase: key NAME GPG-OPTION... (NAME.key, NAME.fingerprint)
key() {
    local name=$1
    shift
    gpg --batch --quiet --passphrase '' "$@" --quick-generate-key "slipway lab $name" rsa2048 sign "${lasts:-never}" 2>/dev/null
    gpg --batch --armor --export "slipway lab $name" >"$www/$name.key"
    gpg --batch --with-colons --list-keys "slipway lab $name" | awk -F: '$1 == "fpr" { print $10; exit }' >"$www/$name.fingerprint"
}

# Copies a directory of the lab's package server: copy PATH
copy() {
    mkdir -p "$www/$1"
    curl -fsS "$packages/$1/" | sed -n 's/.*href="\([^"?/]*\)".*/\1/p' | while read -r name; do
        curl -fsS -o "$www/$1/$name" "$packages/$1/$name"
    done
}

# The lab's repositories, and others that are not what they say, at $mirror.
mirrors() {
    local package
    www=$work/www
    export GNUPGHOME=$work/gnupg
    mkdir -p "$www" "$GNUPGHOME"
    chmod 700 "$GNUPGHOME"
    packages=$(sed -n 's@^url *= "\(http://[^/]*\)/deb/"@\1@p' target/lab/cluster.toml)
    key stranger
    lasts=30d key expired --faked-system-time 20250101T000000!
    copy deb
    copy rpm/kubernetes
    copy rpm/kubernetes/repodata
    # One byte of a package is another.
    cp -r "$www/deb" "$www/tampered"
    cp -r "$www/rpm/kubernetes" "$www/rpm/tampered"
    for package in "$www"/tampered/kubectl_*.deb "$www"/rpm/tampered/kubectl-*.rpm; do
        printf x | dd of="$package" bs=1 seek=300000 conv=notrunc status=none
    done
    # Signed by a stranger: the lists of apt, the packages of rpm.
    cp -r "$www/deb" "$www/strange"
    rm "$www/strange/InRelease" "$www/strange/Release.gpg"
    gpg --batch --quiet --passphrase '' -u 'slipway lab stranger' --clearsign -o "$www/strange/InRelease" "$www/strange/Release"
    mkdir "$www/rpm/strange"
    cp "$www"/rpm/kubernetes/*.rpm "$www/rpm/strange/"
    rpmsign --define '_gpg_name slipway lab stranger' --define "__gpg $(command -v gpg)" --resign "$www"/rpm/strange/*.rpm >/dev/null 2>&1
    createrepo_c --quiet --no-database "$www/rpm/strange"
    cp "$www/rpm/kubernetes/repodata/repomd.xml.key" "$www/rpm/strange/repodata/"
    gpgconf --kill all
    local address=${packages#http://}
    python3 tests/scenarios/data/failing_mirror.py "${address%:*}" "$www" >"$work/port" 2>"$work/mirror.log" &
    server=$!
    trap 'kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
    until [ -s "$work/port" ]; do
        kill -0 "$server" 2>/dev/null || fail "no mirror: $(cat "$work/mirror.log")"
        sleep 0.1
    done
    mirror=http://${address%:*}:$(cat "$work/port")
}

# Kubernetes' packages come from below this path of $mirror: from [packages] PATH
from() {
    cp "$own" "$file"
    setting "$file" "$table" url "$mirror/$1"
    setting "$file" packages key "$packages/deb/Release.key"
    setting "$file" packages.rpm key "$packages/deb/Release.key"
}

# In a shell of its own: what `expect` leaves is one family's.
begin() {
    mkdir -p "$work/$1"
    cluster=$work/$1/lab.toml
    cluster_of "$1"
    work=$work/$1
    own=$cluster
    file=$work/scenario.toml
    cp "$own" "$file"
    table=$2
}

on_debian() {
    begin "$debian" packages
    say "$debian: a repository of the host's own that is broken does not stop what does not need it"
    on "$debian" "cat >/etc/apt/keyrings/other.asc" <"$www/stranger.key"
    on "$debian" "echo 'deb [signed-by=/etc/apt/keyrings/other.asc] $mirror/deb /' >/etc/apt/sources.list.d/other.list"
    install 120 0 package-lists
    shows "package-lists: the repository $mirror/deb is refused: it is signed with the key [0-9A-F]*, which this host does not trust for it"
    on "$debian" rm /etc/apt/sources.list.d/other.list

    say "$debian: a lock that somebody else holds is waited for, and who it is is said"
    on "$debian" "systemd-run --quiet --unit=somebody-else apt-get -q -y -o 'DPkg::Pre-Invoke::=sleep 25' install socat"
    sleep 1.5
    install 180 0 prerequisites
    shows 'prerequisites +waiting for apt-get \(process [0-9]*, of somebody-else.service\), which holds /var/lib/dpkg/lock-frontend$'

    say "$debian: dpkg that was killed at work is mended, whatever it was doing"
    on "$debian" sh -eu <<'END'
cd /tmp
apt-get -q -y purge socat ethtool >/dev/null
apt-get -q -y download socat ethtool >/dev/null 2>&1
# Unpacked, and no more.
dpkg --unpack socat_*.deb >/dev/null
# Killed while a script of the package runs: before it is unpacked, and while it is configured.
killed() {
    printf '#!/bin/sh\nsleep 600\n' >"$1/DEBIAN/$2"
    chmod 755 "$1/DEBIAN/$2"
    dpkg-deb --build "$1" "$1.deb" >/dev/null
    systemd-run --quiet --unit="killed-$1" dpkg -i "/tmp/$1.deb"
    tries=0
    until systemctl status "killed-$1" | grep -q 'sleep 600'; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { echo "dpkg did not come to the script of $1"; exit 1; }
        sleep 0.3
    done
    systemctl kill --signal=KILL "killed-$1"
}
dpkg-deb -R ethtool_*.deb half
killed half preinst
mkdir -p slow/DEBIAN
printf 'Package: slipway-slow\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n' >slow/DEBIAN/control
killed slow postinst
printf '#!/bin/sh\n' >/var/lib/dpkg/info/slipway-slow.postinst
dpkg-query -W -f '${Package} ${Status}\n' socat ethtool slipway-slow
END
    install 180 0 prerequisites
    shows 'prerequisites: dpkg was interrupted on this host: finishing what it had begun'
    on "$debian" sh -eu <<'END'
[ -z "$(dpkg --audit)" ]
dpkg -s socat ethtool slipway-slow | grep -c '^Status: install ok installed' | grep -qx 3
dpkg --purge slipway-slow >/dev/null 2>&1
rm -rf /tmp/*.deb /tmp/half /tmp/slow
END

    kubernetes_trouble 'apt-get' deb tampered strange
    refused "the repository $mirror/strange is refused: it is signed with the key [0-9A-F]*, which this host does not trust for it" 'find out whose key'
    once

    say "$debian: no space"
    from deb/
    on "$debian" mount -t tmpfs -o size=2m slipway-small /var/cache/apt/archives
    install 240 40 'kubernetes-*'
    on "$debian" umount /var/cache/apt/archives
    refused 'no space is left for packages in /var/cache/apt/archives/' 'make room'
    once
    install 180 0 'kubernetes-*'
}

on_el() {
    begin "$el" packages.rpm
    say "$el: a repository of the host's own that is broken does not stop what does not need it"
    on "$el" "printf '[other]\nname=other\nbaseurl=$mirror/503/\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial\n' >/etc/yum.repos.d/other.repo"
    install 180 0 prerequisites
    shows "prerequisites: $mirror/503/repodata/repomd.xml can not be fetched: Status code: 503"
    on "$el" rm /etc/yum.repos.d/other.repo

    say "$el: a lock that somebody else holds is waited for, and who it is is said"
    on "$el" dnf -q -y remove socat
    on "$el" systemd-run --quiet --unit=somebody-else dnf --repofrompath="slow,$mirror/hang/" --repo=slow --setopt=timeout=25 --setopt=retries=1 makecache
    sleep 2
    install 180 0 prerequisites
    shows 'prerequisites +waiting for dnf \(process [0-9]*, of somebody-else.service\), which holds /var/cache/dnf/metadata_lock.pid$'

    kubernetes_trouble dnf rpm/kubernetes rpm/tampered rpm/strange
    refused '.*[.]rpm is refused: it is not signed with the key of its repository' 'find out whose key'
    once

    say "$el: no space"
    from rpm/kubernetes/
    on "$el" 'dnf -q clean all; mount -t tmpfs -o size=2m slipway-small /var/cache/dnf'
    install 180 40 'kubernetes-*'
    on "$el" umount /var/cache/dnf
    refused 'no space is left' 'make room'
    once
    install 180 0 'kubernetes-*'
}

# What fares alike in both families: kubernetes_trouble MANAGER GOOD TAMPERED STRANGE. Ends with the run for the last.
kubernetes_trouble() {
    say "$1: keys"
    from "$2/"
    setting "$file" packages key "$mirror/stranger.key"
    setting "$file" packages.rpm key "$mirror/stranger.key"
    install 120 40 kubernetes-key
    refused "the signing key at $mirror/stranger.key is refused: its fingerprint is $(cat "$www/stranger.fingerprint") and not " 'find out whose key it is'
    once
    for part in packages packages.rpm; do
        setting "$file" "$part" key "$mirror/expired.key"
        setting "$file" "$part" fingerprint "$(cat "$www/expired.fingerprint")"
    done
    install 120 40 kubernetes-key
    refused "the signing key at $mirror/expired.key is refused: it has expired" 'name a newer copy'
    once
    setting "$file" packages key http://127.0.0.1:9/none.key
    setting "$file" packages.rpm key http://127.0.0.1:9/none.key
    install 180 40 kubernetes-key
    refused 'could not download http://127.0.0.1:9/none.key: .*127.0.0.1.*9' 'see that this host reaches'

    say "$1: a mirror that fails, one that refuses, one that hangs"
    from 503/
    install 240 40 'kubernetes-*'
    refused "$mirror/503/.* can not be fetched: .*503" 'see that'
    shows ' try 2 failed, next in '
    cp "$own" "$file"
    setting "$file" "$table" url http://127.0.0.1:9/
    install 240 40 'kubernetes-*'
    refused 'http://127.0.0.1:9/.* can not be fetched: .*' 'see that'
    from hang/
    install 240 40 'kubernetes-*'
    refused "$mirror/hang/.* can not be fetched: " 'see that'

    say "$1: a package that is not what the list says, and one that somebody else has signed"
    from "$3/"
    install 180 40 'kubernetes-*'
    refused '.*kubectl.* is refused: it is not what the repository says it is' 'its mirror is being renewed'
    from "$4/"
    install 180 40 'kubernetes-*'
}

debian_hosts "$debian"
scripts/lab up --nodes "${el#node}" --image "$el=el" --network "$el=bridge" >/dev/null
scripts/lab rebuild "$debian" "$el" >/dev/null
mirrors
# Both at once: most of it is waiting.
(on_debian) >"$work/debian.out" 2>&1 &
first=$!
(on_el) >"$work/el.out" 2>&1 &
second=$!
failed=
wait "$first" || failed=$debian
wait "$second" || failed="$failed $el"
cat "$work/debian.out" "$work/el.out"
[ -z "$failed" ] || fail "$failed"
scripts/lab rebuild "$debian" "$el" >/dev/null
