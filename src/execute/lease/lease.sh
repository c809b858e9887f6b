# One try at the lease of this host. Values: NONCE, run, token, words, limit (seconds), and over: the token of a holder who is known to be
# dead, or nothing. Prints `NONCE taken`, or `NONCE held SECONDS TOKEN WORDS` of who has it, for so long.
take() {
    while :; do
        mkdir -p "$RUN"
        # The directory itself is the lock: whoever leaves the host takes it away, and then there is a new one.
        exec 8<"$RUN"
        flock -w 20 8 || die "the lease of this host is locked: $RUN"
        [ "$(stat -L -c %i /proc/self/fd/8)" != "$(stat -c %i "$RUN" 2>/dev/null)" ] || break
    done
    read -r up rest </proc/uptime
    now=${up%.*} since=${up%.*}
    if { read -r held_by until began held_token && read -r held_words; } 2>/dev/null <"$RUN/lease"; then
        if [ "$held_by" = "$run" ]; then
            since=$began
        elif [ "$until" -gt "$now" ] && [ "$held_token" != "$over" ]; then
            printf '%s held %s %s %s\n' "$NONCE" "$((now - began))" "$held_token" "$held_words"
            return
        fi
    fi
    # Whole or not at all: it may be read without the lock.
    printf '%s %s %s %s\n%s\n' "$run" "$((now + limit))" "$since" "$token" "$words" >"$RUN/lease.new"
    mv -f "$RUN/lease.new" "$RUN/lease"
    printf '%s taken\n' "$NONCE"
}

# Gives it back, if it is ours. What is empty then is nobody's.
give_back() {
    [ -d "$RUN" ] || return 0
    exec 8<"$RUN"
    flock -w 20 8 || return 0
    read -r held_by rest 2>/dev/null <"$RUN/lease" || return 0
    [ "$held_by" != "$run" ] || rm -f "$RUN/lease"
    rmdir "$RUN" 2>/dev/null || :
}
