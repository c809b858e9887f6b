# Of ranges of ports, one a line on standard input (6443/tcp, 2379-2380/tcp or 2379:2380/tcp), prints those that have a port in common
# with another. Exit 0 when they hold all of it, one of them or several together: sharing RANGE
sharing() {
    awk -v wanted="$1" '
        function read_range(text, half, end) {
            split(text, half, "/")
            protocol = half[2]
            low = high = half[1]
            if (split(half[1], end, /[-:]/) == 2) { low = end[1]; high = end[2] }
            low += 0
            high += 0
        }
        BEGIN { read_range(wanted); missing = low; until = high; kind = protocol }
        /^[0-9]+([-:][0-9]+)?\/[a-z]+$/ {
            read_range($0)
            if (protocol == kind && low <= until && high >= missing) {
                print
                count++
                first[count] = low
                last[count] = high
            }
        }
        END {
            do {
                grown = 0
                for (each = 1; each <= count; each++)
                    if (first[each] <= missing && last[each] >= missing) { missing = last[each] + 1; grown = 1 }
            } while (grown && missing <= until)
            exit (missing <= until)
        }'
}
