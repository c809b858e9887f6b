# Prints a file with the mirror that was named before ($old) taken out again, if it is not the wanted one ($want): without_old FILE
without_old() {
    if [ -z "$old" ] || [ "$old" = "$want" ]; then
        cat "$1"
        return 0
    fi
    awk -v old="$old/" '{
        line = ""
        while ((at = index($0, old)) > 0) {
            line = line substr($0, 1, at - 1) "http://mirror.invalid/"
            $0 = substr($0, at + length(old))
        }
        print line $0
    }' "$1"
}
