# What is here, a line each: kind, owner, fate, sign and the thing itself.
left_as() {
    while IFS= read -r i_line; do
        [ -z "$i_line" ] || printf '%s left\t%s\t%s\t%s\t%s\t%s\n' "$NONCE" "$1" "$2" "$3" "$4" "$i_line"
    done
}
left_kubelet | left_as file kubelet goes 'its place'
left_enabled | left_as unit kubelet goes 'its name'
left_containers | left_as pod 'the runtime' goes 'namespace k8s.io'
left_mounts | left_as mount kubelet goes 'below its directory'
left_links | left_as link CNI goes 'its name'
left_routes | left_as route CNI goes 'its protocol'
left_rules | left_as rule kube-proxy goes 'its chain'
left_namespaces | left_as netns CNI goes 'its name'
left_files | left_as file Kubernetes goes 'its place'
left_undo but-install | left_as undo-note slipway goes 'its place'
left_undo all | grep -- '-install\.' | left_as undo-note "slipway's install" purge 'its place'
printf '%s left-end\n' "$NONCE"
