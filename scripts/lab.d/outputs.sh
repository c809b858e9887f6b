# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# What a checkout gets: target/lab/{cluster.toml,ssh_config,known_hosts,id_ed25519,id_ed25519.pub}. The lab is the machine's,
# not the checkout's: `up` in another checkout finds it running and only writes these files there.

# The blank is on purpose: people have such paths, and Vagrant quotes them.
VAGRANT_MACHINES='vagrant machines'
OUTPUTS=(id_ed25519 id_ed25519.pub known_hosts ssh_config cluster.toml)

# write_outputs: sets WRITTEN to the files that were not already as they should be.
write_outputs() {
  local name
  WRITTEN=()
  mkdir -p "$OUT"
  write_if_changed id_ed25519 600 cat "$STATE/id_ed25519"
  write_if_changed id_ed25519.pub 644 cat "$STATE/id_ed25519.pub"
  write_if_changed known_hosts 644 known_hosts
  write_if_changed ssh_config 644 ssh_config
  write_if_changed cluster.toml 644 cluster_toml
  for name in $(all_hosts); do
    [[ $(node_network "$name") == vagrant ]] || continue
    mkdir -p "$OUT/$VAGRANT_MACHINES/$name/virtualbox"
    write_if_changed "$VAGRANT_MACHINES/$name/virtualbox/private_key" 600 cat "$(vagrant_key "$name")"
  done
}

# write_if_changed FILE MODE COMMAND...
write_if_changed() {
  local file=$OUT/$1 mode=$2 text
  text=$("${@:3}")
  [[ ! -f $file || $text != "$(cat "$file")" ]] || return 0
  # In one move: somebody may be reading it.
  (umask 077 && printf '%s\n' "$text" >"$file.new")
  chmod "$mode" "$file.new"
  mv "$file.new" "$file"
  WRITTEN+=("target/lab/$1")
}

# known_hosts: the real host keys, known because they were made here. Nothing is trusted on first use.
known_hosts() {
  local name way
  for name in $(all_hosts); do
    read -r -a way <<<"$(host_way "$name")"
    [[ ${way[1]} == 22 ]] || name=$name,[${way[0]}]:${way[1]}
    echo "$name,$(host_address "${name%%,*}") $(cut -d ' ' -f 1,2 "$STATE/keys/${name%%,*}/ssh_host_ed25519_key.pub")"
  done
}

# print_ssh_config [NODE...]: in the shape of `vagrant ssh-config`; for hosts with Vagrant's networks, word for word.
print_ssh_config() {
  local name names=("$@")
  (($# > 0)) || mapfile -t names < <(all_hosts)
  for name in "${names[@]}"; do
    [[ -d $STATE/hosts/$name ]] || die "there is no $name; there are: $(all_hosts | paste -sd ' ')"
    if [[ $(node_network "$name") == vagrant ]]; then vagrant_ssh_config "$name"; else host_ssh_config "$name"; fi
  done
}

# ssh_config: all hosts, with host keys that are checked and the lab's one key, which root takes as well.
ssh_config() {
  local name
  for name in $(all_hosts); do host_ssh_config "$name"; done
}

# host_ssh_config NODE
host_ssh_config() {
  local way
  read -r -a way <<<"$(host_way "$1")"
  cat <<CONFIG
Host $1
  HostName ${way[0]}
  User vagrant
  Port ${way[1]}
  UserKnownHostsFile "$OUT/known_hosts"
  StrictHostKeyChecking yes
  PasswordAuthentication no
  IdentityFile "$OUT/id_ed25519"
  IdentitiesOnly yes
  LogLevel FATAL

CONFIG
}

# el_packages_toml: where hosts with rpm find theirs. Docker's repository is the one that has containerd for them.
el_packages_toml() {
  cat <<TOML

[packages.rpm]
url = "${PACKAGES_SERVER}rpm/kubernetes/"

[packages.rpm.runtime]
url         = "${PACKAGES_SERVER}rpm/docker/"
fingerprint = "$(cat "$SIGNING_KEY/fingerprint")"
TOML
}

cluster_toml() {
  local name way role=control-plane
  cat <<TOML
# Written by scripts/lab for the test hosts that run on this machine; the next \`scripts/lab up\` writes it again.

[cluster]
name        = "lab"
kubernetes  = "$KUBERNETES_VERSION"
cni         = "bridge"
pod_cidr    = "10.244.0.0/16"
# The lab's images are built from Debian's packages, and CoreDNS is not among those.
skip_phases = ["addon/coredns"]
# All hosts share the disk of this machine, which may be nearly full: by itself the kubelet evicts below 15 percent.
kubelet_extra_args = { eviction-hard = "memory.available<100Mi,nodefs.available<1Gi,imagefs.available<1Gi" }

[packages]
url         = "$PACKAGES_URL"
key         = "${PACKAGES_URL}Release.key"
fingerprint = "$(cat "$SIGNING_KEY/fingerprint")"
TOML
  if any_el; then el_packages_toml; fi
  cat <<TOML

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
    read -r -a way <<<"$(host_way "$name")"
    printf '\n[[host]]\nname    = "%s"\naddress = "%s"\nrole    = "%s"\n' "$name" "${way[0]}" "$role"
    [[ ${way[1]} == 22 ]] || printf 'ssh     = { port = %s }\n' "${way[1]}"
    role=worker
  done
}
