#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whether these tests can fail: the clients' account must find each fault of a server made to be wrong.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin ha
lan 1

# account FAULT: what the clients say of a server with that fault.
account() {
    local status
    start server bad-server.log "$TOOLS/bad-server" eth0 "$1"
    sleep 0.5
    said=$(at c1 "$TOOLS/dhcp-load" eth0 --rate 50 --seconds 1 --settle 1 --verify 2>&1)
    status=$?
    stop "$STARTED"
    return "$status"
}

if account good; then ok "a good server: nothing is found" "$said"; else fail "a good server: nothing is found" "$said"; fi
for fault in "double|given to" "forget|gets no answer" "nak|got a NAK" "move|was then given"; do
    if account "${fault%|*}"; then
        fail "a server that does \"${fault%|*}\" is found out" "$said"
    else
        expect "a server that does \"${fault%|*}\" is found out" "BROKEN.*${fault#*|}" "$said"
    fi
done

# A check that fails is counted, and a group that ends early is too.
said=$(CHECKS_FAILED=0; check "canary" false; echo "counted $CHECKS_FAILED")
expect "a failed check is counted" 'counted 1' "$said"
said=$(CHECKS_FAILED=0; expect "canary" 'never' "something else"; expect_equal "canary" 1 2; echo "counted $CHECKS_FAILED")
expect "failed expectations are counted" 'counted 2' "$said"
group_done
