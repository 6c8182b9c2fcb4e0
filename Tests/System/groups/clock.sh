#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine's clock is set forward and back while clients hold every address of a small pool: nobody loses his, and
# nobody else is given it. Only the server's own view of the wall clock is moved (tools/step-clock.c).
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin ck
lan 1
STEP="$LAB_DIRECTORY/step"
echo 0 >"$STEP"
gcc -O2 -shared -fPIC -o "$LAB_DIRECTORY/step-clock.so" "$TOOLS/step-clock.c" || { fail "step-clock.c compiles"; group_done; }
SERVE_WITH=(env "LD_PRELOAD=$LAB_DIRECTORY/step-clock.so" "STEP_CLOCK_FILE=$STEP")
configure
serve_site < <(ordinary_site | sed 's/10.77.10.0-10.77.49.255/10.77.10.0-10.77.10.63/')
CLIENTS="$LAB_DIRECTORY/clients"
load() { at c1 "$TOOLS/dhcp-load" eth0 --state "$CLIENTS" --report "$LAB_DIRECTORY/report" "$@" 2>&1; }
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
expect "the server's wall clock can be moved" 'step-clock' "$(cat "/proc/$SERVER/maps")"

load --rate 64 --seconds 1.5 --clients-max 64 --settle 3 >/dev/null
expect_equal "the pool of 64 is full" 64 "$(number bound)"

# held WHEN: strangers get nothing, holders keep what they have.
held() {
    load --rate 8 --seconds 3 --clients-max 8 --verify >"$LAB_DIRECTORY/load"
    expect_equal "$1: a stranger gets no holder's address" 0 "$(number bound)"
    expect_equal "$1: no address twice" 0 "$(number doubles)"
    expect_none "$1: every holder keeps his" 'BROKEN' "$(cat "$LAB_DIRECTORY/load")"
    expect_equal "$1: all 64 were asked for" 64 "$(number verified)"
}

held "before any step"
for step in 3700 -3700 86400 0; do
    echo "$step" >"$STEP"
    held "clock $step s from the truth"
done
check "the server lives" is_running "$SERVER"
check "and is ready" is_ready

# Back to 1970 and restarted: the leases on the disk say that it is later than that.
stop "$SERVER" KILL
echo $((-$(date +%s) + 1000)) >"$STEP"
serve || fail "the server starts in 1970" "$(tail -n 5 "$LAB_DIRECTORY/server.log")"
held "restarted with a clock that has lost its battery"
echo 0 >"$STEP"
held "and when it is set right again"
group_done
