# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# The Kubernetes packages and the signed apt repository that serves them, laid out like the community's own: a flat
# repository with Release.key, and versions such as 1.20.2-1.1.

# signing_key: sets SIGNING_KEY to a directory with secret.asc, Release.key and fingerprint. It is made once a cache: what
# trusts it (a cluster.toml, a host) stays valid when the packages are built anew.
signing_key() {
  artifact signing-key build_signing_key "$(declare -f build_signing_key)"
  SIGNING_KEY=$ARTIFACT
}

# el_signing_key: sets EL_SIGNING_KEY likewise: the distribution's packages are not signed by whoever signs Kubernetes'.
el_signing_key() {
  artifact signing-key-el build_signing_key "$(declare -f build_signing_key)"
  EL_SIGNING_KEY=$ARTIFACT
}

# with_gnupg FUNCTION ARG...: calls it with a GNUPGHOME of its own, short enough for the agent's socket, and ends the agent.
with_gnupg() {
  GNUPGHOME=$(mktemp -d /tmp/lab-gnupg.XXXXXX)
  export GNUPGHOME
  "$@" 9>&-
  gpgconf --kill all
  rm -rf "$GNUPGHOME"
  unset GNUPGHOME
}

build_signing_key() { with_gnupg make_signing_key "$1"; }

make_signing_key() {
  gpg --batch --quiet --passphrase '' --quick-generate-key 'slipway lab (not a secret)' rsa3072 sign never 2>/dev/null
  (umask 077 && gpg --batch --armor --export-secret-keys >"$1/secret.asc")
  gpg --batch --armor --export >"$1/Release.key"
  gpg --batch --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }' >"$1/fingerprint"
}

# packages: sets PACKAGES to the directory with the repository.
packages() {
  artifact packages build_packages "$KUBERNETES" "$CRICTL" "$SIGNING_KEY" \
    "$(declare -f build_packages stage_kubernetes write_units build_deb sign_repository)"
  PACKAGES=$ARTIFACT
}

# stage_kubernetes STAGE: the files of each package below STAGE/PACKAGE, with Debian's places.
stage_kubernetes() {
  local stage=$1 command
  for command in kubeadm kubelet kubectl; do
    install -D -m 755 "$KUBERNETES/$command" "$stage/$command/usr/bin/$command"
  done
  install -D -m 755 "$CRICTL/crictl" "$stage/cri-tools/usr/bin/crictl"
  mkdir -p "$stage/kubernetes-cni/opt/cni/bin"
  fetch_and_unpack "$stage/debian" containernetworking-plugins
  cp "$stage"/debian/usr/lib/cni/* "$stage/kubernetes-cni/opt/cni/bin/"
  rm -rf "$stage/debian"
  write_units "$stage"
}

build_packages() {
  local out=$1 stage=$1/stage
  say "building the Kubernetes packages"
  stage_kubernetes "$stage"

  build_deb "$out" kubelet "$KUBERNETES_VERSION-1.1" 'Node agent of Kubernetes' 'iptables (>= 1.4.21), kubernetes-cni (>= 0.8.7), iproute2, socat, util-linux, mount, ebtables, ethtool, conntrack'
  build_deb "$out" kubeadm "$KUBERNETES_VERSION-1.1" 'Bootstrapper of Kubernetes' 'kubelet (>= 1.13.0), kubectl (>= 1.13.0), kubernetes-cni (>= 0.8.6), cri-tools (>= 1.13.0)'
  build_deb "$out" kubectl "$KUBERNETES_VERSION-1.1" 'Client of Kubernetes'
  build_deb "$out" cri-tools 1.20.0-1.1 'Client of container runtimes (a small one, made for the lab)'
  build_deb "$out" kubernetes-cni 1.1.1-1.1 'Reference CNI plugins'
  rm -rf "$stage"
  with_gnupg sign_repository "$out"
}

# write_units STAGE: the kubelet's unit, and kubeadm's drop-in for it, word for word as the community's packages have them.
# Neither is enabled or started by the packages.
write_units() {
  local units=usr/lib/systemd/system
  install -d "$1/kubelet/$units" "$1/kubeadm/$units/kubelet.service.d" "$1/kubelet/etc/default" "$1/kubelet/etc/kubernetes/manifests"
  cat >"$1/kubelet/$units/kubelet.service" <<'UNIT'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
UNIT
  cat >"$1/kubeadm/$units/kubelet.service.d/10-kubeadm.conf" <<'UNIT'
# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# This is a file that the user can use for overrides of the kubelet args as a last resort. Preferably, the user should use
# the .NodeRegistration.KubeletExtraArgs object in the configuration files instead. KUBELET_EXTRA_ARGS should be sourced from this file.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
UNIT
  echo 'KUBELET_EXTRA_ARGS=' >"$1/kubelet/etc/default/kubelet"
}

# build_deb OUT NAME VERSION DESCRIPTION [DEPENDS]
build_deb() {
  local root=$1/stage/$2 architecture
  architecture=$(dpkg --print-architecture)
  mkdir -p "$root/DEBIAN"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: slipway lab <lab@localhost>\n' "$2" "$3" "$architecture"
    printf 'Section: admin\nPriority: optional\nInstalled-Size: %s\n' "$(du -sk "$root" | cut -f 1)"
    [[ -z ${5-} ]] || printf 'Depends: %s\n' "$5"
    printf 'Description: %s\n' "$4"
  } >"$root/DEBIAN/control"
  (cd "$root" && find etc -type f -printf '/%p\n' 2>/dev/null) >"$root/DEBIAN/conffiles" || true
  # zstd: several hosts unpack these at once, on few cores.
  watched "$CACHE/log/dpkg-deb" dpkg-deb --root-owner-group -Zzstd --build "$root" "$1/$2_$3_$architecture.deb"
}

sign_repository() {
  cd "$1" || return
  gpg --batch --quiet --import "$SIGNING_KEY/secret.asc" 2>/dev/null
  apt-ftparchive packages . >Packages
  gzip -9 -k -n Packages
  apt-ftparchive -o APT::FTPArchive::Release::Label=slipway-lab release . >"$CACHE/tmp/Release"
  mv "$CACHE/tmp/Release" Release
  gpg --batch --quiet --clearsign -o InRelease Release
  gpg --batch --quiet --armor --detach-sign -o Release.gpg Release
  cp "$SIGNING_KEY/Release.key" .
}
