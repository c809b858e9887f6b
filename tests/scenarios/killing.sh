# What the scenarios that kill have in common. Sourced, behind lib.sh.
# shellcheck shell=bash disable=SC2154

# How many events of this kind the run under way, or the last, has of steps whose paths begin so, with these words in this field. What is no
# JSON, or not all of a line yet, is none: said_in STEP EVENT FIELD WORDS
said_in() {
    jq -Rn --arg step "$1" --arg event "$2" --arg field "$3" --arg words "$4" '
        [inputs | (fromjson | select(.event == $event and (.step | startswith($step)) and (.[$field] | contains($words))))?] | length' "$work/events"
}

# How often that run has said that it lost the connection in such a step, before anybody saw the end of it: losses_in STEP
losses_in() { said_in "$1" retrying because 'the connection was lost'; }

# Runs a command and ends it with SIGKILL so many seconds after a step has begun: killed_at STEP SECONDS COMMAND...
# False if the step was done before: on a quick host, what an earlier run has begun may be.
killed_at() {
    local step=$1 pause=$2 pid deadline=$((SECONDS + 200))
    shift 2
    # Of an earlier run nothing is to be read, however late the shell in the background gets to it.
    : >"$work/events"
    "$@" -c "$cluster" --output json >"$work/events" 2>&1 </dev/null &
    pid=$!
    until grep -q "\"event\":\"started\".*\"step\":\"$step\"" "$work/events"; do
        if grep -q "\"event\":\"finished\".*\"outcome\":\"unchanged\".*\"step\":\"$step\"" "$work/events"; then
            kill -KILL "$pid" 2>/dev/null || :
            wait "$pid" 2>/dev/null || :
            say "$step was done by then"
            return 1
        fi
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$pid" 2>/dev/null; then
            tail -n 5 "$work/events"
            fail "$step never started"
        fi
        sleep 0.05
    done
    sleep "$pause"
    kill -KILL "$pid" || {
        tail -n 5 "$work/events"
        fail "slipway ended by itself $pause s into $step"
    }
    wait "$pid" 2>/dev/null || :
    say "killed $pause s into $step"
}

# Ends what detached steps are under way on a host, as a restart of the host would: end_jobs NODE
end_jobs() {
    on "$1" sh -s <<'JOBS'
for job in /run/slipway/job.*; do
    [ ! -s "$job/pid" ] || kill -s KILL -- "-$(cat "$job/pid")" 2>/dev/null || :
done
sleep 0.5
JOBS
}
