# What keeps a node from being cleared: a service that does not stop, processes of pods, mounts. Functions that end it, each within a time
# of its own, whatever hangs.

# Stops a unit; one that does not hear is killed: stop_unit UNIT SECONDS
stop_unit() {
    timeout -k 2 "$2" systemctl stop "$1" 2>/dev/null && return 0
    timeout -k 2 10 systemctl kill -s KILL "$1" 2>/dev/null
    timeout -k 2 10 systemctl stop "$1" 2>/dev/null
}

# Ends the pods' processes and those that hold them, without any runtime. A process in a frozen control group would not hear it.
end_pod_processes() {
    find /sys/fs/cgroup/freezer/kubepods* -name freezer.state 2>/dev/null | sort | while read -r e_file; do
        echo THAWED 2>/dev/null >"$e_file"
    done
    # What starts others meanwhile is met again.
    e_tries=0
    while [ "$e_tries" -lt 20 ]; do
        e_tries=$((e_tries + 1))
        # The pods' first: they would outlive the process that holds them.
        e_processes=$(pod_processes && pod_holders)
        [ -n "$e_processes" ] || return 0
        for e_process in $e_processes; do
            kill -s KILL "$e_process" 2>/dev/null
        done
        sleep 0.3
    done
    say "not even SIGKILL ends these, which wait in the kernel for a disk or a server: $(one_line "$e_processes")"
}

# Takes away a mount and all below it, by the name that the kernel has for it: nothing looks at what is mounted there, which may hang,
# and nobody is asked to let it go. Not all hosts' umount knows all of these options: unmount DIRECTORY
unmount() {
    timeout -k 2 10 umount -c -i -l "$1" 2>/dev/null || timeout -k 2 10 umount -l "$1"
}

# Unmounts all that left_mounts lists, from outside in, so that the way to a mount does not lead through one that hangs. What cannot be
# unmounted stays in that list, and nothing is deleted through it.
unmount_left() {
    u_fuse=$(fuse_below)
    u_end=$(($(uptime_seconds) + 90)) u_before=
    while u_left=$(left_mounts | awk '{ print length($0) "\t" $0 }' | sort -n | cut -f 2-) && [ "$u_left" != "$u_before" ]; do
        u_before=$u_left
        # What lies below another one goes with it, if that goes.
        printf '%s\n' "$u_left" | awk '{ for (i = 1; i <= n; i++) if (index($0, outer[i] "/") == 1) next; outer[++n] = $0; print }' | while read -r u_mount; do
            [ "$(uptime_seconds)" -lt "$u_end" ] || break
            unmount "$u_mount"
        done
    done
    [ -z "$u_left" ] || say "not unmounted: $(one_line "$u_left")"
    # Processes may hang on a FUSE file system whose own process does not answer, and would for ever. One that is mounted elsewhere too is
    # somebody's.
    for u_number in $u_fuse; do
        awk -v device="0:$u_number" '$3 == device { found = 1 } END { exit !found }' /proc/self/mountinfo && continue
        u_connection=/sys/fs/fuse/connections/$u_number
        [ "$(cat "$u_connection/waiting" 2>/dev/null || echo 0)" = 0 ] || echo 1 >"$u_connection/abort"
    done
}

