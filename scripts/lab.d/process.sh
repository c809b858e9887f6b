# shellcheck shell=bash
# Processes that outlive this script, known by number and start time: after a crash or a reboot the number alone may be another's.

# start_time PID: in clock ticks since boot; nothing when there is no such process, or only its corpse.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The second field, the command's name, may itself hold blanks and parentheses.
  # shellcheck disable=SC2086 # the fields
  set -- ${stat##*) }
  [[ $1 == Z ]] || echo "${20}"
}

# remember FILE PID
remember() { echo "$2 $(start_time "$2")" >"$1"; }

# alive FILE: whether the process noted in FILE still runs.
alive() {
  local pid start
  [[ -s $1 ]] && read -r pid start <"$1" && [[ -n $start && $(start_time "$pid") == "$start" ]]
}

# end FILE: kills the process noted in FILE, if it is still the same, and waits until it has gone.
end() {
  local pid _
  if alive "$1"; then
    read -r pid _ <"$1"
    kill -KILL "$pid" 2>/dev/null || true
    for _ in {1..100}; do
      alive "$1" || break
      sleep 0.05
    done
  fi
  rm -f "$1"
}
