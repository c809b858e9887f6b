# Refuses to forget a node that lives, under the same name, on another machine. Value: hosts, as NAME=ADDRESS words.
nodes=$(kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.addresses[?(@.type=="InternalIP")].address}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')
for host in $hosts; do
    printf '%s\n' "$nodes" | while read -r name address ready; do
        if [ "$name" = "${host%%=*}" ] && [ "$ready" = True ] && [ "$address" != "${host#*=}" ]; then
            die "the cluster has a Ready node $name at $address, and the host of that name to join is at ${host#*=}"
        fi
    done || exit 1
done
