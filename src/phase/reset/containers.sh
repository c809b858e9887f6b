set +e
if have containerd && ! timeout 20 ctr version >/dev/null 2>&1; then
    timeout 60 systemctl restart containerd 2>/dev/null || say 'containerd does not start: its pods are ended without it'
fi
if timeout 20 ctr version >/dev/null 2>&1; then
    # The CRI first: it lets the CNI plugins clean up behind each pod.
    ! have crictl || timeout 120 crictl -r unix:///run/containerd/containerd.sock -t 20s rmp -f -a >/dev/null 2>&1
    for task in $(timeout 20 ctr -n k8s.io tasks ls -q 2>/dev/null); do
        timeout 20 ctr -n k8s.io tasks kill -a -s SIGKILL "$task"
        timeout 20 ctr -n k8s.io tasks rm -f "$task"
    done
    for container in $(timeout 20 ctr -n k8s.io containers ls -q 2>/dev/null); do
        timeout 20 ctr -n k8s.io containers rm "$container"
    done
fi
# What still lives has no containerd that knows it: the pods' processes first, since they would outlive their shim.
for shim in $(shims); do
    for status in /proc/[0-9]*/status; do
        if grep -q "^PPid:[[:space:]]*$shim\$" "$status" 2>/dev/null; then
            status=${status%/status}
            kill -9 "${status#/proc/}" 2>/dev/null
        fi
    done
    kill -9 "$shim" 2>/dev/null
done
tries=0
while [ -n "$(shims)" ] && [ "$tries" -lt 30 ]; do
    tries=$((tries + 1))
    sleep 0.3
done
:
