# shellcheck shell=bash
# The VM of scripts/vm: Debian's cloud kernel, the base image of the lab's hosts with some tools more as its disk, and qemu.

VM_PACKAGES='ipset ipvsadm nftables wireguard-tools'
VM_SECONDS=${VM_SECONDS:-300}
# What the kernel needs to see its disk.
VM_MODULES='virtio_pci virtio_blk crc32c_generic'

# vm_parts: sets VM_KERNEL and VM_DISK to the directories with vmlinuz and initrd, and disk.
vm_parts() {
  [[ $(id -u) == 0 ]] || die "must be run as root"
  mkdir -p "$CACHE/log" "$CACHE/tmp"
  exec 9>"$CACHE/lock"
  flock 9
  TOOLS="$TOOLS qemu-system-x86_64:qemu-system-x86 mkfs.ext4:e2fsprogs cpio:cpio depmod:kmod"
  install_tools
  rootfs
  artifact vm-kernel build_vm_kernel "$(declare -f build_vm_kernel)" "$VM_MODULES" "$SCRIPTS/../tests/plants/vm-init.c"
  VM_KERNEL=$ARTIFACT
  artifact vm-disk build_vm_disk "$(declare -f build_vm_disk)" "$VM_PACKAGES" "$ROOTFS" "$VM_KERNEL"
  VM_DISK=$ARTIFACT
  exec 9>&-
}

build_vm_kernel() {
  local work=$1 image module file
  say "fetching Debian's kernel for virtual machines"
  prepare_lab_apt
  image=$(lab_apt apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
  fetch_and_unpack "$work/unpacked" "$image"
  mv "$work"/unpacked/boot/vmlinuz-* "$work/vmlinuz"
  mv "$work/unpacked/lib/modules" "$work/modules"
  mkdir "$work/initrd"
  # In modules.dep a module stands before those that it needs.
  mkdir -p "$work/root/lib"
  mv "$work/modules" "$work/root/lib/modules"
  depmod -b "$work/root" "$(basename "$work"/root/lib/modules/*)"
  mv "$work/root/lib/modules" "$work/modules"
  rmdir "$work/root/lib" "$work/root"
  for module in $VM_MODULES; do
    awk -v name="/$module.ko:" 'index($1, name) { sub(/:/, ""); for (i = NF; i > 0; i--) print $i }' "$work"/modules/*/modules.dep
  done | awk '!seen[$0]++' | while read -r file; do
    cp "$work"/modules/*/"$file" "$work/initrd/"
    printf '/%s\n' "$(basename "$file")" >>"$work/initrd/modules"
  done
  gcc -O2 -static -o "$work/initrd/init" "$SCRIPTS/../tests/plants/vm-init.c"
  (cd "$work/initrd" && find . | cpio --quiet -o -H newc) >"$work/initrd.cpio"
  rm -rf "$work/unpacked" "$work/initrd"
}

build_vm_disk() {
  local root=$1/root
  say "building the virtual machine's disk (once, half a minute)"
  cp -a "$ROOTFS" "$root"
  # As this machine finds its mirrors.
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  cp -L /etc/hosts "$root/etc/hosts"
  # shellcheck disable=SC2086 # they are words
  watched "$CACHE/log/vm-packages" chroot "$root" sh -c 'apt-get update && apt-get install -y --no-install-recommends "$@"' - $VM_PACKAGES
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/etc/resolv.conf
  mkdir -p "$root/lib/modules" "$root/job"
  cp -a "$VM_KERNEL"/modules/* "$root/lib/modules/"
  echo vm >"$root/etc/hostname"
  echo '127.0.0.1 localhost vm' >"$root/etc/hosts"
  # The job comes on the second disk, and what it leaves goes to the third one: no network, and no slow serial line.
  cat >"$root/usr/local/sbin/vm-job" <<'JOB'
#!/bin/sh
tar -C /job -xf /dev/vdb
mkdir -p /job/out
cd /job || exit
# What there is of a job that hangs is worth seeing.
timeout --kill-after=5 "$(cat /job/.seconds)" sh ./run >out/output 2>out/errors </dev/null
echo $? >out/status
tar -C /job -cf /dev/vdc out
sync
JOB
  chmod 755 "$root/usr/local/sbin/vm-job"
  cat >"$root/etc/systemd/system/vm-job.service" <<'UNIT'
[Unit]
Description=The job of this machine
After=dbus.service

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/vm-job
ExecStopPost=systemctl poweroff --force --force
UNIT
  cat >"$root/etc/systemd/system/vm.target" <<'UNIT'
[Unit]
Description=Just enough for a job
Requires=basic.target
Wants=vm-job.service dbus.socket
After=basic.target
AllowIsolate=yes
UNIT
  ln -sf vm.target "$root/etc/systemd/system/default.target"
  mkfs.ext4 -q -d "$root" -L vm "$1/disk" 1G >/dev/null
  rm -rf "$root"
}

# vm_run DIRECTORY: see usage.
vm_run() {
  local job=$1 status=0 work
  [[ -f $job/run ]] || die "there is no $job/run"
  vm_parts
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # now is when its name is known
  trap "rm -rf '$work'" EXIT
  echo "$VM_SECONDS" >"$work/.seconds"
  tar -C "$job" --exclude=./out -cf "$work/in" . -C "$work" .seconds
  truncate -s '>1M' "$work/in"
  truncate -s 64M "$work/out"
  rm -rf "$job/out"
  # A plain processor: what a newer one could do faster takes longer when it is emulated. On a busy machine the kernel's test of its timer
  # would fail, and it would hang for that. The disk itself is never written to: what is written goes to a file in $TMPDIR that has no name.
  TMPDIR=$work timeout --kill-after=5 "$((VM_SECONDS + 60))" qemu-system-x86_64 -machine q35,accel=tcg,graphics=off -cpu qemu64 -m 1024 \
    -nodefaults -no-user-config -display none -nic none -no-reboot -monitor none -serial "file:$work/console" \
    -kernel "$VM_KERNEL/vmlinuz" -initrd "$VM_KERNEL/initrd.cpio" \
    -append 'console=ttyS0 quiet panic=-1 systemd.unit=vm.target systemd.show_status=0 mitigations=off nokaslr no_timer_check audit=0 apparmor=0 selinux=0' \
    -drive "file=$VM_DISK/disk,format=raw,if=virtio,snapshot=on" -drive "file=$work/in,format=raw,if=virtio,readonly=on" \
    -drive "file=$work/out,format=raw,if=virtio" </dev/null >"$work/qemu" 2>&1 || status=$?
  if ! tar -C "$job" -xf "$work/out" 2>/dev/null || [[ ! -f $job/out/status ]]; then
    cat "$work/qemu" >&2
    tail -n 30 "$work/console" >&2 || true
    say "the virtual machine left nothing (exit code of qemu: $status)"
    return "$((status == 124 ? 124 : 1))"
  fi
  cat "$job/out/errors" >&2
  cat "$job/out/output"
  return "$(cat "$job/out/status")"
}
