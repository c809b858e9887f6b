# Takes a proxy away from runtimes, and then the file that told of it. Value: file.
for drop_in in /etc/systemd/system/*.service.d/slipway-proxy.conf; do
    [ -e "$drop_in" ] || continue
    unit=${drop_in%.d/*}
    unit=${unit##*/}
    rm -f "$drop_in"
    rmdir "${drop_in%/*}" 2>/dev/null || :
    systemctl daemon-reload
    systemctl try-restart "$unit"
done
rm -f "$file"
