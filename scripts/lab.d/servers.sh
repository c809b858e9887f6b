# shellcheck shell=bash
# The two servers that the bridge always has: the package repositories over http, and the image registry. Both only read the cache.

PACKAGES_PORT=8080
PACKAGES_SERVER=http://$BRIDGE_ADDRESS:$PACKAGES_PORT/
PACKAGES_URL=${PACKAGES_SERVER}deb/

# servers_up: starts what does not run, or runs with artifacts of another version. Sets STARTED to what it started.
servers_up() {
  local dir=$STATE/servers name
  STARTED=()
  mkdir -p "$dir/www"
  ln -sfn "$PACKAGES" "$dir/www/deb"
  [[ -z ${RPMS-} ]] || ln -sfn "$RPMS" "$dir/www/rpm"
  for name in packages registry; do
    if alive "$dir/$name.pid" && [[ $(cat "$dir/$name.of" 2>/dev/null) == "$IMAGES" ]]; then continue; fi
    end "$dir/$name.pid"
    "start_$name" "$dir"
    echo "$IMAGES" >"$dir/$name.of"
    STARTED+=("$name")
  done
  await_server packages "$PACKAGES_URL" "$dir"
  await_server registry "http://$REGISTRY/v2/" "$dir"
}

start_packages() {
  server python3 -u -m http.server --bind "$BRIDGE_ADDRESS" --directory "$1/www" "$PACKAGES_PORT" >"$1/packages.log" 2>&1 &
  remember "$1/packages.pid" $!
}

start_registry() {
  write_registry_config "$1/registry.yml" "$IMAGES/storage" "$REGISTRY" true
  server "$IMAGES/docker-registry" serve "$1/registry.yml" >"$1/registry.log" 2>&1 &
  remember "$1/registry.pid" $!
}

# server COMMAND...: becomes COMMAND, detached, in control groups of its own, where `down` finds it even without a pid file.
server() {
  systemd_machine || enter_cgroups servers
  exec setsid "$@" </dev/null 9>&-
}

# await_server NAME URL DIR
await_server() {
  local started=$SECONDS
  until curl -fsS -o /dev/null --max-time 2 "$2" 2>/dev/null; do
    alive "$3/$1.pid" || die "the $1 server ended: $(tail -n 3 "$3/$1.log")"
    ((SECONDS - started < 30)) || die "the $1 server does not answer at $2; its log is $3/$1.log"
    sleep 0.1
  done
}

servers_down() {
  end "$STATE/servers/packages.pid"
  end "$STATE/servers/registry.pid"
  end "$STATE/servers/proxy.pid"
  end_cgroups servers
}
