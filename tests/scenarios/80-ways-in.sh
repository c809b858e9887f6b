#!/usr/bin/env bash
# An ordinary user with a login password and a sudo password, through a jump host with an encrypted key, all of it from an ssh
# configuration: up, up again, reset --purge, up. Then odd shells and odd hosts. And no secret is to be seen anywhere.
# lane: any
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

# The first is the jump host, the others are the cluster.
nodes=("${lane_nodes[@]}")
gate=${nodes[0]}
members=("${nodes[@]:1}")
first=${members[0]}

debian_hosts "${nodes[@]}"
say "bare hosts: $gate is the jump host, ${members[*]} the cluster"
scripts/lab rebuild "${nodes[@]}" >/dev/null

address() { awk -v "node=$1" -F '[, ]' '$1 == node { print $2 }' target/lab/known_hosts; }

# Secrets that nothing else on the machine can be mistaken for.
secret() {
    local value
    value=canary-$1-$(od -An -tx8 -N8 /dev/urandom | tr -d ' ')
    (umask 077 && printf '%s\n' "$value" >"$work/$1")
}
for name in login sudo passphrase; do secret "$name"; done
# For grep, whose own arguments must not be what it finds.
cat "$work"/{login,sudo,passphrase} >"$work/patterns"
ssh-keygen -q -t ed25519 -N "$(cat "$work/passphrase")" -C jumper -f "$work/jumper"

say "users: jumper on $gate, with a key; ops on the others, with a password for the login and root's for sudo"
on "$gate" sh -s <<END
set -eu
useradd -m -s /bin/bash jumper
install -d -m 700 -o jumper -g jumper /home/jumper/.ssh
echo '$(cat "$work/jumper.pub")' >/home/jumper/.ssh/authorized_keys
chown jumper: /home/jumper/.ssh/authorized_keys
END
for node in "${members[@]}"; do
    on "$node" sh -s <<END
set -eu
useradd -m -s /bin/bash ops
printf '%s\n' 'ops:$(cat "$work/login")' 'root:$(cat "$work/sudo")' | chpasswd
printf 'Defaults:ops rootpw\nops ALL=(ALL) ALL\n' >/etc/sudoers.d/ops
chmod 440 /etc/sudoers.d/ops
printf 'Match User ops\n  KbdInteractiveAuthentication yes\n  AuthenticationMethods keyboard-interactive\n' >/etc/ssh/sshd_config.d/ops.conf
# What people have in there: noise, a strict umask, a locale that is not C, and a motd.
printf 'echo "welcome to \$(hostname)"\necho "and mind the step" >&2\numask 077\nexport LC_ALL=tlh_KL.UTF-8\n' >/home/ops/.bashrc
echo 'All your work belongs to us' >/etc/motd
systemctl restart ssh
END
done

config=$work/ssh_config
{
    for node in "${members[@]}"; do
        printf 'Host way-%s\n  HostName %s\n  HostKeyAlias %s\n\n' "$node" "$(address "$node")" "$node"
    done
    printf 'Host way-* !way-out\n  User ops\n  ProxyJump gate\n  IdentityFile ~/.ssh/not-there\n\n'
    printf 'Host gate\n  HostName %s\n  User jumper\n  IdentityFile "%s"\n  IdentitiesOnly yes\n\n' "$(address "$gate")" "$work/jumper"
    printf 'Host *\n  UserKnownHostsFile "%s"\n' "$PWD/target/lab/known_hosts"
} >"$config"

mine=$work/cluster.toml
{
    sed '/^\[ssh\]/,$d; s/^name .*/name        = "ways"/' target/lab/cluster.toml
    printf '[ssh]\nssh_config = "%s"\npassword_file = "login"\nsudo_password_file = "sudo"\npassphrase_file = "passphrase"\n' "$config"
    role=control-plane
    for node in "${members[@]}"; do
        printf '\n[[host]]\nname = "%s"\naddress = "way-%s"\nrole = "%s"\n' "$node" "$node" "$role"
        role=worker
    done
} >"$mine"
cat "$config" "$mine"

# Every process of this machine, those of the hosts included, again and again: prints where a secret shows.
watch_processes() {
    while :; do
        grep -Flsf "$work/patterns" /proc/[0-9]*/cmdline /proc/[0-9]*/environ |
            while read -r file; do printf '%s %s\n' "$file" "$(tr '\0' ' ' <"${file%/*}/comm" 2>/dev/null)"; done || true
        echo looked >>"$work/looks"
        sleep 0.02
    done
}
watch_processes >>"$work/seen" 2>/dev/null &
watcher=$!
# And every argument and variable that any of them has, each once: the token and the key of a cluster to come can only be looked for
# afterwards. It ends when its directory goes, at the latest.
record_processes() {
    while [ -e "$work/recording" ]; do
        cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\0' '\n' || true
        echo
        sleep 0.1
    done
}
: >"$work/recording"
record_processes 2>/dev/null | LC_ALL=C awk '!seen[$0]++ { print; fflush() }' >"$work/record" &
recorder=$!
trap 'kill "$watcher" 2>/dev/null || :; rm -rf "$work"' EXIT
# A watch that sees nothing proves nothing: it is shown one that must be seen, which stays until both have seen it.
# shellcheck disable=SC2016
sh -c 'tries=0
until [ -s "$1/seen" ] && grep -qFf "$1/login" "$1/record" || [ "$tries" = 600 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
: '"$(cat "$work/login")" shown "$work"
[ -s "$work/seen" ] || fail "the watch does not see a secret that is there"
# A look that began while it was there has to end first.
looks=$(wc -l <"$work/looks")
until [ "$(wc -l <"$work/looks")" -ge $((looks + 2)) ]; do sleep 0.05; done
: >"$work/seen"

say "up, and up again"
expect 0 "$slipway" up -c "$mine"
cp "$work/out" "$work/first-up"
expect 0 "$slipway" up -c "$mine"
shows '^nothing to do'
[ "$(on "$first" kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers | grep -cw Ready)" = "${#members[@]}" ] ||
    fail "not every node is Ready"

say "every login came from the jump host, and the jump host saw one connection a run"
for node in "${members[@]}"; do
    on "$node" journalctl -u ssh --no-pager >"$work/journal"
    grep -q "Accepted keyboard-interactive/pam for ops from $(address "$gate") " "$work/journal" || fail "ops never came to $node"
    ! grep 'Accepted .* for ops from' "$work/journal" | grep -v " from $(address "$gate") " || fail "ops came another way"
done
[ "$(on "$gate" journalctl -u ssh --no-pager | grep -c 'Accepted publickey for jumper')" = 2 ] || fail "not one connection a run"

# A token that lets nodes in, and the key of the cluster, are secrets too: those of each cluster that is made here.
note_secrets_of_the_cluster() {
    local name
    on "$first" kubeadm token list | awk 'NR > 1 && NF { sub(/.*\./, "", $1); print $1 }' >"$work/new-token"
    on "$first" sed -n 2p /etc/kubernetes/pki/ca.key >"$work/new-ca"
    for name in token ca; do
        [ -s "$work/new-$name" ] || fail "the cluster has no $name to look for"
        cat "$work/new-$name" >>"$work/$name"
    done
}
note_secrets_of_the_cluster

say "reset --purge, and up, with events as JSON"
expect 0 "$slipway" reset --purge --yes -c "$mine"
expect 0 "$slipway" up -c "$mine" --output json
cp "$work/out" "$work/json"
note_secrets_of_the_cluster

kill "$watcher"
rm "$work/recording"
wait "$recorder"
trap 'rm -rf "$work"' EXIT
say "no secret in any process ($(wc -l <"$work/looks") looks), log, journal, event or file"
[ ! -s "$work/seen" ] || fail "processes show secrets: $(sort "$work/seen" | uniq -c | head)"
[ "$(wc -l <"$work/looks")" -gt 50 ] || fail "nobody looked"
grep -qFf "$work/login" "$work/record" || fail "the record of processes lacks a secret that was there"
for name in token ca; do
    ! grep -qFf "$work/$name" "$work/record" || fail "$name shows in a process"
done
# On a host, in how many lines of its journal and its files. The pattern goes in on standard input: an argument would be found.
sightings() {
    on "$1" sh -c "'cat >/root/pattern; { journalctl --no-pager; grep -raFs --exclude-dir=containerd --exclude=pattern \"\" \
        /var/log /var/lib/slipway /run/slipway /home /root /tmp /var/tmp /dev/shm /etc; } | grep -aFcf /root/pattern; rm /root/pattern'" \
        <"$work/$2"
}
# A search that finds nothing proves nothing either: it is given one to find, in a file that is no text.
{ printf '\0' && cat "$work/login"; } | on "$first" sh -c "'cat >/var/tmp/planted'"
[ "$(sightings "$first" login)" = 1 ] || fail "the search does not find a secret that is there"
on "$first" rm /var/tmp/planted
for name in login sudo passphrase token ca; do
    [ -s "$work/$name" ] || fail "there is no $name to look for"
    ! grep -rFlf "$work/$name" "$work/state" "$work/out" "$work/first-up" "$work/json" || fail "$name shows on this machine"
    case $name in ca | token) continue ;; esac
    for node in "${nodes[@]}"; do
        [ "$(sightings "$node" "$name")" = 0 ] || fail "$name shows on $node"
    done
done
for node in "${members[@]}"; do
    for name in token ca; do
        ! on "$node" journalctl --no-pager | grep -Ff "$work/$name" >/dev/null || fail "$name shows in the journal of $node"
    done
done
echo "none"

say "secrets in the environment, and a machine that was made anew"
sed -i '/_file = /d' "$mine"
SLIPWAY_SSH_PASSWORD=$(cat "$work/login") SLIPWAY_SUDO_PASSWORD=$(cat "$work/sudo") SLIPWAY_KEY_PASSPHRASE=$(cat "$work/passphrase")
export SLIPWAY_SSH_PASSWORD SLIPWAY_SUDO_PASSWORD SLIPWAY_KEY_PASSPHRASE
expect 0 "$slipway" up -c "$mine"
shows '^nothing to do'
cp target/lab/known_hosts "$work/known_hosts"
sed -i "s|$PWD/target/lab/known_hosts|$work/known_hosts|" "$config"
stranger=$(cut -d ' ' -f 1,2 "$work/jumper.pub")
sed -i "s|^\($first,[^ ]*\) .*|\1 $stranger|" "$work/known_hosts"
expect 22 "$slipway" up -c "$mine"
shows "another ssh-ed25519 key for it"
shows "^hint: if the host was made anew: slipway known-hosts forget $first -c $mine"
expect 0 "$slipway" known-hosts forget "$first" -c "$mine"
shows "its key is gone"
expect 22 "$slipway" up -c "$mine"
shows "does not know this host"
expect 0 "$slipway" up -c "$mine" --accept-new-host-keys
shows '^nothing to do'

say "wrong and missing secrets end with one line each"
SLIPWAY_SUDO_PASSWORD=wrong expect 23 "$slipway" up -c "$mine"
shows "can not become root: sudo does not take the password that it was given"
(unset SLIPWAY_SUDO_PASSWORD && expect 23 "$slipway" up -c "$mine" && shows "sudo: a password is required")
(unset SLIPWAY_KEY_PASSPHRASE && expect 21 "$slipway" up -c "$mine" && shows "its passphrase was not given")
(unset SLIPWAY_SSH_PASSWORD && expect 21 "$slipway" up -c "$mine" && shows "the host accepts keyboard-interactive")

say "login shells and hosts that are not like others"
odd() {
    on "$first" sh -s
    expect "$1" "$slipway" up -c "$mine"
}
on "$first" sh -c "'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends tcsh fish opendoas'" \
    >/dev/null </dev/null
odd 0 <<<'usermod -s /usr/bin/fish ops; mkdir -p ~ops/.config/fish; echo "echo fishy" >~ops/.config/fish/config.fish; chown -R ops: ~ops'
shows '^nothing to do'
odd 0 <<<'usermod -s /bin/tcsh ops; echo "echo csh is here" >~ops/.cshrc'
shows '^nothing to do'
odd 23 <<<'usermod -s /usr/sbin/nologin ops'
shows 'the login shell of ops@.* started no program'
odd 23 <<<'usermod -s /bin/bash ops; echo "Defaults:ops requiretty" >>/etc/sudoers.d/ops'
shows 'must have a tty'
shows '!requiretty'
odd 0 <<<'sed -i /requiretty/d /etc/sudoers.d/ops; mount -o remount,noexec /tmp || mount -t tmpfs -o noexec tmpfs /tmp'
shows '^nothing to do'
odd 0 <<<'printf "UseDNS yes\n" >/etc/ssh/sshd_config.d/00-dns.conf; cp /etc/resolv.conf /root/resolv; printf "nameserver 192.0.2.1\noptions timeout:2 attempts:1\n" >/etc/resolv.conf; systemctl restart ssh'
shows '^nothing to do'
odd 23 <<<'cat /root/resolv >/etc/resolv.conf; rm /etc/ssh/sshd_config.d/00-dns.conf; systemctl restart ssh; chmod 000 /usr/bin/sudo; mv /usr/bin/sudo /usr/bin/sudo.away; : >/etc/doas.conf'
shows 'doas: Operation not permitted'
shows 'permit nopass ops'
odd 0 <<<'echo "permit nopass ops" >/etc/doas.conf'
shows '^nothing to do'
odd 23 <<<'mv /usr/bin/doas /usr/bin/doas.away'
shows 'that host has neither sudo nor doas'

say "bare again: nobody else wants hosts like these"
scripts/lab rebuild "${nodes[@]}" >/dev/null
