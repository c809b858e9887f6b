# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# The base image of hosts of the EL family: the Debian root with dnf, rpm and firewalld in the place of dpkg and apt, and with
# all by which CentOS Stream 9 is known. The programs below are Debian's, and so is the kernel; what manages them is not.

EL_PACKAGES='dnf dnf-plugins-core rpm firewalld'

# What CentOS' minimal installation has that slipway or its packages ask for, each with what it provides beside its name and
# the Debian package that is really there. Only rpm's database learns of them.
EL_BASE='bash::bash ca-certificates::ca-certificates centos-stream-release:system-release=9,system-release(releasever)=9,redhat-release=9:
  coreutils::coreutils curl::curl dbus::dbus dnf::dnf firewalld::firewalld glibc::libc6 iproute::iproute2
  iptables-nft:iptables=1.8.9,ebtables,arptables:iptables kmod::kmod openssh-server::openssh-server procps-ng:procps:procps
  python3-dnf-plugin-versionlock:dnf-plugin-versionlock:dnf-plugins-core rpm::rpm sudo::sudo systemd::systemd util-linux:mount:util-linux'

# el_rootfs: sets EL_ROOTFS to the image's directory.
el_rootfs() {
  install_rpm_tools
  el_signing_key
  artifact rootfs-el build_el_rootfs "$ROOTFS" "$EL_PACKAGES" "$EL_BASE" "$EL_SIGNING_KEY" "$PACKAGES_SERVER" \
    "$(declare -f build_el_rootfs in_el_root write_el_identity write_el_rpm_database write_el_repositories build_rpm)"
  EL_ROOTFS=$ARTIFACT/root
}

build_el_rootfs() {
  local root=$1/root
  say "building the EL hosts' base image (once, about a minute)"
  cp -a "$ROOTFS" "$root"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  # No service starts in a chroot.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  watched "$CACHE/log/el-update" in_el_root "$root" apt-get update
  # shellcheck disable=SC2086 # a list of words
  watched "$CACHE/log/el-install" in_el_root "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Options::=--path-exclude='/usr/share/doc/*' -o Dpkg::Options::=--path-exclude='/usr/share/man/*' \
    -o Dpkg::Options::=--path-exclude='/usr/share/locale/*' $EL_PACKAGES
  rm "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"

  write_el_identity "$root"
  write_el_repositories "$root"
  write_el_rpm_database "$root" "$1"
  # From here on rpm is the package manager. A minimal CentOS has tc in a package of its own.
  rm -rf "$root"/usr/bin/dpkg* "$root"/usr/bin/apt* "$root"/usr/lib/apt "$root"/usr/lib/dpkg "$root"/etc/apt "$root"/etc/dpkg \
    "$root"/var/lib/apt "$root"/var/lib/dpkg "$root"/var/cache/apt "$root"/usr/sbin/tc "$root"/etc/systemd/system/apt-daily*
}

# in_el_root ROOT COMMAND...: polkit and others want /proc while they are set up; the mount is this process' alone.
in_el_root() {
  # shellcheck disable=SC2016 # for the inner shell to expand
  unshare --mount sh -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' sh "$@"
}

# write_el_identity ROOT: os-release word for word as CentOS Stream 9 has it, bash as sh, and what else Debian shows itself by.
write_el_identity() {
  local root=$1
  rm -f "$root/etc/debian_version" "$root/etc/os-release"
  cat >"$root/usr/lib/os-release" <<'RELEASE'
NAME="CentOS Stream"
VERSION="9"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="9"
PLATFORM_ID="platform:el9"
PRETTY_NAME="CentOS Stream 9"
ANSI_COLOR="0;31"
LOGO="fedora-logo-icon"
CPE_NAME="cpe:/o:centos:centos:9"
HOME_URL="https://centos.org/"
BUG_REPORT_URL="https://issues.redhat.com/"
REDHAT_SUPPORT_PRODUCT="Red Hat Enterprise Linux 9"
REDHAT_SUPPORT_PRODUCT_VERSION="CentOS Stream"
RELEASE
  ln -s ../usr/lib/os-release "$root/etc/os-release"
  echo 'CentOS Stream release 9' >"$root/etc/centos-release"
  ln -s centos-release "$root/etc/redhat-release"
  ln -s centos-release "$root/etc/system-release"
  ln -sf bash "$root/usr/bin/sh"
  ln -sf dnf "$root/usr/bin/yum"
  mkdir -p "$root/etc/sysconfig" "$root/etc/selinux" "$root/etc/pki/rpm-gpg"
  # There: the kernel has none.
  printf 'SELINUX=disabled\nSELINUXTYPE=targeted\n' >"$root/etc/selinux/config"
  # As on CentOS: without /usr/local.
  printf 'Defaults secure_path = /sbin:/bin:/usr/sbin:/usr/bin\n' >"$root/etc/sudoers.d/centos"
  chmod 440 "$root/etc/sudoers.d/centos"
}

# write_el_repositories ROOT: the lab's stand-in for CentOS' own repositories; Kubernetes' and Docker's are for slipway to add.
write_el_repositories() {
  local root=$1
  mkdir -p "$root/etc/rpm" "$root/var/lib/rpm" "$root/etc/yum.repos.d"
  # Debian keeps the database in each user's home.
  printf '%%_dbpath /var/lib/rpm\n' >"$root/etc/rpm/macros.lab"
  # A repository of local files that dnf would make up after each transaction.
  sed -i 's/^enabled *=.*/enabled = false/' "$root/etc/dnf/plugins/local.conf"
  printf '[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\nskip_if_unavailable=False\n' >"$root/etc/dnf/dnf.conf"
  cp "$EL_SIGNING_KEY/Release.key" "$root/etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial"
  cat >"$root/etc/yum.repos.d/centos.repo" <<REPO
[baseos]
name=CentOS Stream \$releasever - BaseOS
baseurl=${PACKAGES_SERVER}rpm/base/
gpgcheck=1
repo_gpgcheck=0
enabled=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial
REPO
}

# write_el_rpm_database ROOT WORK: what a CentOS host would know to be installed, in the versions that are there.
write_el_rpm_database() {
  local root=$1 work=$2 entry name provides package version
  mkdir -p "$work/stage" "$work/rpms"
  for entry in $EL_BASE; do
    IFS=: read -r name provides package <<<"$entry"
    version=9.0
    # shellcheck disable=SC2016 # dpkg-query expands it
    [[ -z $package ]] || version=$(chroot "$root" dpkg-query -W -f '${Version}' "$package" | sed 's/^[0-9]*://; s/[-+~].*//')
    mkdir "$work/stage/$name"
    build_rpm "$work/rpms" "$name" "$version" 1.el9 "$name, as the base image has it" '' "$(sed 's/=/ = /g; s/,/, /g' <<<"$provides")"
  done
  mkdir "$root/tmp/rpms"
  cp "$work"/rpms/*.rpm "$root/tmp/rpms/"
  watched "$CACHE/log/el-rpmdb" in_el_root "$root" sh -c 'rpm --initdb && rpm -i --justdb --nosignature --nodeps /tmp/rpms/*.rpm'
  rm -rf "$work/stage" "$work/rpms" "$root/tmp/rpms"
}
