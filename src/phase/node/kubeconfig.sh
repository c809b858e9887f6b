# A kubeconfig for root, and for the user who logs in. Values: user, home (both empty where root logs in).

# Whether a person's kubeconfig is the cluster's: has_config USER FILE
has_config() {
    cmp -s /etc/kubernetes/admin.conf "$2" && [ "$(stat -c '%a %U' "$2")" = "600 $1" ]
}

# Puts it in place: put_config USER FILE
put_config() {
    k_group=$(id -gn "$1")
    if [ ! -d "${2%/*}" ]; then
        mkdir -m 750 "${2%/*}"
        chown "$1:$k_group" "${2%/*}"
    fi
    k_new=${2%/*}/.slipway.${2##*/}
    # Of a shell that was killed in the middle of this.
    rm -f "$k_new".??????
    k_new=$(mktemp "$k_new.XXXXXX")
    if ! { cat /etc/kubernetes/admin.conf >"$k_new" && chmod 600 "$k_new" && chown "$1:$k_group" "$k_new" && mv -f "$k_new" "$2"; }; then
        rm -f "$k_new"
        return 1
    fi
}

# Keeps a foreign one aside, and prints the shell that puts things back. One that was changed since is left alone.
keep_config() {
    k_sum=$(sha256sum </etc/kubernetes/admin.conf)
    printf 'if [ -f %s ] && [ "$(sha256sum <%s)" = "%s" ]; then rm -f %s; fi\n' "'$1'" "'$1'" "$k_sum" "'$1'"
    if [ -e "$1" ] && ! cmp -s /etc/kubernetes/admin.conf "$1"; then
        mkdir -p "$STATE/before${1%/*}"
        cp -a "$1" "$STATE/before$1"
        printf "if [ ! -e '%s' ] && [ -e '%s' ]; then cp -a '%s' '%s'; fi\n" "$1" "$STATE/before$1" "$STATE/before$1" "$1"
    elif [ ! -d "${1%/*}" ]; then
        # Beside it kubectl keeps what it has asked, and no more than that.
        printf "rm -rf '%s/cache' '%s/http-cache'\nrmdir '%s' 2>/dev/null || :\n" "${1%/*}" "${1%/*}" "${1%/*}"
    fi
}
