# Asks a proxy for something as any program would, before anything is told of it. Values: shown (its URL, without a password), host, port,
# tls (whether it is spoken to over TLS), user (the file with USER:PASSWORD, or nothing), request (the first line), target (what for).

# Sets x_line to the first line of the answer: ask_proxy REQUEST TARGET
ask_proxy() {
    # shellcheck disable=SC2016 # the words are the inner shell's
    x_line=$({
        printf '%s\r\nHost: %s\r\nConnection: close\r\n' "$1" "$2"
        [ -z "$user" ] || printf 'Proxy-Authorization: Basic %s\r\n' "$(head -n 1 "$user" | tr -d '\n' | base64 | tr -d '\n')"
        printf '\r\n'
    } | timeout 20 bash -c '
        exec 3<>"/dev/tcp/$0/$1" || exit 9
        [ -z "$2" ] || exit 0
        cat >&3
        IFS= read -r line <&3
        printf "%s\n" "$line"' "$host" "$port" "$tls" 2>"$RUN/proxy.said") && x_code=0 || x_code=$?
    x_line=$(printf '%s' "$x_line" | tr -cd '[:print:]' | cut -c 1-80)
    x_said=$(sed -n 's/.*: //p' "$RUN/proxy.said" | tail -n 1)
    rm -f "$RUN/proxy.said"
    case $x_code in
    9) die "this host does not reach the proxy $shown: ${x_said:-no connection}" ;;
    124) die "this host does not reach the proxy $shown: no answer in 20 s" ;;
    esac
}

proxy_answers() {
    # Every supported system has bash, and not every one has curl.
    have bash || {
        say "there is no bash here: the proxy $shown is not tried"
        return 0
    }
    ask_proxy "$request" "$target"
    [ -z "$tls" ] || return 0
    # That may be the place's own answer; or the proxy's, which then says it of a place that is nowhere.
    case ${x_line#HTTP/* } in 401*)
        x_first=$x_line
        ask_proxy 'HEAD http://slipway.invalid/ HTTP/1.1' slipway.invalid
        case ${x_line#HTTP/* } in 401*) x_line='HTTP/1.1 407 Unauthorized' ;; *) x_line=$x_first ;; esac
        ;;
    esac
    case ${x_line#HTTP/* } in
    407*)
        [ -n "$user" ] || die "the proxy $shown wants a user and a password (407): write them as http = \"http://USER@HOST:PORT\" and password_file under [proxy]"
        die "the proxy $shown does not take the user or the password (${x_line#HTTP/* })"
        ;;
    [23]* | 404*) ;;
    [0-9]*) say "the proxy $shown says for $target: ${x_line#HTTP/* }" ;;
    *) die "what answers at $shown is no HTTP proxy: it said ${x_line:-nothing}" ;;
    esac
}
