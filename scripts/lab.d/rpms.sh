# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# The rpm side of the package server: three signed repositories under the names that a CentOS host meets, from the same binaries
# as the apt repository. Kubernetes' is laid out like the community's (repodata/repomd.xml.key), containerd.io's like Docker's,
# and `base` stands in for what CentOS itself has.

CONTAINERD_PACKAGES='containerd runc'

# rpms: sets RPMS to a directory with one directory a repository. Needs the EL image: a library that it has must not be in a
# package as well, or removing the package would take it away.
rpms() {
  install_rpm_tools
  artifact rpms build_rpms "$KUBERNETES" "$CRICTL" "$SIGNING_KEY" "$EL_SIGNING_KEY" "$EL_ROOTFS" "$CONTAINERD_PACKAGES" \
    "$(declare -f build_rpms stage_kubernetes stage_kubernetes_rpms stage_from_debian build_rpm write_units sign_rpm_repositories)"
  RPMS=$ARTIFACT
}

# install_rpm_tools: what only these artifacts need.
install_rpm_tools() {
  TOOLS='rpmbuild:rpm rpmsign:rpm createrepo_c:createrepo-c' install_tools
}

build_rpms() {
  local out=$1 stage=$1/stage
  say "building the rpm packages"
  mkdir -p "$stage" "$out/kubernetes" "$out/docker" "$out/base"
  stage_kubernetes_rpms "$stage"
  build_rpm "$out/kubernetes" kubelet "$KUBERNETES_VERSION" 150500.1.1 'Node agent of Kubernetes' \
    'iptables >= 1.4.21, kubernetes-cni >= 0.8.7, socat, util-linux, ethtool, iproute, ebtables, conntrack'
  build_rpm "$out/kubernetes" kubeadm "$KUBERNETES_VERSION" 150500.1.1 'Bootstrapper of Kubernetes' \
    'kubelet >= 1.13.0, kubectl >= 1.13.0, kubernetes-cni >= 0.8.6, cri-tools >= 1.13.0'
  build_rpm "$out/kubernetes" kubectl "$KUBERNETES_VERSION" 150500.1.1 'Client of Kubernetes'
  build_rpm "$out/kubernetes" cri-tools 1.20.0 150500.1.1 'Client of container runtimes (a small one, made for the lab)'
  build_rpm "$out/kubernetes" kubernetes-cni 1.1.1 150500.1.1 'Reference CNI plugins'

  # Nobody's package but Docker's is called so on these distributions; what is in it is Debian's.
  # shellcheck disable=SC2086 # a list of words
  stage_from_debian "$stage/containerd.io" $CONTAINERD_PACKAGES
  build_rpm "$out/docker" containerd.io 1.6.20 3.1.el9 'Container runtime' 'container-selinux >= 2:2.74' 'containerd, runc'

  # A minimal CentOS lacks these, and the root that stands in for it too.
  stage_from_debian "$stage/conntrack-tools" conntrack
  build_rpm "$out/base" conntrack-tools 1.4.7 2.el9 'Manipulate connection tracking' '' 'conntrack = 1.4.7'
  stage_from_debian "$stage/socat" socat libwrap0
  build_rpm "$out/base" socat 1.7.4.1 5.el9 'Relay between two data channels'
  stage_from_debian "$stage/ethtool" ethtool
  build_rpm "$out/base" ethtool 6.1 1.el9 'Settings of network cards'
  stage_from_debian "$stage/iproute-tc" iproute2
  find "$stage/iproute-tc" -not -type d -not -path '*/sbin/tc' -delete
  build_rpm "$out/base" iproute-tc 6.1.0 1.el9 'Linux traffic control' iproute
  mkdir -p "$stage/container-selinux"
  build_rpm "$out/base" container-selinux 3:2.229.0 1.el9 'SELinux policies of container runtimes (none: this kernel has no SELinux)'
  rm -rf "$stage"
  with_gnupg sign_rpm_repositories "$out" "$SIGNING_KEY" kubernetes docker
  with_gnupg sign_rpm_repositories "$out" "$EL_SIGNING_KEY" base
  # Where Docker has its key.
  cp "$SIGNING_KEY/Release.key" "$out/docker/gpg"
}

# stage_kubernetes_rpms STAGE: as the apt packages are, but for the place of the kubelet's environment file.
stage_kubernetes_rpms() {
  local stage=$1
  stage_kubernetes "$stage"
  mkdir -p "$stage/kubelet/etc/sysconfig"
  mv "$stage/kubelet/etc/default/kubelet" "$stage/kubelet/etc/sysconfig/kubelet"
  rmdir "$stage/kubelet/etc/default"
  sed -i 's@/etc/default/kubelet@/etc/sysconfig/kubelet@' "$stage/kubeadm/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
}

# stage_from_debian DIR PACKAGE...: the programs, units and libraries of Debian packages, in the directories that EL has them in.
stage_from_debian() {
  local dir=$1 file
  fetch_and_unpack "$@"
  rm -rf "${dir:?}"/usr/share "${dir:?}"/etc "${dir:?}"/var
  for file in bin sbin lib; do
    [[ -d $dir/$file ]] || continue
    mkdir -p "$dir/usr/$file"
    cp -a "$dir/$file/." "$dir/usr/$file/"
    rm -rf "${dir:?}/$file"
  done
  find "$dir" -not -type d -printf '%P\n' | while read -r file; do
    if [[ -e $EL_ROOTFS/$file ]]; then rm "$dir/$file"; fi
  done
  find "$dir" -mindepth 1 -type d -empty -delete
  # What it is linked with must be there: this root's libraries, or the package's own.
  while read -r file; do
    if LD_LIBRARY_PATH=$(find "$dir" -name '*.so*' -printf '%h:' | sort -u) ldd "$file" 2>/dev/null | grep 'not found'; then
      die "$file: the package needs that library too"
    fi
  done < <(find "$dir" -type f -perm /111)
}

# build_rpm OUT NAME [EPOCH:]VERSION RELEASE SUMMARY [REQUIRES [PROVIDES]]: the files below stage/NAME, those in etc as configuration.
build_rpm() {
  local out=$1 name=$2 version=$3 spec epoch=
  local root=${1%/*}/stage/$2
  spec=$root.spec
  if [[ $version == *:* ]]; then
    epoch="Epoch: ${version%%:*}"
    version=${version#*:}
  fi
  cat >"$spec" <<SPEC
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _binary_payload w3.zstdio
Name: $name
Version: $version
Release: $4
$epoch
Summary: $5
License: see the package's origin
AutoReqProv: no
${6:+Requires: $6}
${7:+Provides: $7}
%description
$5
%install
cp -al "$root/." "%{buildroot}/"
%files
%defattr(-,root,root)
SPEC
  (cd "$root" && find . -not -type d -printf '/%P\n' -o -type d -empty -printf '%%dir /%P\n') |
    sed 's@^/etc/@%config(noreplace) &@; /^%dir \/$/d' >>"$spec"
  watched "$CACHE/log/rpmbuild" env -u LD_LIBRARY_PATH HOME="$root.home" rpmbuild -bb --define "_topdir $root.top" --define "_rpmdir $out" \
    --define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define "_dbpath $root.db" "$spec"
}

# sign_rpm_repositories OUT KEY NAME...: each package, and each list of packages.
sign_rpm_repositories() {
  local out=$1 key=$2 name
  shift 2
  gpg --batch --quiet --import "$key/secret.asc" 2>/dev/null
  for name in "$@"; do
    watched "$CACHE/log/rpmsign" rpmsign --define "_gpg_name $(cat "$key/fingerprint")" --define "__gpg $(command -v gpg)" \
      --define "_dbpath $out/.db" --addsign "$out/$name"/*.rpm
    watched "$CACHE/log/createrepo" createrepo_c --no-database "$out/$name"
    gpg --batch --quiet --armor --detach-sign -o "$out/$name/repodata/repomd.xml.asc" "$out/$name/repodata/repomd.xml"
    cp "$key/Release.key" "$out/$name/repodata/repomd.xml.key"
  done
  rm -rf "$out/.db"
}
