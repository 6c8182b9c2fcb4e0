#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nodes die, hang and are cut off while clients ask. The clients' own account: no address twice, no acknowledged lease
# lost, and how long nobody got a new one.
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin cf
etcd_in_memory
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
STALL_MAX=0.3 # seconds; a machine that stands still for longer is what would be measured
A=""          # the number of the node that is up to bat when a fault begins
up() { local name; name=$(holder lan); echo "${name#n}"; }

# attempt COMMAND: does it while new clients come; their account is in `report` and `load`.
attempt() {
    local load
    A=$(up)
    rm -f "$LAB_DIRECTORY/report"
    at c1 "$TOOLS/dhcp-load" eth0 --rate 100 --seconds 6 --renew 20 --settle 6 --verify \
        --report "$LAB_DIRECTORY/report" >"$LAB_DIRECTORY/load" 2>&1 &
    load=$!
    LAB_PROCESSES+=("$load")
    sleep 2.5
    "$1"
    wait "$load"
}
kept() { expect_none "$1: every promise kept" 'BROKEN|Traceback' "$(cat "$LAB_DIRECTORY/load")"; }
stood_still() { awk -v most="$STALL_MAX" -v seen="$(number longest_stall)" 'BEGIN { exit !(seen + 0 > most) }'; }

# under_load SECONDS-MAX-WITHOUT-A-LEASE WHAT COMMAND [RECOVERY]: RECOVERY brings back what COMMAND took away. Once more
# if the machine itself stood still: then times say nothing. Promises must be kept however slow it is.
under_load() {
    local limit=$1 what=$2 command=$3 recovery=${4:-rest}
    attempt "$command"
    if stood_still; then
        echo "        this machine stood still for $(number longest_stall) s: once more"
        kept "$what, while the machine stood still"
        "$recovery"
        attempt "$command"
    fi
    kept "$what"
    expect_equal "$what: nobody is left waiting" "0 for nothing" "$(number waiting) for $(number waiting_for)"
    expect_below "$what: longest time without a new lease" "$limit" "$(number longest_gap)" s
    echo "        resent $(number resent), bound $(number bound), NAKs $(number naks), p99 $(number p99_ms) ms," \
        "longest stall $(number longest_stall) s"
    "$recovery"
}
rest() { wait_for 10 has_holder lan; sleep 2; }
back() { # the node that was killed
    start_node "$A"
    wait_for 20 node_ready "$A" || fail "n$A comes back" "$(tail -n 5 "$LAB_DIRECTORY/n$A.log")"
    sleep 2
}
back_from_kill() {
    local name
    name=$(up)
    if [ -n "$name" ] && [ "$name" != "$A" ]; then ok "another took over" "n$name"; else fail "another took over" "n$name"; fi
    back
}

kill_it() { stop "${NODE_PROCESS[$A]}" KILL; }
under_load 0.6 "kill -9 of the node up to bat" kill_it back_from_kill

term_it() { stop "${NODE_PROCESS[$A]}" TERM; }
under_load 0.5 "SIGTERM of the node up to bat" term_it back

freeze_it() {
    kill -STOP "${NODE_PROCESS[$A]}"
    sleep 4
    kill -CONT "${NODE_PROCESS[$A]}"
}
under_load 2.0 "SIGSTOP of the node up to bat, and SIGCONT" freeze_it

# Commits that failed because another node has had the term since: it went on although it could have known.
fenced() { cat "$LAB_DIRECTORY"/n?.log | grep -c 'another node took over this network'; }
FENCED=$(fenced)
cut_store() {
    for member in 1 2 3; do part core "n${A}eth1" "e${member}eth0"; done
    sleep 3
    heal core
}
under_load 2.5 "the node up to bat is cut off from the store" cut_store

cut_core() { isolate core "n${A}eth1"; sleep 3; heal core; }
under_load 2.5 "the node up to bat is cut off from store and peers" cut_core
expect_equal "neither goes on in a term that it lost while it was cut off" "$FENCED" "$(fenced)"
expect_none "nobody is taken for deaf because of it" 'heard no clients' "$(tail -q -n +1 "$LAB_DIRECTORY"/n?.log)"

cut_clients() { isolate lan "n${A}eth0"; sleep 4; heal lan; }
under_load 3.5 "the node up to bat no longer hears the clients" cut_clients

cut_one_way() { drop lan "c1eth0" "n${A}eth0"; sleep 4; heal lan; }
under_load 3.5 "it sends, and hears nothing" cut_one_way

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
