# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# Kubernetes itself, from Debian's source package: the only complete Kubernetes that a Debian mirror carries.

KUBERNETES_VERSION=1.20.2
KUBERNETES_COMMANDS='kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy'

# kubernetes: sets KUBERNETES to a directory with the binaries and pause, and CRICTL to one with crictl.
# Only what the builders do is part of the keys: a comment changed here must not cost another seven minutes.
kubernetes() {
  local source
  source=$(declare -f build_kubernetes_source)
  artifact kubernetes-$KUBERNETES_VERSION build_kubernetes "$source" "$(declare -f build_kubernetes make_kubernetes)" "$KUBERNETES_COMMANDS"
  KUBERNETES=$ARTIFACT
  artifact crictl build_crictl "$source" "$(declare -f build_crictl)" "$PARTS/crictl.go"
  CRICTL=$ARTIFACT
}

# kubernetes_source: sets SOURCE to the patched source, which is kept: crictl is built in it too.
kubernetes_source() {
  artifact kubernetes-source build_kubernetes_source "$(declare -f build_kubernetes_source)"
  SOURCE=$ARTIFACT/src
}

build_kubernetes_source() {
  local out=$1 reflect2=vendor/github.com/modern-go/reflect2 src
  say "fetching the source of Kubernetes $KUBERNETES_VERSION"
  prepare_lab_apt
  (cd "$out" && watched "$CACHE/log/kubernetes-source" lab_apt apt-get source kubernetes)
  # Debian's version says 1.20.5+really1.20.2.
  src=$(echo "$out"/kubernetes-*"$KUBERNETES_VERSION")
  [[ -d $src ]] || die "Debian's source package is not Kubernetes $KUBERNETES_VERSION: $(cd "$out" && echo kubernetes-*)"
  mv "$src" "$out/src"

  # The vendored reflect2 1.0.1 looks into the runtime in a way that crashes when built by Go 1.18 or later; Debian's own is 1.0.2.
  fetch_and_unpack "$out/debian" golang-github-modern-go-reflect2-dev
  rm -rf "$out/src/$reflect2"
  cp -rL "$out/debian/usr/share/gocode/src/github.com/modern-go/reflect2" "$out/src/$reflect2"
  rm -rf "$out"/debian "$out"/kubernetes_*
}

build_kubernetes() {
  local out=$1 command
  kubernetes_source
  say "building Kubernetes $KUBERNETES_VERSION (once, about 7 minutes on 2 cores)"
  # The build writes into its tree.
  cp -r "$SOURCE" "$out/src"
  watched "$CACHE/log/kubernetes-build" make_kubernetes "$out/src"
  for command in $KUBERNETES_COMMANDS; do
    mv "$out/src/_output/local/go/bin/$command" "$out/"
  done
  gcc -Os -Wall -static -DVERSION=v3.2 -o "$out/pause" "$out/src/build/pause/linux/pause.c"
  chmod -R u+w "$out/src"
  rm -rf "$out/src"
}

# make_kubernetes SRC: there is no git checkout to take the version from, so it is told; kubeadm compares it with the versions
# of the cluster. Go's caches stay in SRC/_output, which is thrown away.
make_kubernetes() {
  local minor=${KUBERNETES_VERSION#*.}
  # shellcheck disable=SC2086 # a list of words
  env -u GOROOT -u GOPATH GOFLAGS=-mod=vendor GOPROXY=off \
    KUBE_GIT_VERSION="v$KUBERNETES_VERSION" KUBE_GIT_MAJOR="${KUBERNETES_VERSION%%.*}" KUBE_GIT_MINOR="${minor%%.*}" \
    KUBE_GIT_COMMIT=faecb196815e248d3ecfb03c680a4507229c2a56 KUBE_GIT_TREE_STATE=archive KUBE_VERBOSE=5 \
    make -C "$1" WHAT="$(printf 'cmd/%s ' $KUBERNETES_COMMANDS)"
}

# build_crictl OUT: without modules, because the source's go.mod does not satisfy Go 1.19; then a package is found by its place
# in GOPATH, and the vendored ones only by those who are at that place.
build_crictl() {
  local out=$1 gopath=$1/go
  kubernetes_source
  say "building crictl"
  mkdir -p "$gopath/src/k8s.io"
  cp -r "$SOURCE" "$gopath/src/k8s.io/kubernetes"
  mkdir "$gopath/src/k8s.io/kubernetes/cmd/crictl"
  cp "$PARTS/crictl.go" "$gopath/src/k8s.io/kubernetes/cmd/crictl/main.go"
  watched "$CACHE/log/crictl" env -C "$gopath/src/k8s.io/kubernetes/cmd/crictl" -u GOROOT -u GOFLAGS \
    GO111MODULE=off GOPATH="$gopath" GOCACHE="$gopath/cache" CGO_ENABLED=0 \
    go build -trimpath -ldflags '-s -w' -o "$out/crictl" .
  chmod -R u+w "$gopath"
  rm -rf "$gopath"
}
