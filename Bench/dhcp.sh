#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# New leases a second, OnDeck (every lease synced to disk before its ACK) beside Kea (memfile, which never syncs).
# Both in one run, in turns, each round with an empty store; figures are medians of the rounds.
# The last two lines:   dora-vs-kea RATIO   of the highest rates with less than 1 % lost
#                       p99-vs-kea RATIO    of the delays that 99 % of answers keep, OFFER or ACK, whichever is worse,
#                                           at half of OnDeck's rate for both, or, where that is more than Kea holds,
#                                           each at half of its own
#   ROUNDS=3   CHECK=1 fails unless 1.5 and 1 are reached
#   TOOL=perfdhcp uses the client that Kea brings; on a machine like ours it is itself at its end at 18 000/s
. "$(dirname "$0")/lib/bench.sh"
ROUNDS=${ROUNDS:-3}
export TOOL=${TOOL:-dora}
bench_begin bd
echo "$ROUNDS rounds, load by $TOOL"

fresh() { if [ "$1" = kea ]; then fresh_kea; else fresh_ondeck < <(one_network); fi; }

declare -A HELD P99 START=([kea]=5000 [ondeck]=5000)
for round in $(seq "$ROUNDS"); do
    for peer in kea ondeck; do
        echo "  $peer, round $round: highest rate"
        fresh "$peer"
        held=$(load search "${START[$peer]}" | member held)
        HELD[$peer]+=" $held"
        START[$peer]=$((held * 3 / 4 > 100 ? held * 3 / 4 : 100))
        stop "$SERVER"
    done
done
kea=$(median "${HELD[kea]}")
ondeck=$(median "${HELD[ondeck]}")

declare -A RATE
if awk -v half="$ondeck" -v kea="$kea" 'BEGIN { exit !(half / 2 <= kea) }'; then
    RATE=([kea]=$((${ondeck%.*} / 2)) [ondeck]=$((${ondeck%.*} / 2)))
else
    RATE=([kea]=$((${kea%.*} / 2)) [ondeck]=$((${ondeck%.*} / 2)))
fi
for round in $(seq "$ROUNDS"); do
    for peer in kea ondeck; do
        fresh "$peer"
        seen=$(load run "${RATE[$peer]}" 8)
        stop "$SERVER"
        echo "  $peer, round $round at ${RATE[$peer]}/s: $(tr -d '{}"' <<<"$seen")"
        P99[$peer]+=" $(printf '%s\n' "$(member offer_p99_ms <<<"$seen")" "$(member ack_p99_ms <<<"$seen")" | sort -n | tail -n 1)"
    done
done

echo
echo "                  held, new leases a second        p99 of the worse answer, ms"
for peer in kea ondeck; do
    printf '%-8s %10s   (%s )   %8s at %s/s   (%s )\n' "$peer" "$(median "${HELD[$peer]}")" "${HELD[$peer]}" \
        "$(median "${P99[$peer]}")" "${RATE[$peer]}" "${P99[$peer]}"
done
echo "CPU pressure $(busy)"
dora=$(ratio "$ondeck" "$kea")
p99=$(ratio "$(median "${P99[ondeck]}")" "$(median "${P99[kea]}")")
echo "dora-vs-kea $dora"
echo "p99-vs-kea $p99"
[ -z "${CHECK:-}" ] || awk -v dora="$dora" -v p99="$p99" 'BEGIN { exit !(dora >= 1.5 && p99 <= 1) }'
