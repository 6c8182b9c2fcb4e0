#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From the start of the process to the first ACK, and the memory then, with COUNT leases and COUNT reservations in the
# store; Kea beside it with the same. A client knocks every 10 ms until it is answered.
# The last two lines:   start-ms MILLISECONDS   rss-mib MEBIBYTES   OnDeck's, medians
#   COUNT=100000   ROUNDS=3   CHECK=1 fails unless below Kea with the same
. "$(dirname "$0")/lib/bench.sh"
COUNT=${COUNT:-100000}
ROUNDS=${ROUNDS:-3}
bench_begin bs
MAC=02:aa:00:00:00:07

# until_answered BEGAN: prints the milliseconds until our client has its ACK.
until_answered() {
    at c1 "$BENCH/lib/knock.py" eth0 "$MAC" 60 >/dev/null || { echo "no ACK within 60 s" >&2; return 1; }
    echo $(($(now_ms) - $1))
}

declare -A TOOK RSS
for round in $(seq "$ROUNDS"); do
    prepare_kea "$COUNT" "$COUNT"
    began=$(now_ms)
    launch_kea
    TOOK[kea]+=" $(until_answered "$began")"
    RSS[kea]+=" $(($(resident_kib "$SERVER") / 1024))"
    stop "$SERVER"

    [ "$round" != 1 ] || filled_ondeck "$COUNT" "$COUNT"
    began=$(now_ms)
    launch
    TOOK[ondeck]+=" $(until_answered "$began")"
    RSS[ondeck]+=" $(($(resident_kib "$SERVER") / 1024))"
    if [ "$round" = 1 ]; then
        wait_for 60 is_ready
        leases=$(ondeck lease list -o json | "$TOOLS/json-find" address state=bound | wc -l)
        [ "$leases" -ge "$COUNT" ] || { echo "OnDeck shows only $leases leases of $COUNT"; exit 1; }
    fi
    stop "$SERVER"
done

echo "$COUNT leases and $COUNT reservations"
echo "                start to first ACK, ms        memory then, MiB"
for peer in kea ondeck; do
    printf '%-8s %10s   (%s )   %8s   (%s )\n' "$peer" "$(median "${TOOK[$peer]}")" "${TOOK[$peer]}" \
        "$(median "${RSS[$peer]}")" "${RSS[$peer]}"
done
start=$(median "${TOOK[ondeck]}")
rss=$(median "${RSS[ondeck]}")
echo "start-ms $start"
echo "rss-mib $rss"
if [ -n "${CHECK:-}" ]; then
    [ "${start%.*}" -lt "$(median "${TOOK[kea]}" | cut -d. -f1)" ] && [ "${rss%.*}" -lt "$(median "${RSS[kea]}" | cut -d. -f1)" ]
fi
