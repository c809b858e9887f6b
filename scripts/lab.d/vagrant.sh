# shellcheck shell=bash disable=SC2034 # what is set here is used by other parts
# Vagrant's networks, as VirtualBox makes them. Each such host has
#   eth0  10.0.2.15, the same in all of them, with the default route. Behind it stands a NAT of its own (10.0.2.2, a network
#         namespace slipway-nat-NODE with one foot on the lab's bridge), and a port of this machine's loopback is forwarded to sshd;
#   eth1  on a private network, a second bridge: 192.168.56.N. This machine is .1 there, and routes nothing in or out.

VAGRANT_BRIDGE=slipway1
VAGRANT_SUBNET=${SLIPWAY_LAB_VAGRANT_SUBNET:-192.168.56}
# The box' own, which VirtualBox gives to the first card of each machine that is made from it.
VAGRANT_MAC=08:00:27:8d:c0:4d

vagrant_port() { echo $((2200 + ${1#node})); }
nat_netns() { echo "slipway-nat-$1"; }
nat_address() { echo "$SUBNET.$((100 + ${1#node}))"; }

# any_vagrant: whether any host that exists has these networks.
any_vagrant() {
  local name
  for name in $(all_hosts); do
    [[ $(node_network "$name") != vagrant ]] || return 0
  done
  return 1
}

# vagrant_bridge_up: makes the private network when a host wants it, and takes it away when none does.
vagrant_bridge_up() {
  local other
  if ! any_vagrant; then
    vagrant_bridge_down
    return
  fi
  if ! ip link show "$VAGRANT_BRIDGE" >/dev/null 2>&1; then
    other=$(ip -o route show to match "$VAGRANT_SUBNET.1" | grep -v '^default' || true)
    [[ -z $other ]] || die "this machine has the network $VAGRANT_SUBNET.0/24 itself ($other): choose another, SLIPWAY_LAB_VAGRANT_SUBNET=192.168.57"
    ip link add "$VAGRANT_BRIDGE" type bridge
  fi
  ip addr replace "$VAGRANT_SUBNET.1/24" dev "$VAGRANT_BRIDGE"
  ip link set "$VAGRANT_BRIDGE" up
  # Where the machine filters bridged packets and drops by default.
  if iptables -w -S FORWARD | grep -q '^-P FORWARD DROP'; then
    add_rule filter FORWARD -i "$VAGRANT_BRIDGE" -o "$VAGRANT_BRIDGE" -j ACCEPT
  fi
}

vagrant_bridge_down() { ip link del "$VAGRANT_BRIDGE" 2>/dev/null || true; }

# vagrant_link_up NODE: the links of a host, whose namespace is there.
vagrant_link_up() {
  local netns nat n=${1#node}
  netns=$(host_netns "$1")
  nat=$(nat_netns "$1")
  ip netns add "$nat"
  ip link add eth0 netns "$netns" address "$VAGRANT_MAC" type veth peer name inside netns "$nat"
  ip link add "slip-$1" type veth peer name outside netns "$nat"
  ip link set "slip-$1" master "$BRIDGE" up
  ip link add "slipp-$1" type veth peer name eth1 netns "$netns" address "$(printf '02:51:1b:00:01:%02x' "$n")"
  ip link set "slipp-$1" master "$VAGRANT_BRIDGE" up

  ip -n "$nat" link set lo up
  ip -n "$nat" addr add 10.0.2.2/24 dev inside
  ip -n "$nat" link set inside up
  ip -n "$nat" addr add "$(nat_address "$1")/24" dev outside
  ip -n "$nat" link set outside up
  ip -n "$nat" route add default via "$BRIDGE_ADDRESS"
  ip netns exec "$nat" sysctl -qw net.ipv4.ip_forward=1
  ip netns exec "$nat" iptables -w -t nat -A POSTROUTING -o outside -j MASQUERADE
  # What is forwarded comes from 10.0.2.2, as far as the host can tell.
  ip netns exec "$nat" iptables -w -t nat -A PREROUTING -i outside -p tcp --dport 22 -j DNAT --to-destination 10.0.2.15:22
  ip netns exec "$nat" iptables -w -t nat -A POSTROUTING -o inside -j MASQUERADE

  ip -n "$netns" addr add 10.0.2.15/24 dev eth0
  ip -n "$netns" link set eth0 up
  ip -n "$netns" route add default via 10.0.2.2
  ip -n "$netns" addr add "$(host_address "$1")/24" dev eth1
  ip -n "$netns" link set eth1 up
}

vagrant_link_down() {
  ip link del "slipp-$1" 2>/dev/null || true
  ip netns del "$(nat_netns "$1")" 2>/dev/null || true
}

# forward_up NODE: the forwarded port, unless it is.
forward_up() {
  local file=$STATE/hosts/$1/forward.pid port
  if alive "$file"; then return; fi
  port=$(vagrant_port "$1")
  # shellcheck disable=SC2016 # for the inner bash to expand
  if timeout 1 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"' _ "$port" 2>/dev/null; then
    die "port $port of 127.0.0.1, which is forwarded to $1, is somebody else's: see \`ss -ltnp\`"
  fi
  server python3 "$PARTS/forward.py" "$port" "$(nat_address "$1")" 22 >"$STATE/hosts/$1/forward.log" 2>&1 &
  remember "$file" $!
}

# vagrant_key NODE: the private key of a machine's user vagrant, made once: Vagrant makes one for each machine.
vagrant_key() {
  local key=$STATE/keys/$1/private_key
  [[ -s $key.pub ]] || ssh-keygen -q -t ed25519 -N '' -C vagrant -f "$key" <<<y >/dev/null
  echo "$key"
}

# vagrant_ssh_config NODE: what \`vagrant ssh-config\` prints of it, quotes around a path with a blank included.
vagrant_ssh_config() {
  cat <<CONFIG
Host $1
  HostName 127.0.0.1
  User vagrant
  Port $(vagrant_port "$1")
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "$OUT/$VAGRANT_MACHINES/$1/virtualbox/private_key"
  IdentitiesOnly yes
  LogLevel FATAL
  PubkeyAcceptedKeyTypes +ssh-rsa
  HostKeyAlgorithms +ssh-rsa

CONFIG
}
