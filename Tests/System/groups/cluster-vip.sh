#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An address that goes with the node up to bat: killed, frozen, restarted, asked to hand over, told to stop, refused by
# the kernel. Clients renew with it, and their tables of neighbours follow it.
. "$(dirname "$0")/../lib/cluster.sh"
VIP=10.77.0.200
lab_begin cv
etcd_in_memory
site() { # site LINES-OF-THE-NETWORK
    cat <<YAML
networks:
  lan:
    lease: 10m
    unknown: lease
    probe: false
$1    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.49.255]
YAML
}
cluster_up 1 < <(site "    vip: $VIP
    server-id: vip
")
for i in 1 2 3; do start "n$i" "changes$i" ip -ts monitor address; done

has() { ip -n "$LAB_PREFIX-n$1" -o -4 address show dev eth0 | grep -q " $VIP/16 "; } # has NODE
has_not() { ! has "$1"; }
where() { for i in 1 2 3; do has "$i" && printf 'n%s' "$i"; done; }
gone_from() { local at; at=$(where); [ -n "$at" ] && [ "$at" != "n$1" ] && [ "${#at}" = 2 ]; }
is_at() { [ "$(where)" = "$1" ]; }
up() { local name; name=$(holder lan "$@"); echo "${name#n}"; }
neighbour() { ip -n "$LAB_PREFIX-c1" neighbour show "$VIP" dev eth0 | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2; }
log_of() { cat "$LAB_DIRECTORY/n$1.log"; }

# follows SECONDS OLD: who else than OLD the client's kernel takes for the address from now on, in NODE, and after how
# many milliseconds, in TOOK.
NODE="" TOOK=""
follows() {
    local began deadline i mac seen
    declare -A at_mac
    for i in 1 2 3; do mac=$(mac_of "n$i" eth0); [ "$i" = "$2" ] || at_mac[$mac]=$i; done
    began=$(now_ms) deadline=$((SECONDS + $1)) NODE="" TOOK=""
    "${@:3}"
    while [ "$SECONDS" -lt "$deadline" ]; do
        seen=$(neighbour)
        [ -z "${at_mac[${seen:-none}]:-}" ] || { NODE=${at_mac[$seen]} TOOK=$(($(now_ms) - began)); return; }
        sleep 0.01
    done
}

A=$(up)
check "the address is where the network is served, and nowhere else" wait_for 5 is_at "n$A"
said=$(dhcp c1 dora --mac "$(mac_of c1 eth0)")
expect "clients know the server by it" "^ACK 10\.77\..* from $VIP .* server $VIP" "$said"
LEASE=$(grep -o '^ACK [0-9.]*' <<<"$said" | cut -d' ' -f2)
address c1 "$LEASE/16"
renewed() { dhcp c1 renew --mac "$(mac_of c1 eth0)" --address "$LEASE" --to "$VIP"; }
expect "and renew with it" "^ACK $LEASE from $VIP .* server $VIP" "$(renewed)"
expect "explain says so" "server identifier +$VIP, the network's vip, which this node has now" \
    "$(on_node "$A" explain --mac 02:00:00:00:09:09)"
expect "the overview shows it" "lan +dynamic +n$A .* $VIP" "$(on_node 1 cluster)"
on_node 2 export >"$LAB_DIRECTORY/exported.yaml"
expect "export says it" "server-id: vip" "$(cat "$LAB_DIRECTORY/exported.yaml")"
check "and what it says is what there is" on_node 3 diff -f "$LAB_DIRECTORY/exported.yaml"
for wrong in 10.77.0.2 10.77.10.9 10.88.0.9; do
    check_fails "$wrong would be refused" "networks.lan.vip: $wrong is" on_node 1 set network lan "vip=$wrong"
done
for i in 1 2 3; do ip -n "$LAB_PREFIX-n$i" address add 10.77.0.201/16 dev eth0 label eth0:mine; done

# Its process is gone, its kernel still answers for the address.
kill_it() { stop "${NODE_PROCESS[$A]}" KILL; }
follows 5 "$A" kill_it
expect_below "kill -9: the client's kernel knows the next node" 1000 "$TOOK" ms
B=$NODE
check "the next node has it" has "$B"
check "so has the one that was killed" has "$A"
expect "the renewal is answered" "^ACK $LEASE from $VIP " "$(renewed)"
expect_equal "by the next node" "n$B" "n$(up "$B")"

# Frozen, not gone.
freeze_it() { kill -STOP "${NODE_PROCESS[$B]}"; }
follows 8 "$B" freeze_it
expect_below "a frozen node: the client's kernel knows the next one" 4000 "$TOOK" ms
C=$NODE
expect "the renewal is answered" "^ACK $LEASE from $VIP " "$(renewed)"
ip -n "$LAB_PREFIX-c1" neighbour flush dev eth0
renewed >/dev/null
sleep 2.2
expect_equal "whoever answers ARP, announcements put it right" "$(mac_of "n$C" eth0)" "$(neighbour)"
kill -CONT "${NODE_PROCESS[$B]}"
check "back to life it gives the address up" wait_for 3 has_not "$B"
sleep 0.5
expect_equal "and takes no client along" "$(mac_of "n$C" eth0)" "$(neighbour)"

start_node "$A"
check "the killed node removes what it left, at its start" wait_for 20 has_not "$A"
check "and is ready" wait_for 20 node_ready "$A"
expect "it says so" "virtual address $VIP/16 on eth0 removed: a process that was killed" "$(log_of "$A")"

# On purpose: first removed, then added.
change() { # change NODE WORD: when it was removed (Deleted) or added last
    grep -A 1 '^\[' "$LAB_DIRECTORY/changes$1" | grep "$VIP/" | grep "$2" | tail -n 1 | grep -o '^\[[^]]*' | cut -c2-
}
check "hand over to n$A" on_node "$A" cluster handover lan --to "n$A"
check "the address goes along" wait_for 3 is_at "n$A"
removed=$(change "$C" Deleted)
added=$(grep "$VIP/" "$LAB_DIRECTORY/changes$A" | grep -v Deleted | tail -n 1 | grep -o '^\[[^]]*' | cut -c2-)
if [[ -n $removed && $removed < $added ]]; then ok "never in two places" "$removed < $added"; else
    fail "never in two places" "removed $removed, added $added"
fi
check "drain n$A" on_node "$A" cluster drain "n$A"
check "it goes elsewhere" wait_for 3 has_not "$A"
check "and undo it" on_node "$A" cluster drain "n$A" --undo
D=$(up)
check "n$D has it" wait_for 3 is_at "n$D"
stop "${NODE_PROCESS[$D]}" TERM
check "SIGTERM removes it" has_not "$D"
E=$(up "$A")
check "another has it" wait_for 3 is_at "n$E"

# Cut off from the store with its clients still there: it keeps the address until another node announces it.
isolate core "n${E}eth1"
check "cut off from the others, n$E leaves it to the next" wait_for 8 gone_from "$E"
F=$(where)
expect_equal "whom the client's kernel knows" "$(mac_of "$F" eth0)" "$(neighbour)"
heal core
wait_for 10 serves lan "${F#n}"

# No store at all: nobody can take over, and clients still renew.
for i in 1 2; do stop "${ETCD_PROCESS[$i]}" KILL; done
sleep 2.5
expect_equal "without the store the last one keeps it" "$F" "$(where)"
expect "and confirms what it knows" "^ACK $LEASE from $VIP " "$(renewed)"
for i in 1 2; do etcd_start "$i"; done
check "the store is back" wait_for 20 etcd_healthy
check "somebody is up to bat" wait_for 10 has_holder lan
E=$(up)
check "with the address" wait_for 5 is_at "n$E"

# Without the capability.
SERVE_WITH=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
start_node "$D"
check "without CAP_NET_ADMIN a node starts" wait_for 20 node_ready "$D"
check "and comes up to bat" on_node "$E" cluster handover lan --to "n$D"
not_ready() { ! node_ready "$1"; }
wait_for 5 not_ready "$D"
said=$(at "n$D" curl -sS -m 3 http://127.0.0.1:8081/readyz)
expect "it says what is missing" "Operation not permitted.*CAP_NET_ADMIN.*vip.conf" "$said"
is_missing() { on_node "$E" cluster | grep -q "$VIP MISSING"; }
check "the others show it" wait_for 3 is_missing
check_fails "a failure would not be safe" "lan has a node up to bat without the vip" on_node "$E" cluster ready
expect "clients are served by broadcast" "^ACK $LEASE " "$(dhcp c1 rebind --mac "$(mac_of c1 eth0)" --address "$LEASE")"

# An operator's own: never touched.
ip -n "$LAB_PREFIX-n$E" address add "$VIP/16" dev eth0
check "back to n$E" on_node "$E" cluster handover lan --to "n$E"
wait_for 5 not_ready "$E"
expect "somebody else's address is in the way" "has this address from somebody else" "$(on_node "$E" cluster)"
check "it is not removed" has "$E"
ip -n "$LAB_PREFIX-n$E" address delete "$VIP/16" dev eth0
check "once it is gone, ours comes" wait_for 5 is_at "n$E"
check "and the node is ready" wait_for 3 node_ready "$E"

site "" >"$LAB_DIRECTORY/without.yaml"
check "a site without it is applied" on_node "$E" apply -f "$LAB_DIRECTORY/without.yaml"
check "it is gone everywhere" wait_for 3 is_at ""
# One machine alone simply has it.
SERVE_WITH=() SERVER_NAMESPACE=alone
namespace alone
plug lan alone eth0 10.77.0.9/16
configure "tftp: { enabled: false }"
serve_site < <(site "    vip: 10.77.0.210
")
alone_has() { ip -n "$LAB_PREFIX-alone" -o -4 address show dev eth0 | grep -q ' 10.77.0.210/16 '; }
check "one machine alone has it" wait_for 5 alone_has
expect "and answers with its own address where nothing else is said" "this node's own address" \
    "$(ondeck explain --mac 02:00:00:00:09:09)"
stop "$SERVER" TERM
if alone_has; then fail "until it stops"; else ok "until it stops"; fi

for i in 1 2 3; do
    expect "n$i has what is its own" "inet 10.77.0.$i/16.*inet 10.77.0.201/16" \
        "$(ip -n "$LAB_PREFIX-n$i" -o -4 address show dev eth0 | tr '\n' ' ')"
done
group_done
