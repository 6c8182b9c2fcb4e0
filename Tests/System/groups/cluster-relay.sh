#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes behind relay agents: twelve networks whose router forwards to every node, one whose router knows a single
# helper address, and one whose option 82 changes on the way.
#
#     clients f1 ... f12  --  10.88.K.0/24  --  relay 10.77.0.254  --  switch "lan"  --  n1 n2 n3
#     client g1           --  10.89.0.0/24  --  single 10.77.0.253 --'     |
#     c1 10.77.1.2, a relay of our own making, for 10.90.0.0/24 ----------'
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin cr
COUNT=12

# link ROUTER INTERFACE ADDRESS/LENGTH CLIENT: a cable between the router and the client's eth0.
link() {
    namespace "$4"
    ip -n "$LAB_PREFIX-$1" link add "$2" type veth peer name eth0 netns "$LAB_PREFIX-$4"
    ip -n "$LAB_PREFIX-$1" address add "$3" broadcast + dev "$2"
    ip -n "$LAB_PREFIX-$1" link set "$2" up
    ip -n "$LAB_PREFIX-$4" link set eth0 up
}
router() { # router NAME ADDRESS
    namespace "$1"
    plug lan "$1" eth0 "$2/$LAN_LENGTH"
    at "$1" sysctl -qw net.ipv4.ip_forward=1
}
twelve() {
    local k
    echo "networks:"
    for k in $(seq "$COUNT"); do
        echo "  far$k: { lease: 10m, unknown: lease, probe: false," \
            "subnets: [{ subnet: 10.88.$k.0/24, pools: [10.88.$k.100-10.88.$k.250] }] }"
    done
}
two_more() {
    echo "  single: { lease: 10m, unknown: lease, probe: false," \
        "subnets: [{ subnet: 10.89.0.0/24, pools: [10.89.0.100-10.89.0.250] }] }"
    echo "  rewritten: { lease: 10m, unknown: lease, probe: false," \
        "subnets: [{ subnet: 10.90.0.0/24, pools: [10.90.0.100-10.90.0.250], relays: [10.77.1.2] }] }"
}
# shares [ASKED]: how many networks each holder has, "4 4 4" if that is so; "-" for those without one.
shares() {
    on_node "${1:-1}" cluster -o json 2>/dev/null | python3 -c "import collections, json, sys
holders = collections.Counter(n.get('holder') or '-' for n in json.load(sys.stdin)['networks'])
print(*(f'{name}={holders[name]}' for name in sorted(holders)))" 2>/dev/null
}
has_shares() { [ "$(shares "$1")" = "$2" ]; }
# everywhere COMMAND...: in every network at once, its number for the letter K in any word; what each said is in said.K.
everywhere() {
    local k processes=()
    for k in $(seq "$COUNT"); do
        at "f$k" "${@//K/$k}" >"$LAB_DIRECTORY/said.$k" 2>&1 &
        processes+=("$!")
    done
    LAB_PROCESSES+=("${processes[@]}")
    wait "${processes[@]}"
}
count_of() { grep -cE -- "$1" "$LAB_DIRECTORY"/said.* | awk -F: '{ n += $2 } END { print n + 0 }'; } # lines in all

cluster_up_far() {
    local i k
    cluster_lan 1
    router relay 10.77.0.254
    router single 10.77.0.253
    for k in $(seq "$COUNT"); do link relay "d$k" "10.88.$k.1/24" "f$k"; done
    link single d1 10.89.0.1/24 g1
    address c1 10.77.1.2/16
    for i in 1 2 3; do
        ip -n "$LAB_PREFIX-n$i" route add 10.88.0.0/16 via 10.77.0.254
        ip -n "$LAB_PREFIX-n$i" route add 10.89.0.0/24 via 10.77.0.253
    done
    etcd_in_memory
    etcd_cluster
    for i in 1 2 3; do configure_node "$i"; start_node "$i"; done
    for i in 1 2 3; do
        wait_for 30 node_ready "$i" || { fail "node n$i becomes ready" "$(tail -n 5 "$LAB_DIRECTORY/n$i.log")"; group_done; }
    done
}
cluster_up_far
twelve >"$LAB_DIRECTORY/site.yaml"
check "twelve networks are taken" on_node 1 apply -f "$LAB_DIRECTORY/site.yaml"
EVENLY="n1=4 n2=4 n3=4"
check "terms are spread evenly" wait_for 40 has_shares 1 "$EVENLY"
for i in 2 3; do expect_equal "n$i sees the same" "$EVENLY" "$(shares "$i")"; done

downs=()
for k in $(seq "$COUNT"); do downs+=(-id "d$k"); done
start relay relay.log dhcrelay -4 -d --no-pid -a -iu eth0 "${downs[@]}" 10.77.0.1 10.77.0.2 10.77.0.3
wait_for 5 listens_udp relay 67

everywhere "$TOOLS/dhcp-client" eth0 discover --mac 02:00:00:88:00:01 --all --wait 2
expect_equal "every network has an answer, from one node" "$COUNT" "$(count_of '^OFFER 10\.88\.')"
everywhere "$TOOLS/dhcp-client" eth0 dora --mac 02:00:00:88:00:02
expect_equal "every network's client gets an address" "$COUNT" "$(count_of '^ACK 10\.88\.')"
wrong=""
for k in $(seq "$COUNT"); do grep -q "^ACK 10\.88\.$k\." "$LAB_DIRECTORY/said.$k" || wrong+=" far$k"; done
expect_equal "of its own link" "" "$wrong"

# A node dies while clients ask in every network.
everywhere "$TOOLS/dhcp-load" eth0 --rate 4 --seconds 5 --settle 5 --verify --report "$LAB_DIRECTORY/reportK" &
LOAD=$!
sleep 3
stop "${NODE_PROCESS[2]}" KILL
wait "$LOAD"
expect_equal "a node is killed: in every network every promise is kept" 0 "$(count_of 'BROKEN|Traceback')"
expect_equal "and nobody is left waiting" "$COUNT" "$(count_of 'waiting 0,')"
check "the others share its networks" wait_for 5 has_shares 1 "n1=6 n3=6"
start_node 2
wait_for 20 node_ready 2
check "it comes back and is given its part" wait_for 60 has_shares 1 "$EVENLY"
everywhere "$TOOLS/dhcp-client" eth0 dora --mac 02:00:00:88:00:03
expect_equal "and all twelve answer" "$COUNT" "$(count_of '^ACK 10\.88\.')"

# One helper address: only that node hears the clients, so the network must come to it.
two_more >>"$LAB_DIRECTORY/site.yaml"
check "two more networks are taken" on_node 1 apply -f "$LAB_DIRECTORY/site.yaml"
wait_for 10 has_holder single
wait_for 10 has_holder rewritten
holder=$(holder single)
helper=$([ "$holder" = n1 ] && echo 2 || echo 1)
start single single.log dhcrelay -4 -d --no-pid -a -iu eth0 -id d1 "10.77.0.$helper"
wait_for 5 listens_udp single 67
at g1 "$TOOLS/dhcp-load" eth0 --rate 2 --seconds 4 --settle 6 --verify --report "$LAB_DIRECTORY/report" \
    >"$LAB_DIRECTORY/load" 2>&1
expect_none "a router that knows one helper: every promise kept" 'BROKEN|Traceback' "$(cat "$LAB_DIRECTORY/load")"
expect "its clients get addresses, although the network was $holder's and the helper is n$helper" 'waiting 0,' \
    "$(cat "$LAB_DIRECTORY/load")"
expect_equal "because it came to the node that hears them" "n$helper" "$(holder single)"

# Option 82 is the relay's: what comes back is what came in, and who the client is does not depend on it.
node=$(holder rewritten)
said=$(dhcp c1 discover --mac 02:00:00:90:00:01 --giaddr 10.77.1.2 --to "10.77.0.${node#n}" --circuit "port 7")
expect "a relay's own information comes back" '^OFFER 10\.90\.0\..* 82=0106706f72742037' "$said"
offered=$(grep -oE '^OFFER [0-9.]+' <<<"$said" | cut -d' ' -f2)
said=$(dhcp c1 select --mac 02:00:00:90:00:01 --address "$offered" --server "10.77.0.${node#n}" --giaddr 10.77.1.2 \
    --to "10.77.0.${node#n}" --circuit "uplink")
expect "rewritten by a switch on the way: the same address, and the new words" \
    "^ACK ${offered//./\\.} .* 82=010675706c696e6b" "$said"
for i in 1 2 3; do
    [ "n$i" = "$node" ] || expect_none "n$i, on deck, gives nobody else's answer" '^(OFFER|ACK|NAK)' \
        "$(dhcp c1 discover --mac 02:00:00:90:00:02 --giaddr 10.77.1.2 --to "10.77.0.$i" --circuit "port 8" --wait 1)"
done
group_done
