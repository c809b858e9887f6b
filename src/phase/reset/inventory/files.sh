# Files, control groups and units.

# An empty directory is nothing. Directories are not entered, so that nothing hangs on what is mounted there: find_files_of KIND
find_files_of() {
    rows "$1" | while IFS='	' read -r f_owner f_weight f_ere f_glob; do
        for f_file in $f_glob; do
            is_there "$f_file" || continue
            found file "$f_owner" "$f_weight" goes "path $f_glob" "$f_file"
        done
    done
}

# Whether there is a file, or a directory that is not empty.
is_there() {
    [ -h "$1" ] && return 0
    [ -e "$1" ] || return 1
    [ -d "$1" ] || return 0
    for f_inner in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        # What matches nothing stands for itself. Nothing looks at what it is: something that hangs may be mounted there.
        case $f_inner in "$1/*" | "$1/.[!.]*" | "$1/..?*") ;; *) return 0 ;; esac
    done
    return 1
}

find_files() {
    find_files_of file
    find_files_of emptied-directory
    find_renamed
    find_lines
    find_plugin_state
    for f_file in "$STATE/attempt" "$STATE/attempt.ca" "$STATE/settings" "$STATE/verified" "$STATE/cni" "$RUN/kubeadm.yaml"; do
        ! is_there "$f_file" || found file slipway 0 goes "slipway's own" "$f_file"
    done
    left_jobs | while read -r f_file; do
        found file slipway 0 goes 'the output of a step' "$f_file"
    done
    find_cgroups
    find_units
}

find_renamed() {
    rows renamed | while IFS='	' read -r f_owner f_weight f_ere f_glob; do
        for f_file in $f_glob; do
            [ ! -e "$f_file" ] || found renamed "$f_owner" "$f_weight" goes "name $f_glob" "$f_file"
        done
    done
}

find_lines() {
    rows line | while IFS='	' read -r f_owner f_weight f_ere f_file; do
        [ -f "$f_file" ] || continue
        grep -Ex -e "$f_ere" "$f_file" | while read -r f_line; do
            found line "$f_owner" "$f_weight" goes "line $f_ere" "$f_file $f_line"
        done
    done
}

# What lies beside a cluster's files and is not known to be one of them: it stays. A package's files are the package's.
find_kept_files() {
    f_known=$(globs file)
    f_kept=$(globs kept-file | while read -r f_glob; do
        for f_file in $f_glob; do
            if is_there "$f_file" && ! is_one_of "$f_file" "$f_known"; then printf '%s\n' "$f_file"; fi
        done
    done)
    [ -n "$f_kept" ] || return 0
    {
        # shellcheck disable=SC2086 # a name with a blank is looked for in vain, and listed
        packaged $f_kept
        printf '%s\n' "$f_kept"
    } | awk -F '\t' '
        NF == 2 { packaged[$2] = 1; next }
        !($0 in packaged) { print "file\tnobody known\t0\tstays\tmay be somebody else\047s\t" $0 }'
}

# Those of these files that are a package's, `PACKAGE FILE` with a tab between.
packaged() {
    if have dpkg-query; then
        dpkg-query -S "$@" 2>/dev/null | sed 's/: /	/'
    elif have rpm; then
        for f_file do
            if f_package=$(rpm -qf "$f_file" 2>/dev/null); then printf '%s\t%s\n' "$f_package" "$f_file"; fi
        done
    fi
}

# is_one_of FILE GLOBS: whether one of these, a line each, matches.
is_one_of() {
    f_ifs=$IFS
    IFS='
'
    set -f
    f_is=1
    for f_one in $2; do
        # shellcheck disable=SC2254 # it is a pattern
        case $1 in $f_one) f_is=0 ;; esac
    done
    set +f
    IFS=$f_ifs
    return "$f_is"
}

# What the CNI plugins keep for our networks. Podman keeps that of its own beside it.
find_plugin_state() {
    rows network | while IFS='	' read -r f_owner f_weight f_ere f_network; do
        for f_file in /var/lib/cni/networks/"$f_network" /var/lib/cni/results/"$f_network"-* /var/lib/cni/cache/results/"$f_network"-*; do
            [ -e "$f_file" ] || continue
            # NETWORK-CONTAINER-INTERFACE, and the name of another network may begin with that of ours.
            case $f_file in */results/*)
                printf '%s\n' "${f_file##*/results/"$f_network"-}" | grep -Eq '^[0-9a-f]{64}-' || continue
                ;;
            esac
            found file "$f_owner" "$f_weight" goes "network $f_network" "$f_file"
        done
    done
}

# Networks of others that the CNI plugins keep something for.
others_networks() {
    for f_file in /var/lib/cni/networks/*; do
        [ -d "$f_file" ] || continue
        globs network | grep -Fxq -e "${f_file##*/}" || printf '%s\n' "${f_file##*/}"
    done
}

# What detached steps left whose program nobody runs any more: it may hold a token.
left_jobs() {
    for f_job in "$RUN"/job.*; do
        [ -d "$f_job" ] || continue
        # The reset's own are the audit's to take: they hold no token, and one of them is asking.
        case $f_job in */job.reset.*) continue ;; esac
        ! flock -n "$f_job/lock" true 2>/dev/null || printf '%s\n' "$f_job"
    done
}

# In every hierarchy of version 1, and in version 2.
find_cgroups() {
    rows cgroup | while IFS='	' read -r f_owner f_weight f_ere f_name; do
        for f_group in /sys/fs/cgroup/"$f_name" /sys/fs/cgroup/*/"$f_name"; do
            # In version 2 a directory below the root is somebody's group, and what is in it a system container's.
            [ "$f_group" = "/sys/fs/cgroup/$f_name" ] || [ ! -e /sys/fs/cgroup/cgroup.controllers ] || continue
            # The same hierarchy by another name
            [ -h "${f_group%/*}" ] || [ ! -d "$f_group" ] || [ ! -e "$f_group/cgroup.procs" ] ||
                found cgroup "$f_owner" "$f_weight" goes "name $f_name" "$f_group"
        done
    done
}

# A unit that runs or will run again. Its file is its package's.
find_units() {
    rows unit | while IFS='	' read -r f_owner f_weight f_ere f_unit; do
        if systemctl is-active --quiet "$f_unit" 2>/dev/null; then
            found unit "$f_owner" "$f_weight" goes 'it runs' "$f_unit"
        elif systemctl is-enabled --quiet "$f_unit" 2>/dev/null; then
            found unit "$f_owner" "$f_weight" goes 'it starts at boot' "$f_unit"
        fi
    done
}
