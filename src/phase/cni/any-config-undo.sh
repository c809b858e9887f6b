before=/var/lib/slipway/cni/before
if [ -e "$before" ]; then
    for file in /etc/cni/net.d/*; do
        [ ! -f "$file" ] || grep -Fxq -e "$file" "$before" || rm -f "$file"
    done
    rm -f "$before"
fi
