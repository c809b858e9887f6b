# shellcheck shell=bash
# What the lab tells its user: short lines on stderr, so that stdout stays free for data (ssh-config, status).

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
  printf 'lab: error: %s\n' "$*" >&2
  exit 1
}

# watched LOG COMMAND...: runs COMMAND with its output in LOG. Every few seconds, while it runs, a line says how long it has
# been running and what it wrote last: a build that takes minutes in silence looks like one that hangs.
watched() {
  local log=$1 started=$SECONDS status=0
  shift
  # A process group of its own, so that Ctrl-C here ends all of a build and not just the shell that started it.
  set -m
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  WATCHED=$!
  set +m
  trap 'kill -TERM -- "-$WATCHED" 2>/dev/null' EXIT
  while kill -0 "$WATCHED" 2>/dev/null; do
    # A short nap at first, so that quick commands stay quick.
    if ((SECONDS - started < 10)); then
      sleep 0.2
      continue
    fi
    say "  $((SECONDS - started)) s: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-110)"
    nap "$WATCHED" 15
  done
  wait "$WATCHED" || status=$?
  trap - EXIT
  if ((status != 0)); then
    tail -n 25 "$log" >&2
    die "'$*' failed with status $status; the whole log is $log"
  fi
}

# nap PID SECONDS: sleeps, but not longer than PID lives.
nap() {
  local end=$((SECONDS + $2))
  while ((SECONDS < end)) && kill -0 "$1" 2>/dev/null; do sleep 0.5; done
}
