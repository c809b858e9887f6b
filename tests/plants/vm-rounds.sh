# What runs in the virtual machine, beside it: slipway, record.sh, strangers and plants. Leaves in out/: before and after, the state of
# everything; planted; found, slipway's listing.
# shellcheck shell=sh disable=SC2034
status=0
export files='/etc/cni /etc/iproute2 /opt'
mkdir -p /etc/cni/net.d
sh ./strangers || exit 1
sh ./record.sh >out/before
sh ./plants >out/planted || exit 1
./slipway leftovers --local --output json >out/found || status=$?
[ "$status" = 42 ] || { echo "slipway leftovers: exit code $status instead of 42" >&2 && exit 1; }
status=0
# All of a reset takes minutes here; what is particular is in these steps.
./slipway reset --local --yes --only '*/reset/network,*/reset/files' || status=$?
sh ./record.sh >out/after
exit "$status"
