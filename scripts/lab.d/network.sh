# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# One bridge for hosts and servers, a network namespace a host, and one NAT rule, so that hosts reach what the machine reaches.

BRIDGE=slipway0
SUBNET=192.168.77
BRIDGE_ADDRESS=$SUBNET.1
# All hosts that may ever exist have their name in every host's /etc/hosts, so that adding one later changes no running host.
MAX_NODES=60

# node_network NODE: `bridge`, this one, or `vagrant` (see vagrant.sh).
# shellcheck disable=SC2034 # the command line is checked against it
NETWORK_NAMES='bridge vagrant'
node_network() { cat "$STATE/keys/$1/network" 2>/dev/null || echo bridge; }

# host_address NODE: the address by which hosts reach it.
host_address() {
  if [[ $(node_network "$1") == vagrant ]]; then
    echo "$VAGRANT_SUBNET.$((10 + ${1#node}))"
  else
    echo "$SUBNET.$((10 + ${1#node}))"
  fi
}

# host_way NODE: address and port by which this machine reaches its sshd.
host_way() {
  if [[ $(node_network "$1") == vagrant ]]; then echo "127.0.0.1 $(vagrant_port "$1")"; else echo "$(host_address "$1") 22"; fi
}

host_netns() { echo "slipway-$1"; }

# The comment by which `down` finds the lab's rules and nothing else.
MARK=(-m comment --comment slipway-lab)

# add_rule TABLE CHAIN RULE...: in front, once.
add_rule() {
  local table=$1 chain=$2
  shift 2
  iptables -w -t "$table" -C "$chain" "$@" "${MARK[@]}" 2>/dev/null || iptables -w -t "$table" -I "$chain" "$@" "${MARK[@]}"
}

bridge_up() {
  if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
    ip link add "$BRIDGE" type bridge
  fi
  ip addr replace "$BRIDGE_ADDRESS/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up

  [[ $(sysctl -n net.ipv4.ip_forward) == 1 ]] || sysctl -qw net.ipv4.ip_forward=1
  add_rule nat POSTROUTING -s "$SUBNET.0/24" ! -o "$BRIDGE" -j MASQUERADE
  # Only a machine that drops forwarded packets by default (one with Docker, say) needs these.
  if iptables -w -S FORWARD | grep -q '^-P FORWARD DROP'; then
    add_rule filter FORWARD -i "$BRIDGE" -j ACCEPT
    add_rule filter FORWARD -o "$BRIDGE" -j ACCEPT
  fi
}

bridge_down() {
  local table rule
  ip link del "$BRIDGE" 2>/dev/null || true
  for table in nat filter; do
    # Each listed rule, as the arguments that delete it.
    while read -r rule; do
      # shellcheck disable=SC2086 # the words of a rule; its comment has no blanks
      iptables -w -t "$table" -D ${rule#-A } || true
    done < <(iptables -w -t "$table" -S 2>/dev/null | grep -E -- '--comment slipway-lab( |$)' || true)
  done
}

# Settings of the machine that the lab changes: the first is set above; the others are not a container's own, and the hosts'
# kubelets set them. What they were is noted once, over any number of `up`s, for `down` to restore.
MACHINE_SYSCTLS='net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes fs.inotify.max_user_instances'

note_sysctls() {
  # shellcheck disable=SC2086 # a list of words
  [[ -e $STATE/sysctls ]] || sysctl -e $MACHINE_SYSCTLS >"$STATE/sysctls"
}

# Every kubelet, runtime and systemd of all hosts counts as root's.
raise_inotify() {
  (($(sysctl -n fs.inotify.max_user_instances) >= 1024)) || sysctl -qw fs.inotify.max_user_instances=1024
}

restore_sysctls() {
  [[ ! -s $STATE/sysctls ]] || sysctl -q -p "$STATE/sysctls" || true
}

# host_link_up NODE: the namespace, with its links in it.
host_link_up() {
  local netns
  netns=$(host_netns "$1")
  host_link_down "$1"
  ip netns add "$netns"
  ip -n "$netns" link set lo up
  if [[ $(node_network "$1") == vagrant ]]; then vagrant_link_up "$1"; else bridge_link_up "$1" "$netns"; fi
  # A namespace takes this over from the machine; on a bare host it is off, and slipway has to see to it.
  ip netns exec "$netns" sysctl -qw net.ipv4.ip_forward=0
}

# bridge_link_up NODE NETNS: eth0 on the bridge.
bridge_link_up() {
  local netns=$2 peer=slip-$1
  # The same hardware address each time, as on a machine that is set up anew: the others' ARP tables stay right.
  ip link add "$peer" type veth peer name eth0 netns "$netns" address "$(printf '02:51:1b:00:00:%02x' "${1#node}")"
  ip link set "$peer" master "$BRIDGE" up
  ip -n "$netns" addr add "$(host_address "$1")/24" dev eth0
  ip -n "$netns" link set eth0 up
  ip -n "$netns" route add default via "$BRIDGE_ADDRESS"
}

# host_link_attach NODE: mends the link of a running host whose bridge somebody deleted.
host_link_attach() {
  local lost="$1 has lost its network link: scripts/lab rebuild $1"
  ip link set "slip-$1" master "$BRIDGE" up || die "$lost"
  [[ $(node_network "$1") == vagrant ]] || return 0
  ip link set "slipp-$1" master "$VAGRANT_BRIDGE" up || die "$lost"
  forward_up "$1"
}

# Deleting the veth's own end at once matters: a namespace lives on while anything still holds it.
host_link_down() {
  ip link del "slip-$1" 2>/dev/null || true
  ip netns del "$(host_netns "$1")" 2>/dev/null || true
  vagrant_link_down "$1"
}
