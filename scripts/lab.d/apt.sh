# shellcheck shell=bash
# Debian's archive: the tools that this machine lacks, and what the lab takes from Debian without installing it here.

# Commands that the lab calls, each with the package that has it. None of these packages starts a service.
TOOLS='debootstrap:debootstrap systemd-nspawn:systemd-container ip:iproute2 iptables:iptables go:golang-go
  gcc:gcc make:make dpkg-source:dpkg-dev apt-ftparchive:apt-utils patch:patch rsync:rsync jq:jq gpg:gpg gpgconf:gpgconf
  gpg-agent:gpg-agent skopeo:skopeo ssh:openssh-client ssh-keygen:openssh-client python3:python3 curl:curl flock:util-linux
  setsid:util-linux nsenter:util-linux sysctl:procps xz:xz-utils'

# install_tools: apt-get install of what is missing, and nothing (not even an update) when nothing is.
install_tools() {
  local pair missing=()
  for pair in $TOOLS; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  # The C library's headers come only with the recommended packages of gcc, and cgo needs them.
  [[ -e /usr/include/stdlib.h ]] || missing+=(libc6-dev)
  ((${#missing[@]} > 0)) || return 0
  say "installing ${missing[*]}"
  watched "$CACHE/log/tools-update" apt-get update
  watched "$CACHE/log/tools-install" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# debian_sources TYPE...: this machine's own sources of Debian 12 main as a sources.list ("deb", and "deb-src" where source
# packages are wanted), from whichever of the two file formats they are written in. The hosts and the private apt below use
# the same mirrors: no address is ever made up.
debian_sources() {
  # shellcheck disable=SC2016 # apt expands these, not the shell
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v types="$*" '$1 ~ /^https?:/ && $2 ~ /^bookworm(-updates|-security)?$/ && $3 == "main" && !seen[$1 $2]++ {
      for (i = split(types, type); i > 0; i--)
        print type[i], "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, "main" }'
}

# apt_settings: settings of this machine without which the mirrors above might not be usable: proxies, and checks of dates
# that someone switched off because the mirror is a frozen one.
apt_settings() {
  apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|http::Proxy|https::Proxy|Languages) ' || true
}

# lab_apt COMMAND...: runs an apt command with directories and sources of its own, source packages included, so that the
# machine's /etc/apt and its lists stay as they are.
lab_apt() {
  APT_CONFIG=$CACHE/apt/apt.conf "$@"
}

# prepare_lab_apt: writes that configuration and fetches the lists, once a run and only when something is to be built.
prepare_lab_apt() {
  [[ -z ${LAB_APT_READY-} ]] || return 0
  local dir=$CACHE/apt
  mkdir -p "$dir"/etc/apt.conf.d "$dir"/etc/preferences.d "$dir"/etc/sources.list.d "$dir"/lists/partial "$dir"/cache/archives/partial
  debian_sources deb deb-src >"$dir/etc/sources.list"
  [[ -s $dir/etc/sources.list ]] || die "apt of this machine has no http source of Debian 12 (bookworm) main"
  {
    printf 'Dir::Etc "%s";\nDir::State::lists "%s";\nDir::Cache "%s";\n' "$dir/etc" "$dir/lists" "$dir/cache"
    # The sandbox user _apt cannot enter a cache below root's home.
    printf 'APT::Sandbox::User "root";\n'
    apt_settings
  } >"$dir/apt.conf"
  say "reading Debian's package lists (binary and source)"
  watched "$CACHE/log/apt-update" lab_apt apt-get update
  LAB_APT_READY=1
}

# fetch_and_unpack DIR PACKAGE...: the files of packages below DIR, without installing: no maintainer script runs and no
# service of theirs starts on this machine.
fetch_and_unpack() {
  local dir=$1 debs=$CACHE/tmp/debs deb
  shift
  prepare_lab_apt
  rm -rf "$debs"
  mkdir -p "$debs"
  (cd "$debs" && watched "$CACHE/log/download" lab_apt apt-get download "$@")
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$dir"; done
  rm -rf "$debs"
}
