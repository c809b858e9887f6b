# Before the certificate authorities are put in place. Value: wanted (their SHA-256 sums, as sha256sum prints them).
# Other CAs under a control plane that runs would break it beyond repair, and a person's own CA may stand nowhere else.
attempt_reads
if [ -z "$attempt" ]; then
    refuse_foreign 'a cluster is here already, but without all of its certificate authorities'
    foreign=
    for file in /etc/kubernetes/pki/* /etc/kubernetes/pki/etcd/*; do
        [ -f "$file" ] || continue
        sum=$(sha256sum "$file")
        { printf '%s\n' "$wanted" && cat "$STATE/pki" 2>/dev/null || :; } | grep -Fxq -e "$sum" || foreign="$foreign $file"
    done
    [ -z "$foreign" ] || die "slipway did not make$foreign, and would overwrite or mix with it:" \
        'complete the set (ca, front-proxy-ca and etcd/ca as .crt and .key, sa.pub and sa.key) to use it, or move it away'
fi
# What a run that is cut here leaves is known to the next one.
mkdir -p "$STATE"
printf '%s\n' "$wanted" >>"$STATE/pki"
[ -z "$attempt" ] || printf '%s\n' "$ca" >>"$STATE/attempt.ca"
