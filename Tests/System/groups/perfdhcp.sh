#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A steady load that a debug build must carry without losing one packet. The benchmarks look for the limit.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin pe
standard_server 2
address c1 10.77.1.1/16

said=$(at c1 perfdhcp -4 -l 10.77.1.1 -r 200 -R 100000 -p 5 -W 1000000 "$SERVER_ADDRESS" 2>&1)
expect_equal "perfdhcp, 200 exchanges a second for 5 s: OFFERs lost" 0 \
    "$(sed -n '/DISCOVER-OFFER/,/REQUEST-ACK/p' <<<"$said" | grep -oE 'drops: [0-9]+' | head -n 1 | cut -d' ' -f2)"
expect_equal "perfdhcp: ACKs lost" 0 \
    "$(sed -n '/REQUEST-ACK/,$p' <<<"$said" | grep -oE 'drops: [0-9]+' | head -n 1 | cut -d' ' -f2)"
expect "perfdhcp: the rate was reached" 'sent packets: (9[5-9][0-9]|100[0-9])$' \
    "$(sed -n '/REQUEST-ACK/,$p' <<<"$said")"

said=$(at c2 "$TOOLS/dhcp-load" eth0 --rate 150 --seconds 5 --renew 20 --release 10 --settle 3 --verify)
expect "directly, 150 new clients a second: all bound, nothing broken" 'waiting 0,' "$said"
expect "no address twice" 'doubles 0,' "$said"
expect_none "every promise kept" 'BROKEN' "$said"
leases=$(ondeck lease list -o json | "$TOOLS/json-find" address state=bound | wc -l)
expect_equal "every lease is in the list" yes "$([ "$leases" -gt 1500 ] && echo yes || echo "only $leases")"
group_done
