# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# The container images that kubeadm 1.20.2 asks for, in the storage of a registry and as a tarball for hosts without one.

REGISTRY=$BRIDGE_ADDRESS:5000
ETCD_TAG=3.4.13-0 # the tag that kubeadm 1.20.2 wants; what is in the image is Debian's 3.4
PAUSE_TAG=3.2
BUSYBOX_TAG=1.35 # for pods that test something

# images: sets IMAGES to a directory with docker-registry (the server), storage (its data) and images.tar (an OCI layout).
images() {
  artifact images build_images "$KUBERNETES" "$REGISTRY $ETCD_TAG $PAUSE_TAG $BUSYBOX_TAG" \
    "$(declare -f build_images add_image kube_proxy_root fill_registry write_registry_config)"
  IMAGES=$ARTIFACT
}

build_images() {
  local out=$1 layout=$1/layout root=$1/root name
  say "building the container images"
  mkdir -p "$layout/blobs/sha256"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  echo '{"schemaVersion":2,"manifests":[]}' >"$layout/index.json"

  # The servers are static binaries: an image is a layer with one file.
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    install -D -m 755 "$KUBERNETES/$name" "$root/usr/local/bin/$name"
    add_image "$layout" "$name:v$KUBERNETES_VERSION" "$root" "{Entrypoint: [\"$name\"]}"
  done
  install -D -m 755 "$KUBERNETES/pause" "$root/pause"
  add_image "$layout" "pause:$PAUSE_TAG" "$root" '{Entrypoint: ["/pause"]}'
  fetch_and_unpack "$root" busybox libc6
  "$root/bin/busybox" --list | grep -vx busybox | while read -r name; do ln -sf busybox "$root/bin/$name"; done
  add_image "$layout" "busybox:$BUSYBOX_TAG" "$root" '{Cmd: ["sh"]}'
  fetch_and_unpack "$root" etcd-server etcd-client libc6
  add_image "$layout" "etcd:$ETCD_TAG" "$root" '{Entrypoint: ["etcd"]}'
  kube_proxy_root "$root"
  add_image "$layout" "kube-proxy:v$KUBERNETES_VERSION" "$root" '{Entrypoint: ["kube-proxy"]}'

  tar -C "$layout" -cf "$out/images.tar" .
  fetch_and_unpack "$out/debian" docker-registry
  mv "$out/debian/usr/bin/docker-registry" "$out/"
  rm -rf "$out/debian"
  fill_registry "$out"
  rm -rf "$layout"
}

# kube_proxy_root ROOT: kube-proxy calls iptables and conntrack, so they and their libraries come along; modprobe and ipset,
# which it tries first, too. The hosts' iptables is the nft one, and rules of both kinds must not mix.
kube_proxy_root() {
  local root=$1 name
  fetch_and_unpack "$root" libc6 iptables libxtables12 libip4tc2 libip6tc2 libmnl0 libnftnl11 libnfnetlink0 \
    libnetfilter-conntrack3 conntrack ipset libipset13 kmod libkmod2 libzstd1 liblzma5 libssl3
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$root/usr/sbin/$name"
  done
  install -D -m 755 "$KUBERNETES/kube-proxy" "$root/usr/local/bin/kube-proxy"
}

# add_image LAYOUT NAME:TAG ROOT CONFIG: adds ROOT as an image of one layer, and empties ROOT. The layer is not compressed:
# the network is a bridge, and unpacking on every host is what would take the time.
add_image() {
  local layout=$1 reference=$2 root=$3 blobs=$1/blobs/sha256 layer config manifest
  # Documentation is of no use in there. Debian's packages expect /bin, /lib and /sbin to be links into /usr.
  rm -rf "${root:?}"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "${root:?}"/var
  local dir
  for dir in bin sbin lib lib64; do
    if [[ -d $root/$dir ]]; then
      mkdir -p "$root/usr/$dir"
      cp -a "$root/$dir/." "$root/usr/$dir/"
      rm -rf "${root:?}/$dir"
      ln -s "usr/$dir" "$root/$dir"
    fi
  done
  mkdir -p "$root/tmp" "$root/run" "$root/etc"
  chmod 1777 "$root/tmp"
  # For what looks up users and names.
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  printf 'passwd: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$root" -cf "$blobs/new" .
  rm -rf "$root"
  layer=$(sha256sum "$blobs/new" | cut -d ' ' -f 1)
  mv "$blobs/new" "$blobs/$layer"
  jq -cn --arg arch "$(dpkg --print-architecture)" --arg layer "sha256:$layer" '{
    architecture: $arch, os: "linux",
    config: ({Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]} + '"$4"'),
    rootfs: {type: "layers", diff_ids: [$layer]}}' >"$blobs/new"
  config=$(sha256sum "$blobs/new" | cut -d ' ' -f 1)
  mv "$blobs/new" "$blobs/$config"
  jq -cn --arg layer "$layer" --arg config "$config" \
    --argjson layersize "$(stat -c %s "$blobs/$layer")" --argjson configsize "$(stat -c %s "$blobs/$config")" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: "sha256:\($config)", size: $configsize},
    layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: "sha256:\($layer)", size: $layersize}]}' >"$blobs/new"
  manifest=$(sha256sum "$blobs/new" | cut -d ' ' -f 1)
  mv "$blobs/new" "$blobs/$manifest"
  # The first annotation is the name by which containerd imports it, the second the one by which skopeo finds it.
  jq -c --arg manifest "$manifest" --argjson size "$(stat -c %s "$blobs/$manifest")" --arg name "$REGISTRY/$reference" --arg ref "$reference" '
    .manifests += [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: "sha256:\($manifest)", size: $size,
      annotations: {"io.containerd.image.name": $name, "org.opencontainers.image.ref.name": $ref}}]' \
    "$layout/index.json" >"$layout/index.new"
  mv "$layout/index.new" "$layout/index.json"
}

# fill_registry OUT: a registry that listens on the loopback for as long as the images are copied into it.
fill_registry() {
  local out=$1 address=127.0.0.1:45000 reference pid
  mkdir -p "$out/storage"
  write_registry_config "$out/registry.yml" "$out/storage" "$address" false
  "$out/docker-registry" serve "$out/registry.yml" >"$CACHE/log/registry" 2>&1 </dev/null 9>&- &
  pid=$!
  # shellcheck disable=SC2064 # the pid as it is now
  trap "kill $pid" EXIT
  until curl -fsS -o /dev/null "http://$address/v2/" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || die "the registry did not start; its log is $CACHE/log/registry"
    sleep 0.2
  done
  while read -r reference; do
    skopeo --insecure-policy copy --quiet --preserve-digests --dest-tls-verify=false \
      "oci:$out/layout:$reference" "docker://$address/$reference" >/dev/null 9>&-
  done < <(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "$out/layout/index.json")
  kill "$pid"
  wait "$pid" || true
  trap - EXIT
  rm "$out/registry.yml"
}

# write_registry_config FILE STORAGE ADDRESS READONLY
write_registry_config() {
  cat >"$1" <<CONFIG
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: "$2"}
  maintenance: {readonly: {enabled: $4}}
http: {addr: "$3"}
CONFIG
}
