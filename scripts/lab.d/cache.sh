# shellcheck shell=bash
# Artifacts that take long to make and are the same for every checkout: $CACHE/NAME-KEY, where KEY is a hash of the recipe.

# recipe WORD...: a short hash of the words and of the contents of those that are files, i.e. of all that makes an artifact.
recipe() {
  local word
  for word in "$@"; do
    if [[ -f $word ]]; then cat -- "$word"; else printf '%s\n' "$word"; fi
  done | sha256sum | cut -c 1-12
}

# artifact NAME BUILDER RECIPE-WORD...: sets ARTIFACT to the directory with the artifact. BUILDER is called with an empty
# directory when there is none yet; what it leaves there gets its name only when it is complete, so that an interrupted
# build never passes for a finished one. Parts of other versions are left alone: another checkout may still use them.
artifact() {
  local name=$1 builder=$2 work
  shift 2
  ARTIFACT=$CACHE/$name-$(recipe "$@")
  [[ -d $ARTIFACT ]] && return
  local target=$ARTIFACT
  work=$CACHE/tmp/$name
  # Leftovers of a build that was cut off; the lock that `lab` holds says that nobody is at work there.
  rm -rf "$work"
  mkdir -p "$work"
  "$builder" "$work"
  # mktemp's and mkdir's modes differ by umask; apt's sandbox user and the web server must be able to read.
  chmod 755 "$work"
  mv "$work" "$target"
  ARTIFACT=$target
}
