#!/usr/bin/env bash
# Three bare hosts to a Ready cluster; planning and rendering change nothing; a second run has nothing to do, in one exec a host.
# lane: 1
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

bare_hosts
say "plan and render change nothing"
for node in node1 node2 node3; do fingerprint "$node" >"$work/$node.before"; done
expect 0 "$slipway" plan -c "$cluster"
shows '^\+ node1/install/sysctls +Let the kernel forward'
shows 'node1/init/kubeadm'
shows 'node3/join/'
expect 0 "$slipway" plan --diff -c "$cluster"
expect 0 "$slipway" render script node1 -c "$cluster"
expect 0 "$slipway" render dot all -c "$cluster"
expect 0 "$slipway" render mermaid node2 -c "$cluster"
for node in node1 node2 node3; do
    fingerprint "$node" >"$work/$node.after"
    diff -u "$work/$node.before" "$work/$node.after" || fail "plan or render changed $node"
done

say "up"
expect 0 "$slipway" up -c "$cluster" --output json
jq -es 'map(select(.event == "finished" and .outcome == "failed")) == []' "$work/out" >/dev/null || fail "a step failed"
jq -es 'map(select(.event == "report"))[0] | select(. != null) | {seconds, critical_seconds, ratio}' "$work/out" || fail "no report"
jq -es 'map(select(.event == "report"))[0].ratio | . != null and . <= 1.1' "$work/out" >/dev/null ||
    fail "the run took more than 1.1 times its critical path"
nodes_are_ready 3
# The cluster takes its five seconds over a namespace, with nobody waiting.
on node1 kubectl --kubeconfig /etc/kubernetes/admin.conf wait --for=delete namespace/slipway-verify --timeout=15s 2>&1 | grep -v 'not found' || :
on node1 kubectl --kubeconfig /etc/kubernetes/admin.conf get namespaces --no-headers >"$work/namespaces"
grep -q kube-system "$work/namespaces" || fail "no list of namespaces"
! grep slipway "$work/namespaces" || fail "verify left its namespace"

say "again: nothing to do, one exec a host"
expect 0 "$slipway" up -c "$cluster"
shows '^nothing to do'
expect 0 "$slipway" up -c "$cluster" --output json
jq -es 'map(select(.event == "finished")) | length > 20 and all(.[]; .outcome == "unchanged")' "$work/out" >/dev/null ||
    fail "a step changed something in a run that had nothing to do"
jq -es 'map(select(.event == "host" and .state == "ready")) | length == 3 and all(.[]; .execs == 1)' "$work/out" >/dev/null ||
    fail "more than one exec a host"
jq -es '(map(select(.event == "started")) | length) == 0' "$work/out" >/dev/null || fail "a step was started"
expect 0 "$slipway" plan -c "$cluster"
shows 'nothing to do'

say "verify, status, kubeconfig"
expect 0 "$slipway" verify -c "$cluster"
cp "$work/out" "$work/seen"
say "the run is kept, is shown again as it was, and has a page"
expect 0 "$slipway" runs show last
diff -u "$work/seen" "$work/out" || fail "the run is not shown again as it was"
expect 0 "$slipway" runs show last --output json
jq -es '[.[0].event, .[-1].event] == ["run", "end"] and any(.[]; .event == "command" and .exit == 0)' "$work/out" >/dev/null ||
    fail "the journal is not whole"
expect 0 "$slipway" runs --output json
jq -e '.runs | length >= 4 and all(.[]; .ended == "done")' "$work/out" >/dev/null || fail "not all runs are there, and done"
expect 0 "$slipway" report --to "$work/report.html"
grep -q '<svg ' "$work/report.html" || fail "the page has no timeline"
expect 0 "$slipway" status -c "$cluster"
shows 'node1.*control-plane.*Ready'
[ "$(stat -c %a "$work/lab.kubeconfig")" = 600 ] || fail "the kubeconfig is not private"
HOME=$work/home expect 0 "$slipway" kubeconfig --merge -c "$cluster"
grep -q 'current-context: lab' "$work/home/.kube/config" || fail "the kubeconfig was not merged"
[ "$(stat -c %a "$work/home/.kube/config")" = 600 ] || fail "the merged kubeconfig is not private"
