#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hundred machines boot at once and one of three nodes is killed in the middle: all of them boot. And: how long a
# dead node is still named, by DHCP answers and by scripts.
# STORM_MACHINES=200   STORM_ROUNDS=1 (LONG: 3)
. "$(dirname "$0")/../lib/boots.sh"
lab_begin bs
boot_files
content_cluster 1 < <(boots_site)
own_the_pool c1
slow_port lan pc1eth0 300mbit # for all of them together, so that there is a middle

# Without a fault first: the tool itself, and how the work is spread.
STORM_MACHINES=30 storm c1 --rate 30 --seconds 40
said=$(cat "$LAB_DIRECTORY/storm")
expect "30 machines, nothing happens: all boot" '^booted 30 of 30' "$said"
expect_equal "nobody had to start again" 0 "$(storm_number restarts)"
for i in 1 2 3; do expect "n$i gave its part" "\"10.77.0.$i http\": [1-9]" "$(cat "$LAB_DIRECTORY/storm.json")"; done
expect "they reported that they are done: from now on their disk" ' file - ' \
    "$(dhcp c1 discover --mac "$(storm_mac 3)" --arch 7)"

# A dead node is not named for long. First one that is not up to bat, so that answers never cease.
A=$(holder lan)
A=${A#n}
B=$((A % 3 + 1))
C=$((B % 3 + 1))
arm_storm "$A"
dead_target "$B" "$A" "$C"
echo "        $(cat "$LAB_DIRECTORY/targets")"
expect_below "it was named before" 1 "$([ "$(target_number named_before)" -gt 0 ] && echo 0 || echo 1)"
expect_below "n$B dies, n$A is up to bat: until nobody names it, DHCP" 1001 "$(target_number offers_ms)" ms
expect_below "n$B dies, n$A is up to bat: until nobody names it, scripts" 1001 "$(target_number scripts_ms)" ms
expect "ondeck targets says why it is passed over" "n$B" "$(on_node "$A" targets 2>&1)"
back "$B"
sleep 3

A=$(holder lan)
A=${A#n}
B=$((A % 3 + 1))
C=$((B % 3 + 1))
dead_target "$A" "$B" "$C"
echo "        $(cat "$LAB_DIRECTORY/targets")"
expect_below "n$A dies, who is up to bat: until nobody names it" 1001 "$(target_number ms)" ms
back "$A"
sleep 3

rounds=${STORM_ROUNDS:-$([ -n "$LONG" ] && echo 3 || echo 1)}
for round in $(seq "$rounds"); do
    arm_storm 1
    victim=$((round % 3 + 1))
    storm_kills "$victim" c1 --rate 40 --seconds 75
    said=$(cat "$LAB_DIRECTORY/storm")
    echo "        n$victim killed: $(head -n 1 <<<"$said")"
    expect_equal "$STORM_MACHINES machines, n$victim killed in the middle: booted" "$STORM_MACHINES" "$(storm_number booted)"
    expect_equal "nobody got a wrong file" 0 "$(storm_number wrong)"
    expect_below "machines were in the middle of it" 0 "-$(storm_number in_flight_at_kill)"
    expect_none "nobody is left behind" 'NOT BOOTED' "$said"
    back "$victim"
done
group_done
