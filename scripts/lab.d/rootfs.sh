# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# The base image of all hosts: Debian 12 much as a cloud image has it. Nothing of containerd or Kubernetes is in it.

ROOTFS_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,iptables,ca-certificates,curl,kmod,procps,iputils-ping,less

# rootfs: sets ROOTFS to the base image's directory. It is never written to; hosts put an overlay on it.
rootfs() {
  artifact rootfs build_rootfs "$(declare -f build_rootfs)" "$ROOTFS_PACKAGES" "$(debian_sources deb)" "$(apt_settings)"
  ROOTFS=$ARTIFACT/root
}

build_rootfs() {
  local root=$1/root mirror
  mirror=$(debian_sources deb | awk '$4 == "bookworm" { print $3; exit }')
  [[ -n $mirror ]] || die "apt of this machine has no http source of Debian 12 (bookworm) main"
  say "building the hosts' base image (once, about a minute)"
  watched "$CACHE/log/debootstrap" debootstrap --variant=minbase --include="$ROOTFS_PACKAGES" bookworm "$root" "$mirror"

  rm -f "$root"/etc/apt/sources.list.d/*
  debian_sources deb >"$root/etc/apt/sources.list"
  apt_settings >"$root/etc/apt/apt.conf.d/90mirror"
  # As on a fresh cloud image: whoever wants a package runs apt-get update first. And nothing that two hosts must not share.
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/var/log/*.log "$root"/etc/ssh/ssh_host_*
  : >"$root/etc/machine-id"
  rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname" "$root/etc/resolv.conf"
  # The periodic jobs would take apt's lock at a moment of their own choosing, in the middle of a test.
  ln -sf /dev/null "$root/etc/systemd/system/apt-daily.timer"
  ln -sf /dev/null "$root/etc/systemd/system/apt-daily-upgrade.timer"

  printf 'UseDNS no\n' >"$root/etc/ssh/sshd_config.d/lab.conf"
  chroot "$root" useradd --create-home --shell /bin/bash vagrant
  printf 'vagrant ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/vagrant"
  chmod 440 "$root/etc/sudoers.d/vagrant"

  # nspawn mounts cgroup v1 read-only below a container's systemd, which would leave nothing for containerd and the kubelet.
  cat >"$root/etc/systemd/system/lab-cgroups.service" <<'UNIT'
[Unit]
Description=Make the cgroup v1 hierarchies of this container writable
ConditionPathExists=!/sys/fs/cgroup/cgroup.controllers
DefaultDependencies=no
Before=sysinit.target containerd.service kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for dir in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$dir" || true; done'

[Install]
WantedBy=sysinit.target
UNIT
  chroot "$root" systemctl enable lab-cgroups.service
}
