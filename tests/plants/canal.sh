# canal, of calico's manifests/canal.yaml: calico's policies over flannel's VXLAN. Sent behind calico.sh and flannel.sh, it adds what is
# its own; both others' things are theirs, wherever they come from.
# shellcheck shell=sh
begin canal
file /etc/cni/net.d/10-canal.conflist '{"name":"k8s-pod-network","cniVersion":"0.3.1","plugins":[{"type":"calico"},{"type":"portmap"}]}'
end
