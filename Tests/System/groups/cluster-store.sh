#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The store's own failures: its leader dies, its majority is gone, it is full; everything starts at once.
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin cs
cluster_up 2 <<YAML
networks:
  lan:
    lease: 10m
    unknown: lease
    probe: false
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.49.255]
reservations:
  - { network: lan, address: 10.77.5.5, mac: "02:00:00:00:05:05" }
YAML
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
load() { # load SECONDS OPTIONS...
    local seconds=$1
    shift
    rm -f "$LAB_DIRECTORY/report"
    at c1 "$TOOLS/dhcp-load" eth0 --rate 50 --seconds "$seconds" --settle 6 --report "$LAB_DIRECTORY/report" "$@" \
        >"$LAB_DIRECTORY/load" 2>&1
}
kept() {
    expect_none "$1: every promise kept" 'BROKEN' "$(cat "$LAB_DIRECTORY/load")"
    expect_equal "$1: nobody is left waiting" 0 "$(number waiting)"
}

L=$(etcd_leader)
load 8 --renew 10 --verify &
LOAD=$!
sleep 3
stop "${ETCD_PROCESS[$L]}" KILL
wait "$LOAD"
kept "the store's leader is killed"
expect_below "longest time without a new lease" 5 "$(number longest_gap)" s
etcd_start "$L" --initial-cluster-state existing
wait_for 15 etcd_healthy

# No majority: who has a lease keeps it, bindings are answered, nobody else.
load 3 --state "$LAB_DIRECTORY/clients"
expect_equal "clients before the outage are bound" 0 "$(number waiting)"
stop "${ETCD_PROCESS[2]}" KILL
stop "${ETCD_PROCESS[3]}" KILL
sleep 4
at c1 "$TOOLS/dhcp-load" eth0 --seconds 0 --clients-max 0 --verify --verify-by rebind --state "$LAB_DIRECTORY/clients" \
    --report "$LAB_DIRECTORY/report" >"$LAB_DIRECTORY/load" 2>&1
expect_none "the store is gone: every known client may go on" 'BROKEN' "$(cat "$LAB_DIRECTORY/load")"
expect "and has its answer" 'verified [1-9]' "$(cat "$LAB_DIRECTORY/load")"
expect "a binding is answered" '10.77.5.5' "$(dhcp c2 discover --mac 02:00:00:00:05:05)"
expect "the overview says what is wrong" 'quorum|store' "$(on_node 1 cluster 2>&1)"
check_fails "a failure now would not be safe" 'quorum|store' on_node 1 cluster ready
expect "a new client is not answered" 'silence' "$(dhcp c2 discover --mac 02:00:00:00:99:99)"

# A node that starts now has only its own disk.
stop "${NODE_PROCESS[2]}" TERM
start_node 2
sleep 5
stop "${NODE_PROCESS[1]}" KILL
stop "${NODE_PROCESS[3]}" KILL
expect "a cold start without the store answers bindings" '10.77.5.5' "$(dhcp c2 discover --mac 02:00:00:00:05:05)"

# Everything comes back, in any order, with clients already asking.
load 12 &
LOAD=$!
sleep 1
start_node 3
etcd_start 2 --initial-cluster-state existing
start_node 1
etcd_start 3 --initial-cluster-state existing
wait "$LOAD"
kept "everything started at once"
for i in 1 2 3; do check "n$i is well" wait_for 20 node_ready "$i"; done
group_done
