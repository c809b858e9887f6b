#!/usr/bin/env bash
# The rendered script of a host is valid shell, and run by hand on a bare host it does what `install` does.
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

bare_hosts
"$slipway" render script node3 -c "$cluster" >"$work/script"
sh -n "$work/script"
bash -n "$work/script"
on node3 'cat >/root/install.sh; sh /root/install.sh' <"$work/script" || fail "the script failed"
expect 0 "$slipway" install -c "$cluster" --only node3 --output json
jq -es 'map(select(.event == "finished")) | length > 5 and all(.[]; .outcome == "unchanged")' "$work/out" >/dev/null ||
    fail "install found something that the script had not done: $(jq -rc 'select(.event == "finished" and .outcome != "unchanged")' "$work/out")"
