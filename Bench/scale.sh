#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What size costs: OnDeck's CPU time for one exchange (DISCOVER to ACK) at a fixed rate
#   with a million bindings and with a hundred, whose clients ask in turn;
#   with a thousand networks and with one, asked through as many relays.
# Both servers run all the while on core 0, each with its own clients' turn of a few seconds: what disturbs one, disturbs
# the other. Kea with a hundred bindings and with KEA_COUNT stands beside them.
# The last two lines:   scale-bindings RATIO   scale-networks RATIO   large by small, the median of the pairs; 1 means
# that size costs nothing
#   RATE=2000   ROUNDS=9   COUNT=1000000   KEA_COUNT=100000   CHECK=1 fails above 1.2
. "$(dirname "$0")/lib/bench.sh"
RATE=${RATE:-2000}
ROUNDS=${ROUNDS:-9}
COUNT=${COUNT:-1000000}
KEA_COUNT=${KEA_COUNT:-100000}
NETWORKS=1000
FIRST_MAC=02:aa:00:00:00:00
export TOOL=dora
bench_begin bc
namespace large
plug lan large eth0 10.77.0.2/8

# Two servers, side by side: which namespace, which address, which process.
small() { SERVER_NAMESPACE=server SERVER_ADDRESS=10.77.0.1 SERVER=${PROCESS[small]:-}; }
large() { SERVER_NAMESPACE=large SERVER_ADDRESS=10.77.0.2 SERVER=${PROCESS[large]:-}; }
declare -A PROCESS COST

# one_turn small|large NAME SECONDS LOAD-ARGUMENTS...: notes the CPU time of an exchange under NAME. A turn in which
# answers were lost says nothing about the cost of an answer, and is tried again.
one_turn() {
    local name=$2 seconds=$3 seen
    "$1"
    shift 3
    for _ in 1 2 3 4 5; do
        seen=$(load run "$RATE" "$seconds" "$FIRST_MAC" "$@")
        if awk -v lost="$(member lost <<<"$seen")" 'BEGIN { exit !(lost < 0.01) }'; then
            COST[$name]+=" $(member cpu_us_per_dora <<<"$seen")"
            return
        fi
    done
    echo "$name: answers are lost again and again: $seen"
    return 1
}

# compare NAME SMALL-COUNT LARGE-COUNT: turns about.
compare() {
    local name=$1 few many
    read -ra few <<<"$(clients "$name" "$2")"
    read -ra many <<<"$(clients "$name" "$3")"
    one_turn small warm 2 "${few[@]}" && one_turn large warm 2 "${many[@]}" || exit 1
    for _ in $(seq "$ROUNDS"); do
        one_turn small "$name-$2" 3 "${few[@]}" && one_turn large "$name-$3" 3 "${many[@]}" || exit 1
    done
    stop "${PROCESS[small]}"
    stop "${PROCESS[large]}"
}

# clients NAME COUNT: who asks. Of bindings, every one; of networks, a hundred clients through as many relays.
clients() { if [ "$1" = networks ]; then echo 100 10.0.0.254 "$2"; else echo "$2"; fi; }

# The ratios of the pairs, their median.
ratio_of() {
    local small large
    read -ra small <<<"${COST[$1]}"
    read -ra large <<<"${COST[$2]}"
    for i in "${!small[@]}"; do awk -v a="${large[$i]}" -v b="${small[$i]}" 'BEGIN { if (b > 0) printf "%.3f\n", a / b }'; done |
        sort -n | awk '{ a[NR] = $1 } END { printf "%.2f\n", a[int((NR + 1) / 2)] }'
}

# Networks 10.0.0.0/24 to 10.3.231.0/24, each behind a relay at its .254.
networks() {
    local i net
    echo "networks:"
    for i in $(seq 0 $(($1 - 1))); do
        net="10.$((i / 256)).$((i % 256))"
        echo "  n$i: { unknown: lease, lease: 1h, subnets: [{ subnet: $net.0/24, pools: [$net.1-$net.250] }] }"
    done
}

echo "filling a database with $COUNT bindings"
for size in "small 100" "large $COUNT"; do
    "${size% *}"
    filled_ondeck 0 "${size#* }"
    serve || exit 1
    PROCESS[${size% *}]=$SERVER
done
compare bindings 100 "$COUNT"

for size in "small 100" "large $KEA_COUNT"; do
    "${size% *}"
    prepare_kea 0 "${size#* }"
    serve_kea
    PROCESS[${size% *}]=$SERVER
done
compare kea-bindings 100 "$KEA_COUNT"

# One machine stands for every relay, and is the way to all of them: a kernel keeps about a thousand neighbours.
for i in $(seq 0 $((NETWORKS - 1))); do echo "address add 10.$((i / 256)).$((i % 256)).254/32 dev eth0"; done |
    ip -n "$LAB_PREFIX-c1" -batch -
for size in "small 1" "large $NETWORKS"; do
    "${size% *}"
    ip -n "$LAB_PREFIX-$SERVER_NAMESPACE" route add 10.0.0.0/14 via "$LOCAL_ADDRESS"
    fresh_ondeck < <(networks "${size#* }")
    PROCESS[${size% *}]=$SERVER
done
compare networks 1 "$NETWORKS"

echo
echo "CPU, microseconds an exchange, at $RATE/s:"
for name in bindings-100 "bindings-$COUNT" kea-bindings-100 "kea-bindings-$KEA_COUNT" networks-1 "networks-$NETWORKS"; do
    printf '  %-24s %8s   (%s )\n' "$name" "$(median "${COST[$name]}")" "${COST[$name]}"
done
echo "Kea: $(ratio_of kea-bindings-100 "kea-bindings-$KEA_COUNT") with $KEA_COUNT bindings; CPU pressure $(busy)"
bindings=$(ratio_of bindings-100 "bindings-$COUNT")
networks=$(ratio_of networks-1 "networks-$NETWORKS")
echo "scale-bindings $bindings"
echo "scale-networks $networks"
[ -z "${CHECK:-}" ] || awk -v a="$bindings" -v b="$networks" 'BEGIN { exit !(a <= 1.2 && b <= 1.2) }'
