#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What size costs: OnDeck's CPU time for one exchange (DISCOVER to ACK) at a fixed rate
#   with a million bindings and with a hundred, whose clients ask in turn;
#   with a thousand networks and with one, asked through as many relays.
# Kea with a hundred bindings and with KEA_COUNT stands beside it, as far as it goes in reasonable time.
# The last two lines:   scale-bindings RATIO   scale-networks RATIO   large by small, medians; 1 means no cost
#   RATE=2000   ROUNDS=5   COUNT=1000000   KEA_COUNT=100000   CHECK=1 fails above 1.2
. "$(dirname "$0")/lib/bench.sh"
RATE=${RATE:-2000}
ROUNDS=${ROUNDS:-5}
COUNT=${COUNT:-1000000}
KEA_COUNT=${KEA_COUNT:-100000}
NETWORKS=1000
FIRST_MAC=02:aa:00:00:00:00
export TOOL=dora
bench_begin bc
DATABASE="$LAB_DIRECTORY/ondeck.data/ondeck.sqlite"

declare -A COST
# measure NAME CLIENTS [FIRST-RELAY RELAYS]: notes the CPU time of an exchange; a warm-up goes before.
measure() {
    local name=$1 seen
    shift
    load run "$RATE" 2 "$FIRST_MAC" "$@" >/dev/null
    seen=$(load run "$RATE" 8 "$FIRST_MAC" "$@")
    awk -v lost="$(member lost <<<"$seen")" 'BEGIN { exit !(lost < 0.01) }' || {
        echo "$name: answers were lost, so its cost says nothing: $seen"
        exit 1
    }
    COST[$name]+=" $(member cpu_us_per_dora <<<"$seen")"
}

# with_bindings COUNT: OnDeck from a store of that many, kept for later rounds.
with_bindings() {
    DATA="$LAB_DIRECTORY/bindings.$1"
    configure "log: warning" "tftp: { enabled: false }"
    if [ ! -e "$DATA/ondeck.sqlite" ]; then
        serve_site < <(one_network)
        stop "$SERVER"
        "$BENCH/lib/fill.py" ondeck-reservations "$DATA/ondeck.sqlite" bench "$1"
    fi
    again_ondeck
}

# Networks 10.0.0.0/24 to 10.3.231.0/24, each behind a relay at its .254.
networks() {
    local i
    echo "networks:"
    for i in $(seq 0 $(($1 - 1))); do
        cat <<YAML
  n$i:
    unknown: lease
    lease: 1h
    subnets: [{ subnet: 10.$((i / 256)).$((i % 256)).0/24, pools: [10.$((i / 256)).$((i % 256)).1-10.$((i / 256)).$((i % 256)).250] }]
YAML
    done
}

for round in $(seq "$ROUNDS"); do
    for count in 100 "$COUNT"; do
        with_bindings "$count"
        measure "bindings-$count" "$count"
        stop "$SERVER"
    done
done
for count in 100 "$KEA_COUNT"; do
    mkdir -p "$LAB_DIRECTORY/kea"
    "$BENCH/lib/fill.py" kea-reservations "$LAB_DIRECTORY/reservations" "$count"
    kea_configuration "$LAB_DIRECTORY/reservations" >"$LAB_DIRECTORY/kea.json"
    launch_kea
    wait_for 120 listens_udp server 67
    measure "kea-bindings-$count" "$count"
    stop "$SERVER"
done

# One machine stands for every relay, and is the way to all of them: a kernel keeps about a thousand neighbours.
for i in $(seq 0 $((NETWORKS - 1))); do echo "address add 10.$((i / 256)).$((i % 256)).254/32 dev eth0"; done |
    ip -n "$LAB_PREFIX-c1" -batch -
ip -n "$LAB_PREFIX-server" route add 10.0.0.0/14 via "$LOCAL_ADDRESS"
for round in $(seq "$ROUNDS"); do
    for count in 1 "$NETWORKS"; do
        fresh_ondeck < <(networks "$count")
        # A hundred clients come again and again, as in a rack: in one network, or spread over all of them.
        measure "networks-$count" 100 10.0.0.254 "$count"
        stop "$SERVER"
    done
done

echo
echo "CPU, microseconds an exchange, at $RATE/s:"
for name in bindings-100 "bindings-$COUNT" kea-bindings-100 "kea-bindings-$KEA_COUNT" networks-1 "networks-$NETWORKS"; do
    printf '  %-24s %8s   (%s )\n' "$name" "$(median "${COST[$name]}")" "${COST[$name]}"
done
bindings=$(ratio "$(median "${COST[bindings-$COUNT]}")" "$(median "${COST[bindings-100]}")")
networks=$(ratio "$(median "${COST[networks-$NETWORKS]}")" "$(median "${COST[networks-1]}")")
echo "scale-bindings $bindings"
echo "scale-networks $networks"
[ -z "${CHECK:-}" ] || awk -v a="$bindings" -v b="$networks" 'BEGIN { exit !(a <= 1.2 && b <= 1.2) }'
