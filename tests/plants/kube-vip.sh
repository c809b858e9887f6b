# kube-vip, 0.4 to 1.2: pkg/vip/{address,egress}.go, its manifest as `kube-vip manifest pod` writes it (cmd, pkg/kubevip).
# shellcheck shell=sh disable=SC2154
begin kube-vip
file /etc/kubernetes/manifests/kube-vip.yaml
cat >/etc/kubernetes/manifests/kube-vip.yaml <<MANIFEST
apiVersion: v1
kind: Pod
metadata:
  name: kube-vip
  namespace: kube-system
spec:
  containers:
  - args:
    - manager
    env:
    - name: vip_arp
      value: "true"
    - name: port
      value: "6443"
    - name: vip_interface
      value: $(node_link)
    - name: address
      value: 192.168.77.240
    image: ghcr.io/kube-vip/kube-vip:v0.8.9
    name: kube-vip
  hostNetwork: true
MANIFEST
ip addr add 192.168.77.240/32 dev "$(node_link)"
rules iptables <<'RULES'
*mangle
:KUBE-VIP-EGRESS - [0:0]
-A PREROUTING -m comment --comment "a3ViZS12aXAK=kube-vip-kube-system" -j KUBE-VIP-EGRESS
-A KUBE-VIP-EGRESS -d 10.0.0.0/16 -m comment --comment "a3ViZS12aXAK=kube-vip-kube-system" -j RETURN
-A KUBE-VIP-EGRESS -s 10.0.1.7/32 -m comment --comment "a3ViZS12aXAK=kube-vip-kube-system" -j MARK --set-xmark 0x40/0x40
COMMIT
*nat
-A POSTROUTING -s 10.0.1.7/32 -m mark --mark 0x40/0x40 -m comment --comment "a3ViZS12aXAK=kube-vip-kube-system" -j SNAT --to-source 192.168.77.240
COMMIT
RULES
end
