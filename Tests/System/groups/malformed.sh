#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rubbish on every port while machines are served: nobody waits, nothing grows, nothing falls. SEED= repeats a run.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin ma
standard_server 3
address c1 10.77.1.1/16
address c3 10.77.1.3/16
at c3 "$TOOLS/garbage" "$SERVER_ADDRESS" 2 500 7 >/dev/null # warm: buffers and threads are there
before=$(resident_kib "$SERVER")
threads=$(find "/proc/$SERVER/task" -maxdepth 1 | wc -l)

at c3 "$TOOLS/garbage" "$SERVER_ADDRESS" 15 1500 ${SEED:+"$SEED"} >"$LAB_DIRECTORY/garbage" 2>&1 &
GARBAGE=$!
said=$(at c2 "$TOOLS/dhcp-load" eth0 --rate 20 --seconds 10 --renew 10 --release 5 --settle 5 --verify \
    --report "$LAB_DIRECTORY/report" 2>&1)
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
expect_none "under rubbish: every promise is kept" 'BROKEN' "$said"
expect_equal "under rubbish: every client has an address" 0 "$(number waiting)"
expect_below "under rubbish: half of the clients wait less than" 100 "$(number p50_ms)" ms
check "under rubbish: a file by TFTP" \
    at c1 timeout 20 curl -sS --tftp-blksize 1468 -o /dev/null "tftp://$SERVER_ADDRESS/ipxe/undionly.kpxe"
check "under rubbish: a file by HTTP" at c1 curl -fsS -m 10 -o /dev/null "$BOOT_URL/ipxe/undionly.kpxe"
wait "$GARBAGE" || fail "the rubbish itself" "$(cat "$LAB_DIRECTORY/garbage")"
ok "sent" "$(cat "$LAB_DIRECTORY/garbage")"
check "the server is the same process" is_running "$SERVER"
check "it is ready" is_ready
expect_below "its memory grew by less than 64 MiB" 65536 $(($(resident_kib "$SERVER") - before)) KiB
expect_below "its threads are about as many" $((threads + 16)) "$(find "/proc/$SERVER/task" -maxdepth 1 | wc -l)"
expect_below "its log did not run away" 20000 "$(wc -l <"$LAB_DIRECTORY/server.log")" lines
expect_none "nothing crashed" 'Fatal error|Crash|SIG(SEGV|ILL|ABRT|TRAP)' "$(cat "$LAB_DIRECTORY/server.log")"
leaked=$(find "/proc/$SERVER/fd" -mindepth 1 | wc -l)
sleep 3
expect_below "its open files go back" 400 \
    "$(find "/proc/$SERVER/fd" -mindepth 1 | wc -l)" "(at the end of the rubbish: $leaked)"
group_done
