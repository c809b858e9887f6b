set +e
all=$(find_all | attribute)
left=$(printf '%s\n' "$all" | in_words "$which")
if [ -n "$left" ]; then
    printf '%s\n' "$left"
    die "still here after the reset: $(printf '%s\n' "$left" | wc -l | tr -d ' ') things, listed above"
fi
printf '%s\n' "$all" | awk -F '\t' '$3 == "stays" { printf "stays: %s %s (%s)\n", $1, $5, $4 }'
rm -f "$RUN/owners"
for job in "$RUN"/job.reset.*; do
    if [ -d "$job" ] && flock -n "$job/lock" true; then rm -rf "$job"; fi
done
# The shell that runs these steps makes its directories anew each time.
if [ "$which" = all ]; then
    rm -f "$STATE/checks"
    rmdir "$STATE/undo" "$STATE/before" "$STATE" /var/lib/kubelet 2>/dev/null || :
    : >"$RUN/leaves"
fi
