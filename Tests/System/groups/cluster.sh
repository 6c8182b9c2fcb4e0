#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes on three etcd members, everything healthy: one answers for the pool, all for the bindings, and operators
# see and move who does.
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin cl
cluster_up 2 <<YAML
networks:
  lan:
    lease: 10m
    unknown: lease
    probe: false
    options: { routers: [10.77.0.254] }
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.49.255]
reservations:
  - { network: lan, address: 10.77.5.5, mac: "02:00:00:00:05:05", hostname: five }
YAML
first=$(holder lan)
ok "one node is up to bat" "$first"
for i in 1 2 3; do expect_equal "node n$i says the same" "$first" "$(holder lan "$i")"; done
expect "the overview names every node" 'n3' "$(on_node 1 cluster)"
check "a failure now would be safe" on_node 2 cluster ready

at c1 "$TOOLS/dhcp-load" eth0 --rate 50 --seconds 4 --settle 5 --verify --report "$LAB_DIRECTORY/report" \
    >"$LAB_DIRECTORY/load" 2>&1
said=$(cat "$LAB_DIRECTORY/load")
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
expect "clients get addresses" 'bound 1?[0-9]{2}' "$said"
expect_equal "each from one node: no address twice" 0 "$(number doubles)"
expect_equal "nobody is refused" 0 "$(number refused)"
expect_equal "nobody has to ask twice" 0 "$(number resent)"
sleep 1
for i in 1 2 3; do
    leases=$(on_node "$i" lease list -o json | grep -o '"address"' | wc -l)
    expect_equal "node n$i has every lease" "$(number bound)" "$leases"
done

# A binding: every node answers, the same but for its own identity.
said=$(dhcp c1 discover --mac 02:00:00:00:05:05 --all)
expect_equal "every node offers a binding its address" 3 "$(grep -c '^OFFER 10.77.5.5' <<<"$said")"
expect_equal "in the same words, but for who says it" 1 \
    "$(sed -E 's/10\.77\.0\.[123]( |$)/NODE /g; s/54=0a4d000[123]/54=NODE/' <<<"$said" | sort -u | wc -l)"

# Any node takes writes, all see them.
on_node 3 export >"$LAB_DIRECTORY/exported" 2>&1
on_node 2 set network lan leaseSeconds=900 >/dev/null 2>&1 || on_node 2 set network lan lease=15m >"$LAB_DIRECTORY/set" 2>&1
expect "a write at one node is seen by another" '15m|900' "$(on_node 3 get network lan -o yaml)"

# A link with more clients than the kernel keeps neighbours: it refuses what it would have to send itself, broadcasts
# too. (Brought about by a filter: all namespaces of a machine share the one table.)
for i in 1 2 3; do
    at "n$i" nft "add table netdev full; add chain netdev full out { type filter hook egress device eth0 priority 0; };
        add rule netdev full out ip ttl 64 drop"
done
expect "without room for neighbours: a client that takes only broadcasts gets an address" '^ACK 10\.77\..* at ff:ff:ff' \
    "$(dhcp c2 dora --mac 02:00:00:00:06:01 --broadcast)"
at c1 "$TOOLS/dhcp-load" eth0 --rate 20 --seconds 2 --settle 3 --verify --verify-by rebind \
    --report "$LAB_DIRECTORY/report" >"$LAB_DIRECTORY/load" 2>&1
expect_none "and those who have one keep it" 'BROKEN|Traceback' "$(cat "$LAB_DIRECTORY/load")"
expect_equal "all of them" "$(number bound)" "$(number verified)"
expect "the operator hears of it" 'gc_thresh3' "$(cat "$LAB_DIRECTORY/$first.log")"
for i in 1 2 3; do at "n$i" nft delete table netdev full; done

# By hand.
next=$([ "$first" = n2 ] && echo 3 || echo 2)
check "hand over to n$next" on_node 1 cluster handover lan --to "n$next"
check "n$next is up to bat" wait_for 3 serves lan "$next"
check "drain n$next" on_node 1 cluster drain "n$next"
check "its network went elsewhere" wait_for 3 serves_not lan "$next"
check "and undo it" on_node 1 cluster drain "n$next" --undo
expect "an outage of four hours is explained" 'lan' "$(on_node 1 window --outage 4h 2>&1)"
group_done
