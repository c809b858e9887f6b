set +e
one=
case $(rm --help 2>&1) in *--one-file-system*) one=--one-file-system ;; esac
refused=$RUN/refused
rm -f "$refused"

# Deleting through a mount would delete somebody's data, and one from the same disk is no other file system.
delete() {
    for d_file do
        # Of a link, the link goes, and nothing of where it leads.
        if [ -h "$d_file" ]; then
            rm -f "$d_file"
            continue
        fi
        d_mounts=$(mounts_below "$d_file")
        if is_mount_point "$d_file"; then
            say "still mounted, and not deleted: $d_file"
            : >"$refused"
            continue
        fi
        if [ -z "$d_mounts" ]; then
            remove "$d_file"
            continue
        fi
        say "still mounted, and not deleted: $(printf '%s\n' "$d_mounts" | tr '\n' ' ')"
        : >"$refused"
        if d_file=$(timeout -k 1 5 readlink -f "$d_file"); then delete_beside "$d_file"; fi
    done
}

# What lies in a directory, but for mounts and the way to them. Value: d_mounts.
delete_beside() {
    for d_file in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        ! printf '%s\n' "$d_mounts" | grep -Fxq -e "$d_file" || continue
        if printf '%s\n' "$d_mounts" | above=$d_file awk 'index($0, ENVIRON["above"] "/") == 1 { found = 1 } END { exit !found }'; then
            delete_beside "$d_file"
        elif [ -e "$d_file" ] || [ -h "$d_file" ]; then
            remove "$d_file"
        fi
    done
}

remove() {
    # shellcheck disable=SC2086 # the option is there or not
    timeout -k 2 300 rm -rf $one "$1"
}

# Deletes the files on standard input, a line each, many at once; what a disk of its own is mounted at stays, empty, if it is said so:
# delete_all [disks-stay]
delete_all() {
    d_disks=${1-} d_some='' d_count=0
    while IFS= read -r d_name; do
        d_some="$d_some$d_name
" d_count=$((d_count + 1))
        [ "$d_count" -lt 200 ] || { delete_some && d_some='' d_count=0; }
    done
    [ -z "$d_some" ] || delete_some
}

# Those in d_some: together where nothing is mounted, and else each by `delete`.
delete_some() {
    d_ifs=$IFS
    IFS='
'
    set -f
    # shellcheck disable=SC2086 # a file a line
    set -- $d_some
    d_mounted=$(with_mounts "$@")
    case "
$d_mounted" in
    *'
.') d_mounted=${d_mounted%.} ;;
    # Not read to its end, it says nothing of what is mounted.
    *) d_mounted=$d_some ;;
    esac
    if [ -n "$d_mounted" ]; then
        # shellcheck disable=SC2046 # a file a line
        set -- $(printf '%s' "$d_some" | grep -Fxv -e "${d_mounted%?}")
    fi
    set +f
    IFS=$d_ifs
    [ "$#" = 0 ] || timeout -k 2 120 rm -rf $one "$@" || for file in "$@"; do
        # One of them does not let go: the others do.
        [ ! -e "$file" ] && [ ! -h "$file" ] || timeout -k 2 20 rm -rf $one "$file"
    done
    printf '%s' "$d_mounted" | while IFS= read -r file; do
        if [ -n "$d_disks" ] && [ -d "$file" ] && [ ! -h "$file" ] && is_mount_point "$file"; then
            for inner in "$file"/* "$file"/.[!.]*; do
                if [ -e "$inner" ] || [ -h "$inner" ]; then delete "$inner"; fi
            done
        else
            delete "$file"
        fi
    done
    :
}

# Those that are there of what a glob stands for: matching GLOB. A name that is no line is dealt with at once.
matching() {
    for file in $1; do
        [ -e "$file" ] || [ -h "$file" ] || continue
        case $file in
        *'
'*) delete "$file" >&2 ;;
        *) printf '%s\n' "$file" ;;
        esac
    done
}

find_units | what_of unit | while read -r unit; do
    [ "$unit" = kubelet.service ] || timeout 30 systemctl disable -q --now "$unit" 2>/dev/null
done
# What the CNI's own manifest brought is known by a list in $STATE/cni, which goes below: its undo comes before the others'.
printf '%s\n' "$STATE"/undo/????-cni.ready.sh "$STATE"/undo/????-cni.ready.????????.sh | sort -r | while read -r entry; do
    if [ -e "$entry" ] && timeout 60 sh "$entry"; then rm -f "$entry"; fi
done
# Names come back before files are deleted: what gets its name back may be a cluster's own.
find_renamed | what_of renamed | while read -r file; do
    rows renamed | cut -f 4 | while read -r glob; do
        # shellcheck disable=SC2254 # it is a pattern
        case $file in $glob) [ -e "${file%"${glob##*\*}"}" ] || mv "$file" "${file%"${glob##*\*}"}" ;; esac
    done
done
# These are disks of their own or links to one on some hosts: that is not ours to change, so only what is in them goes.
globs emptied-directory | while read -r directory; do
    matching "$directory/*"
    matching "$directory/.[!.]*"
done | delete_all
globs emptied-directory | while read -r directory; do
    # The kubelet's package has its own, and needs it again.
    [ "$directory" = /var/lib/kubelet ] || rmdir "$directory" 2>/dev/null
done
{
    globs file
    printf '%s\n' "$STATE/attempt" "$STATE/attempt.ca" "$STATE/settings" "$STATE/verified" "$STATE/cni" "$RUN/kubeadm.yaml" "$RUN/kube"
} | while read -r glob; do
    matching "$glob"
done | delete_all disks-stay
{
    find_plugin_state | what_of file
    left_jobs
} | delete_all
rows line | while IFS='	' read -r owner weight line file; do
    if grep -Exqs -e "$line" "$file"; then
        grep -Evx -e "$line" "$file" >"$RUN/lines"
        # In place: the file keeps its mode and owner. A copy that was cut short by a full disk is none.
        if [ "$(($(grep -Ecx -e "$line" "$file") + $(wc -l <"$RUN/lines")))" = "$(wc -l <"$file")" ]; then cat "$RUN/lines" >"$file"; fi
        rm -f "$RUN/lines"
    fi
done
find_cgroups | what_of cgroup | while read -r group; do
    case $group in *.slice) timeout 30 systemctl stop "${group##*/}" 2>/dev/null ;; esac
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
done
rmdir /var/lib/cni/networks /var/lib/cni/results /var/lib/cni/cache/results /var/lib/cni/cache /var/lib/cni /etc/kubernetes 2>/dev/null
# The kubelet makes these for drivers of volumes, kube-ovn the last one.
rmdir -p /usr/libexec/kubernetes/kubelet-plugins/volume/exec 2>/dev/null
rmdir /etc/origin /var/lib/etcd 2>/dev/null
find_kept_files | cut -f 6 | while read -r file; do
    say "kept: $file"
done
systemctl daemon-reload 2>/dev/null
if [ -e "$refused" ]; then
    rm -f "$refused"
    die 'not all files are deleted: something is still mounted below them, see above'
fi
:
