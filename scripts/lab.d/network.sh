# shellcheck shell=bash
# One bridge for hosts and servers, a network namespace a host, and one NAT rule, so that hosts reach what the machine reaches.

BRIDGE=slipway0
SUBNET=192.168.77
BRIDGE_ADDRESS=$SUBNET.1
# All hosts that may ever exist have their name in every host's /etc/hosts, so that adding one later changes no running host.
MAX_NODES=40

host_address() { echo "$SUBNET.$((10 + ${1#node}))"; }
host_netns() { echo "slipway-$1"; }

# lab_rules COMMAND: the lab's rules as arguments of iptables, marked with a comment, so that `down` finds exactly these.
nat_rule=(-t nat POSTROUTING -s "$SUBNET.0/24" ! -o "$BRIDGE" -m comment --comment slipway-lab -j MASQUERADE)
forward_rules() {
  # Only a machine that drops forwarded packets by default (one with Docker, say) needs these.
  [[ $(iptables -S FORWARD | head -n 1) == '-P FORWARD DROP' ]] || return 0
  printf '%s\n' "-i $BRIDGE" "-o $BRIDGE"
}

bridge_up() {
  if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
    ip link add "$BRIDGE" type bridge
  fi
  ip addr replace "$BRIDGE_ADDRESS/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up

  # What was there before is noted once, also over several `up`s, for `down` to restore.
  [[ -e $STATE/ip_forward ]] || sysctl -n net.ipv4.ip_forward >"$STATE/ip_forward"
  [[ $(sysctl -n net.ipv4.ip_forward) == 1 ]] || sysctl -qw net.ipv4.ip_forward=1
  local table=("${nat_rule[@]:0:2}") rule=("${nat_rule[@]:2}") way
  iptables "${table[@]}" -C "${rule[@]}" 2>/dev/null || iptables "${table[@]}" -A "${rule[@]}"
  while read -r way; do
    # shellcheck disable=SC2086 # two words
    iptables -C FORWARD $way -m comment --comment slipway-lab -j ACCEPT 2>/dev/null ||
      iptables -I FORWARD 1 $way -m comment --comment slipway-lab -j ACCEPT
  done < <(forward_rules)
}

bridge_down() {
  local rule
  ip link del "$BRIDGE" 2>/dev/null || true
  for table in nat filter; do
    # Each listed rule, as the arguments that delete it.
    while read -r rule; do
      # shellcheck disable=SC2086 # the words of a rule; its comment has no blanks
      iptables -t "$table" -D ${rule#-A } || true
    done < <(iptables -t "$table" -S 2>/dev/null | grep -- '--comment slipway-lab ' || true)
  done
  if [[ -s $STATE/ip_forward && $(cat "$STATE/ip_forward") == 0 ]]; then
    sysctl -qw net.ipv4.ip_forward=0 || true
  fi
}

# host_link_up NODE: the namespace, with eth0 in it on the bridge.
host_link_up() {
  local netns peer
  netns=$(host_netns "$1")
  peer=slip-$1
  host_link_down "$1"
  ip netns add "$netns"
  ip link add "$peer" type veth peer name eth0 netns "$netns"
  ip link set "$peer" master "$BRIDGE" up
  ip -n "$netns" link set lo up
  ip -n "$netns" addr add "$(host_address "$1")/24" dev eth0
  ip -n "$netns" link set eth0 up
  ip -n "$netns" route add default via "$BRIDGE_ADDRESS"
}

# Deleting the veth's own end at once matters: a namespace lives on while anything still holds it.
host_link_down() {
  ip link del "slip-$1" 2>/dev/null || true
  ip netns del "$(host_netns "$1")" 2>/dev/null || true
}
