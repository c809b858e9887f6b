# shellcheck shell=bash
# A host: an overlay over the base image, booted by systemd-nspawn in its own network namespace and control groups.
# $STATE/hosts/NODE: pid, console (the boot's log), booted (sshd has answered), root (the overlay, mounted), upper, work, containerd; with a
# small disk: disk (its file system, in a file) and small (that, mounted), which then holds upper and work.
# $STATE/keys/NODE: what outlives a rebuild: the ssh host key, so that a known_hosts stays valid, and the names of image and network.

# all_hosts: the nodes that exist, in their order.
all_hosts() {
  local dir
  for dir in "$STATE"/hosts/*/; do
    [[ ! -d $dir ]] || basename "$dir"
  done | sort -V
}

# node_image NODE: the name of its image; image_root IMAGE: the directory of one. The images are made by rootfs.sh and rootfs-el.sh.
# shellcheck disable=SC2034 # the command line is checked against it
IMAGE_NAMES='debian el'
node_image() { cat "$STATE/keys/$1/image" 2>/dev/null || echo debian; }
image_root() {
  case $1 in
    el) echo "$EL_ROOTFS" ;;
    *) echo "$ROOTFS" ;;
  esac
}

# node_disk NODE: `machine`, whose disk this machine's is; or `small`, which has one of its own that can be filled.
# shellcheck disable=SC2034 # the command line is checked against it
DISK_NAMES='machine small'
SMALL_DISK=6G
node_disk() { cat "$STATE/keys/$1/disk" 2>/dev/null || echo machine; }

# keep NODE image|network|disk NAME: what it is booted with from now on.
keep() {
  mkdir -p "$STATE/keys/$1"
  echo "$3" >"$STATE/keys/$1/$2"
}

# any_el: whether any host that exists is of the EL family.
any_el() {
  local name
  for name in $(all_hosts); do
    [[ $(node_image "$name") != el ]] || return 0
  done
  return 1
}

host_alive() { alive "$STATE/hosts/$1/pid"; }
host_booted() { host_alive "$1" && [[ -e $STATE/hosts/$1/booted ]]; }

# host_answers NODE: whether its sshd greets.
host_answers() {
  local greeting way
  read -r -a way <<<"$(host_way "$1")"
  # shellcheck disable=SC2016 # for the inner bash to expand
  greeting=$(timeout 1 bash -c 'exec 3<>"/dev/tcp/$1/$2" && head -c 4 <&3' _ "${way[@]}" 2>/dev/null) || true
  [[ $greeting == SSH- ]]
}

# start_host NODE [LAYER]: boots it bare, or with a layer of keep_layer, whatever was there before; returns before it is up (see await_hosts).
start_host() {
  local name=$1 dir=$STATE/hosts/$1 disk=$STATE/hosts/$1 lower
  lower=${2:+$2:}$(image_root "$(node_image "$name")")
  remove_host "$name"
  mkdir -p "$dir"/{root,containerd}
  if [[ $(node_disk "$name") == small ]]; then
    disk=$dir/small
    mkdir "$disk"
    truncate -s "$SMALL_DISK" "$dir/disk"
    mkfs.ext4 -q "$dir/disk"
    mount -o loop "$dir/disk" "$disk"
  fi
  mkdir -p "$disk"/{upper,work}
  mount -t overlay slipway-lab -o "lowerdir=$lower,upperdir=$disk/upper,workdir=$disk/work" "$dir/root"
  write_identity "$name" "$dir/root"
  host_link_up "$name"
  [[ $(node_network "$name") != vagrant ]] || forward_up "$name"
  launch "$name" "$dir"
}

# restart_host NODE: pulls its plug and boots it again from its disk; returns before it is up. Links, rules and /run go, as with any machine.
restart_host() {
  local name=$1 dir=$STATE/hosts/$1
  end_host "$name"
  rm -f "$dir/booted"
  host_link_up "$name"
  [[ $(node_network "$name") != vagrant ]] || forward_up "$name"
  launch "$name" "$dir"
}

# keep_layer NODE: what NODE's disk has over its image, as a directory of its own that other hosts can be laid over; prints it. Layers
# are never changed, since hosts may run on them, and go when none does.
keep_layer() {
  local disk=$STATE/hosts/$1 layer
  [[ $(node_disk "$1") != small ]] || disk=$disk/small
  drop_layers
  mkdir -p "$STATE/layers"
  layer=$(mktemp -d "$STATE/layers/$1.XXXXXX")
  # With its extended attributes: by them and by device nodes the overlay knows what was deleted.
  cp -a "$disk/upper/." "$layer"
  chmod 755 "$layer"
  echo "$layer"
}

drop_layers() {
  local layer
  for layer in "$STATE"/layers/*/; do
    layer=${layer%/}
    [[ ! -d $layer ]] || grep -q "lowerdir=$layer:" /proc/self/mounts || rm -rf "$layer"
  done
}

# write_identity NODE ROOT: what makes a host this one.
write_identity() {
  local name=$1 root=$2 keys=$STATE/keys/$1 n user
  if [[ ! -s $keys/ssh_host_ed25519_key.pub ]]; then
    mkdir -p "$keys"
    rm -f "$keys"/ssh_host_*
    ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$keys/ssh_host_ed25519_key"
  fi
  cp -p "$keys"/ssh_host_ed25519_key "$keys"/ssh_host_ed25519_key.pub "$root/etc/ssh/"
  echo "$name" >"$root/etc/hostname"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  {
    printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n'
    # Vagrant gives a machine its own name, and no other.
    if [[ $(node_network "$name") == vagrant ]]; then
      echo "127.0.2.1 $name $name"
    else
      for ((n = 1; n <= MAX_NODES; n++)); do echo "$SUBNET.$((10 + n)) node$n"; done
    fi
  } >"$root/etc/hosts"
  # A resolver that listens on the machine's own loopback is out of reach for the hosts; its upstreams are not.
  if grep -q '^nameserver 127\.' /etc/resolv.conf && [[ -s /run/systemd/resolve/resolv.conf ]]; then
    cat /run/systemd/resolve/resolv.conf
  else
    cat /etc/resolv.conf
  fi >"$root/etc/resolv.conf"
  for user in root home/vagrant; do
    install -d -m 700 "$root/$user/.ssh"
    install -m 600 "$STATE/id_ed25519.pub" "$root/$user/.ssh/authorized_keys"
  done
  if [[ $(node_network "$name") == vagrant ]]; then
    install -m 600 "$(vagrant_key "$name").pub" "$root/home/vagrant/.ssh/authorized_keys"
  fi
  chroot "$root" chown -R vagrant: /home/vagrant/.ssh
}

# launch NODE DIR: the capabilities and system calls are those that containerd, runc and kubelet use on a machine of their own.
# /var/lib/containerd is a plain directory, because an overlay cannot be the upper layer of another one.
launch() {
  local name=$1 dir=$2
  local nspawn=(systemd-nspawn -D "$dir/root" -M "$name" --hostname="$name"
    --network-namespace-path="/run/netns/$(host_netns "$name")"
    --register=no --keep-unit --capability=all
    --system-call-filter='@keyring bpf @mount @privileged @raw-io @swap @reboot'
    --bind=/dev/kmsg --bind="$dir/containerd:/var/lib/containerd"
    --resolv-conf=off --timezone=off --link-journal=no -b)
  (
    exec 9>&-
    export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_NSPAWN_USE_CGNS=1
    if systemd_machine; then
      exec setsid systemd-run --quiet --collect --scope --unit="$(host_scope "$name")" --property=Delegate=yes "${nspawn[@]}"
    fi
    enter_cgroups "$name"
    exec setsid "${nspawn[@]}"
  ) >"$dir/console" 2>&1 </dev/null &
  remember "$dir/pid" $!
}

systemd_machine() { [[ -d /run/systemd/system ]]; }
host_scope() { echo "slipway-lab-$1.scope"; }

# limit_host NODE PERCENT|off
limit_host() {
  if systemd_machine; then
    local quota=
    [[ $2 == off ]] || quota=$2%
    systemctl set-property --runtime "$(host_scope "$1")" CPUQuota="$quota"
  else
    limit_cpu "$1" "$2"
  fi
}

# await_hosts NODE...: until sshd answers on all of them.
await_hosts() {
  local name started=$SECONDS said=$SECONDS
  for name in "$@"; do
    until host_answers "$name"; do
      host_alive "$name" || die "$name ended while it booted; its console: $(tail -n 5 "$STATE/hosts/$name/console")"
      ((SECONDS - started < 180)) || die "$name does not answer on port 22; its console is $STATE/hosts/$name/console"
      if ((SECONDS - said >= 15)); then
        said=$SECONDS
        say "  $((SECONDS - started)) s: waiting for $name"
      fi
      sleep 0.2
    done
    touch "$STATE/hosts/$name/booted"
  done
}

# end_host NODE: ends all of its processes.
end_host() {
  local name=$1 dir=$STATE/hosts/$1
  if systemd_machine; then systemctl kill --signal=KILL "$(host_scope "$name")" 2>/dev/null || true; fi
  end "$dir/pid"
  end "$dir/forward.pid"
  end_cgroups "$name"
}

# remove_host NODE: ends and deletes it, in whatever state a crash left it, and never fails half way.
remove_host() {
  local name=$1 dir=$STATE/hosts/$1
  end_host "$name"
  host_link_down "$name"
  # A lazy unmount when someone is looking into it: the directory can be deleted all the same.
  while mountpoint -q "$dir/root" 2>/dev/null; do umount "$dir/root" 2>/dev/null || umount -l "$dir/root" || break; done
  # Never delete through a mount that would not go away: below it is the shared base image.
  if mountpoint -q "$dir/root" 2>/dev/null; then
    say "cannot unmount $dir/root; leaving it"
    return 0
  fi
  while mountpoint -q "$dir/small" 2>/dev/null; do umount "$dir/small" 2>/dev/null || umount -l "$dir/small" || break; done
  rm -rf "$dir" || say "cannot delete all of $dir"
}
