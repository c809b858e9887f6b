# The ledger in reverse, each entry gone when it has been undone. Value: which.
set +e
left_undo "$which" | sort -r | while read -r entry; do
    if timeout -k 10 900 sh "$entry"; then
        rm -f "$entry"
    else
        say "${entry##*/} failed; it stays in the ledger"
    fi
done
# Of units whose package has gone.
systemctl daemon-reload 2>/dev/null
if [ "$which" = all ] && [ -z "$(left_undo all)" ]; then
    rm -rf "$STATE/undo" "$STATE/before" "$STATE/verified" "$STATE/cni" "$STATE/checks"
    rmdir "$STATE" 2>/dev/null
fi
:
