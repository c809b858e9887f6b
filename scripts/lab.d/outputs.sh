# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# What a checkout gets: target/lab/{cluster.toml,ssh_config,known_hosts,id_ed25519,id_ed25519.pub}. The lab is the machine's,
# not the checkout's: `up` in another checkout finds it running and only writes these files there.

OUTPUTS=(id_ed25519 id_ed25519.pub known_hosts ssh_config cluster.toml)

# write_outputs: sets WRITTEN to the files that were not already as they should be.
write_outputs() {
  WRITTEN=()
  mkdir -p "$OUT"
  write_if_changed id_ed25519 600 cat "$STATE/id_ed25519"
  write_if_changed id_ed25519.pub 644 cat "$STATE/id_ed25519.pub"
  write_if_changed known_hosts 644 known_hosts
  write_if_changed ssh_config 644 ssh_config
  write_if_changed cluster.toml 644 cluster_toml
}

# write_if_changed FILE MODE COMMAND...
write_if_changed() {
  local file=$OUT/$1 mode=$2 text
  text=$("${@:3}")
  [[ ! -f $file || $text != "$(cat "$file")" ]] || return 0
  (umask 077 && printf '%s\n' "$text" >"$file")
  chmod "$mode" "$file"
  WRITTEN+=("target/lab/$1")
}

# known_hosts: the real host keys, known because they were made here. Nothing is trusted on first use.
known_hosts() {
  local name
  for name in $(all_hosts); do
    echo "$name,$(host_address "$name") $(cut -d ' ' -f 1,2 "$STATE/keys/$name/ssh_host_ed25519_key.pub")"
  done
}

# ssh_config: in the shape of `vagrant ssh-config`, except that the host keys are checked.
ssh_config() {
  local name
  for name in $(all_hosts); do
    cat <<CONFIG
Host $name
  HostName $(host_address "$name")
  User vagrant
  Port 22
  UserKnownHostsFile "$OUT/known_hosts"
  StrictHostKeyChecking yes
  PasswordAuthentication no
  IdentityFile "$OUT/id_ed25519"
  IdentitiesOnly yes
  LogLevel FATAL

CONFIG
  done
}

cluster_toml() {
  local name role=control-plane
  cat <<TOML
# Written by scripts/lab for the test hosts that run on this machine; the next \`scripts/lab up\` writes it again.

[cluster]
name        = "lab"
kubernetes  = "$KUBERNETES_VERSION"
cni         = "bridge"
pod_cidr    = "10.244.0.0/16"
# The lab's images are built from Debian's packages, and CoreDNS is not among those.
skip_phases = ["addon/coredns"]

[packages]
url         = "$PACKAGES_URL"
key         = "${PACKAGES_URL}Release.key"
fingerprint = "$(cat "$SIGNING_KEY/fingerprint")"

[images]
repository = "$REGISTRY"

[[images.mirror]]
registry = "$REGISTRY"
url      = "http://$REGISTRY"

[ssh]
user        = "root"
key         = "$OUT/id_ed25519"
known_hosts = "$OUT/known_hosts"
TOML
  for name in $(all_hosts); do
    printf '\n[[host]]\nname    = "%s"\naddress = "%s"\nrole    = "%s"\n' "$name" "$(host_address "$name")" "$role"
    role=worker
  done
}
