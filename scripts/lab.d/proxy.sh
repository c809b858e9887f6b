# shellcheck shell=bash
# A proxy on the bridge that wants a user and a password, for tests of hosts that have no other way out. It runs only when asked for.

PROXY=$BRIDGE_ADDRESS:3128
PROXY_USER=slipway

# proxy FILE|off: starts the proxy with the password in the first line of FILE, anew if it runs; or ends it. Prints its URL and its log.
proxy() {
  local dir=$STATE/servers
  (($# == 1)) || die "proxy: which password? Name the file that holds it, or say off"
  begin
  end "$dir/proxy.pid"
  [[ $1 != off ]] || return 0
  [[ -s $1 ]] || die "proxy: there is no password in '$1'"
  [[ -d $STATE/hosts ]] || die "there is no lab to have a proxy for: scripts/lab up"
  artifact tinyproxy build_tinyproxy 1
  mkdir -p "$dir"
  : >"$dir/proxy.log"
  (umask 077 && write_proxy_config "$dir/proxy.log" "$1" >"$dir/proxy.conf")
  server "$ARTIFACT/tinyproxy" -d -c "$dir/proxy.conf" >"$dir/proxy.out" 2>&1 &
  remember "$dir/proxy.pid" $!
  local started=$SECONDS
  # It is up when it refuses who has no password.
  until [[ $(curl -sS -o /dev/null -w '%{http_code}' --max-time 2 -x "http://$PROXY" "$PACKAGES_URL" 2>/dev/null) == 407 ]]; do
    alive "$dir/proxy.pid" || die "the proxy ended: $(tail -n 3 "$dir/proxy.out" "$dir/proxy.log")"
    ((SECONDS - started < 10)) || die "the proxy does not answer at $PROXY; its log is $dir/proxy.log"
    sleep 0.1
  done
  printf 'http://%s@%s\n%s\n' "$PROXY_USER" "$PROXY" "$dir/proxy.log"
}

# Out of its package, of which nothing is installed: its maintainer scripts would start a service.
build_tinyproxy() {
  fetch_and_unpack "$1/debian" tinyproxy-bin
  mv "$1/debian/usr/bin/tinyproxy" "$1/"
  rm -rf "$1/debian"
}

# write_proxy_config LOG PASSWORD-FILE
write_proxy_config() {
  printf 'Listen %s\nPort %s\n' "$BRIDGE_ADDRESS" "${PROXY#*:}"
  printf 'Timeout 600\nMaxClients 100\nLogFile "%s"\nLogLevel Connect\nDisableViaHeader Yes\n' "$1"
  printf 'BasicAuth %s %s\n' "$PROXY_USER" "$(head -n 1 "$2")"
}
