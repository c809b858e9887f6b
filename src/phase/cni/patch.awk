# One change to a manifest, told by the environment: find or after, and text. Exits 1 if nothing was changed.
{
    if (ENVIRON["find"] != "" && match($0, ENVIRON["find"])) {
        $0 = substr($0, 1, RSTART - 1) ENVIRON["text"] substr($0, RSTART + RLENGTH)
        changed = 1
    }
    print
    line = $0
    sub(/^[ \t]+/, "", line)
    if (ENVIRON["after"] != "" && line == ENVIRON["after"]) {
        indent = substr($0, 1, length($0) - length(line))
        n = split(ENVIRON["text"], added, "\n")
        for (i = 1; i <= n; i++) print indent added[i]
        changed = 1
    }
}
END { exit !changed }
