#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nodes die, hang and are cut off while clients ask. The clients' own account: no address twice, no acknowledged lease
# lost, and how long nobody got a new one.
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin cf
cluster_up 1 <<YAML
networks:
  lan:
    lease: 10m
    unknown: lease
    probe: false
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.49.255]
YAML
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }

# under_load SECONDS-MAX-WITHOUT-A-LEASE WHAT COMMAND...: does it while new clients come, and hears their account.
under_load() {
    local limit=$1 what=$2 load said
    shift 2
    rm -f "$LAB_DIRECTORY/report"
    at c1 "$TOOLS/dhcp-load" eth0 --rate 100 --seconds 6 --renew 20 --settle 6 --verify \
        --report "$LAB_DIRECTORY/report" >"$LAB_DIRECTORY/load" 2>&1 &
    load=$!
    LAB_PROCESSES+=("$load")
    sleep 2.5
    "$@"
    wait "$load"
    said=$(cat "$LAB_DIRECTORY/load")
    expect_none "$what: every promise kept" 'BROKEN' "$said"
    expect_equal "$what: nobody is left waiting" 0 "$(number waiting)"
    expect_below "$what: longest time without a new lease" "$limit" "$(number longest_gap)" s
    echo "        resent $(number resent), bound $(number bound), p99 $(number p99_ms) ms"
}
up() { local name; name=$(holder lan); echo "${name#n}"; } # the number of the node that is up to bat
back() { # back NODE: after a kill
    start_node "$1"
    wait_for 20 node_ready "$1" || fail "n$1 comes back" "$(tail -n 5 "$LAB_DIRECTORY/n$1.log")"
    sleep 2
}

A=$(up)
kill_it() { stop "${NODE_PROCESS[$A]}" KILL; }
under_load 0.6 "kill -9 of the node up to bat" kill_it
B=$(up)
if [ -n "$B" ] && [ "$B" != "$A" ]; then ok "another took over" "n$B"; else fail "another took over" "n$B"; fi
back "$A"

A=$(up)
term_it() { stop "${NODE_PROCESS[$A]}" TERM; }
under_load 0.5 "SIGTERM of the node up to bat" term_it
back "$A"

A=$(up)
freeze_it() {
    kill -STOP "${NODE_PROCESS[$A]}"
    sleep 4
    kill -CONT "${NODE_PROCESS[$A]}"
}
under_load 2.0 "SIGSTOP of the node up to bat, and SIGCONT" freeze_it
wait_for 10 has_holder lan
sleep 2

A=$(up)
cut_store() {
    for member in 1 2 3; do part core "n${A}eth1" "e${member}eth0"; done
    sleep 3
    heal core
}
under_load 2.5 "the node up to bat is cut off from the store" cut_store
sleep 2

A=$(up)
cut_core() { isolate core "n${A}eth1"; sleep 3; heal core; }
under_load 2.5 "the node up to bat is cut off from store and peers" cut_core
sleep 2

A=$(up)
cut_clients() { isolate lan "n${A}eth0"; sleep 4; heal lan; }
under_load 3.5 "the node up to bat no longer hears the clients" cut_clients
sleep 2

A=$(up)
cut_one_way() { drop lan "c1eth0" "n${A}eth0"; sleep 4; heal lan; }
under_load 3.5 "it sends, and hears nothing" cut_one_way
sleep 2

rolling() {
    local i
    for i in 1 2 3; do
        stop "${NODE_PROCESS[$i]}" TERM
        start_node "$i"
        wait_for 20 node_ready "$i"
    done
}
under_load 1.0 "every node restarted in turn" rolling
for i in 1 2 3; do check "n$i is well" node_ready "$i"; done
group_done
