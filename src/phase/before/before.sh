# Each prints the shell that puts something back as it is now. Values: sysctls, directories, locks, units, a line each.

keep_units() {
    printf '%s\n' "$units" | while read -r b_unit; do
        systemctl is-active -q "$b_unit" 2>/dev/null || printf "[ -n \"\$(systemctl show -p RequiredBy,BoundBy --value '%s' | tr -d '\\\\n')\" ] || systemctl stop -q '%s' 2>/dev/null || :\n" "$b_unit" "$b_unit"
    done
}

# Whoever holds one keeps it.
keep_locks() {
    printf '%s\n' "$locks" | while read -r b_lock; do
        [ -e "$b_lock" ] || printf "if [ -f '%s' ] && [ ! -s '%s' ]; then flock -n '%s' rm -f '%s'; fi\n" "$b_lock" "$b_lock" "$b_lock" "$b_lock"
    done
}

# What can not be read is not there now, or nobody's to change.
keep_sysctls() {
    printf '%s\n' "$sysctls" | while read -r b_name; do
        b_path=/proc/sys/$(printf '%s' "$b_name" | tr . /)
        b_value=$(cat "$b_path" 2>/dev/null) || continue
        [ -n "$b_value" ] || continue
        printf "{ [ \"\$(cat '%s')\" = '%s' ] || echo '%s' >'%s'; } 2>/dev/null || :\n" "$b_path" "$b_value" "$b_value" "$b_path"
    done
}

# A link to a directory elsewhere is left alone, and what is in it as well.
keep_directories() {
    b_gone=
    while read -r b_directory; do
        if [ -d "$b_directory" ] && [ ! -h "$b_directory" ]; then
            b_is=$(stat -c '%U:%G %a' "$b_directory")
            printf "{ [ -d '%s' ] || mkdir '%s'; } && chown '%s' '%s' && chmod %s '%s' || :\n" \
                "$b_directory" "$b_directory" "${b_is% *}" "$b_directory" "${b_is#* }" "$b_directory"
        elif [ ! -e "$b_directory" ] && [ ! -h "$b_directory" ]; then
            b_gone=$(printf "rmdir '%s' 2>/dev/null || :\n%s" "$b_directory" "$b_gone")
        fi
    done <<B_END
$directories
B_END
    [ -z "$b_gone" ] || printf '%s\n' "$b_gone"
}

