# A CNI by its manifest, on the first control plane. Values: key (what was applied), url, sha256, manifest (the file).

# Changes the manifest, or says that it no longer looks as the profile thinks: patch WHAT FIND AFTER TEXT. Where `adapt` is set, the
# manifest is the user's, who may have good reasons.
adapt=
patch() {
    if find=$2 after=$3 text=$4 awk "$awk" "$manifest" >"$manifest.new"; then
        mv -f "$manifest.new" "$manifest"
        return 0
    fi
    rm -f "$manifest.new"
    [ -n "$adapt" ] || die "the manifest $url has no place for $1: its profile is out of date"
    say "$url has no place for $1: set it there yourself, or the CNI may take the network of the default route"
}

download() {
    mkdir -p "${manifest%/*}"
    fetch "$url" "$manifest"
    [ -z "$sha256" ] || [ "$(sha256sum <"$manifest")" = "$sha256  -" ] || {
        m_is=$(sha256sum <"$manifest")
        rm -f "$manifest"
        give_up "$url is refused: its SHA-256 is ${m_is%% *}, and not $sha256" \
            remedy='see that it is what you want to apply, and then write its SHA-256 as `cni_sha256` in the cluster file'
    }
}

# Large manifests do not fit into the annotation that a client-side apply keeps.
apply_manifest() {
    if [ "$(wc -c <"$manifest")" -lt 200000 ]; then
        kube apply -f "$manifest"
    else
        kube apply --server-side --force-conflicts -f "$manifest"
    fi
    printf '%s\n' "$key" >"$STATE/cni/applied"
}
