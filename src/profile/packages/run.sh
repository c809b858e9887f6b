# pkg_run ARGUMENT...: the package manager, when nobody holds its locks and what an interrupted run has left is mended. Its output is
# shown as it comes, and kept for whoever wants to know why it failed.
# What an earlier call has said does not explain this one.
: >"$RUN/packages.out"
echo 1 >"$RUN/packages.status"
pkg_end=$(($(date +%s) + 300))
while :; do
    pkg_wait
    pkg_mend
    {
        pkg_call "$@" && pkg_status=0 || pkg_status=$?
        echo "$pkg_status" >"$RUN/packages.status"
    } 2>&1 | tee "$RUN/packages.out"
    pkg_status=$(cat "$RUN/packages.status")
    if [ "$pkg_status" = 0 ] || ! pkg_locked; then return "$pkg_status"; fi
    # Somebody came in between. Who it is will be said, if it stays.
    [ "$(date +%s)" -lt "$pkg_end" ] || return "$pkg_status"
    sleep 1
done
