#!/usr/bin/env bash
# As 33-planted, in a virtual machine with Debian's kernel: IPVS, and links of the kinds dummy, ipip, geneve and wireguard. It uses no host.
# lane: alone
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=planted.sh
source tests/scenarios/planted.sh

say "in a virtual machine: IPVS, dummies, ipip, geneve and wireguard"
mkdir -p "$work/vm"
cp "$slipway" "$work/vm/slipway"
cp "$plants/record.sh" "$work/vm/"
cp "$plants/vm-rounds.sh" "$work/vm/run"
planting vm-strangers >"$work/vm/strangers"
planting vm-kernel >"$work/vm/plants"
scripts/vm run "$work/vm" || fail "the reset in the virtual machine"
cp "$work/vm/out/found" "$work/out"
listing >"$work/listed"
all_are_listed "$work/vm/out/planted" "$work/listed" || fail "not all that is planted in the virtual machine is found"
diff -U 1 "$work/vm/out/before" "$work/vm/out/after" || fail "something stayed in the virtual machine, or something that is not a cluster's was touched"
