#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 again and again under load. No address twice among clients that hold one; every ACK is honoured afterwards.
# ROUNDS= how many kills (default 10).
. "$(dirname "$0")/../lib/ondeck.sh"
ROUNDS=${ROUNDS:-10}
lab_begin ki
standard_server 1
# A pool that the clients fill by half, so that addresses given back come round again.
ordinary_site | sed 's/10.77.10.0-10.77.49.255/10.77.10.0-10.77.19.255/' | apply

at c1 "$TOOLS/dhcp-load" eth0 --rate 80 --seconds $((ROUNDS * 2 + 2)) --renew 40 --release 30 --settle 10 --verify \
    --report "$LAB_DIRECTORY/report" --state "$LAB_DIRECTORY/clients" >"$LAB_DIRECTORY/load" 2>&1 &
LOAD=$!
LAB_PROCESSES+=("$LOAD")
slowest=0
for _ in $(seq "$ROUNDS"); do
    sleep "1.$((RANDOM % 10))"
    stop "$SERVER" KILL
    began=$(now_ms)
    serve || { fail "the server starts again after kill -9" "$(tail -n 5 "$LAB_DIRECTORY/server.log")"; group_done; }
    took=$(($(now_ms) - began))
    [ "$took" -le "$slowest" ] || slowest=$took
done
ok "$ROUNDS times kill -9 under load, and started again" "ready after at most $slowest ms"
wait "$LOAD"
status=$?
said=$(cat "$LAB_DIRECTORY/load")
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
if [ "$status" = 0 ]; then ok "the clients' own account" "$said"; else fail "the clients' own account" "$said"; fi
expect_equal "no address given to two clients" 0 "$(number doubles)"
expect_equal "no acknowledged lease lost (silence)" 0 "$(number silent)"
expect_equal "no acknowledged lease refused (NAK)" 0 "$(number refused)"
expect_equal "no client moved to another address" 0 "$(number moved)"
expect_equal "nobody is left waiting" 0 "$(number waiting)"
expect_equal "enough clients to mean something" yes \
    "$([ "$(number verified)" -gt $((ROUNDS * 50)) ] && echo yes || echo "only $(number verified)")"
expect_below "the longest time without a new lease" 4 "$(number longest_gap)" s

# Once more from the disk alone: what the last server had is what a new one has.
stop "$SERVER" KILL
serve
said=$(at c1 "$TOOLS/dhcp-load" eth0 --seconds 0 --clients-max 0 --verify --state "$LAB_DIRECTORY/clients" 2>&1)
expect_none "every lease is honoured by a server that starts from the disk" 'BROKEN' "$said"
expect "and every client had its answer" 'verified [1-9]' "$said"
check "the database is whole" sh -c \
    "sqlite3 -readonly '$DATA/ondeck.sqlite' 'pragma integrity_check' | grep -x ok"
group_done
