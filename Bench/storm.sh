#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a machine in the middle of its boot feels when the node that serves it dies: three nodes, one machine, no balancer.
# The last lines:   boot-added-s            a real iPXE in QEMU: time from its kernel's download to the kernel's first
#                                           line, with the serving node killed, above that without; the worse of kernel
#                                           and initrd; medians
#                   storm-booted-percent    200 simulated machines, one node killed when a fifth of them has booted
#                   targets-recomputed-ms   from the kill to the last DHCP answer or script that names the dead node
#   ROUNDS=3   CHECK=1 fails unless 5, 100 and 1000 are kept
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
export ONDECK
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$BENCH/../Tests/System/lib/boots.sh"
ROUNDS=${ROUNDS:-3}
as_root "$0"
lab_begin bb
boot_files
content_cluster 1 < <(boots_site)
own_the_pool c1
median() { tr ' ' '\n' <<<"$*" | grep . | sort -n | awk '{ a[NR] = $1 } END { print (NR ? a[int((NR + 1) / 2)] : "unknown") }'; }
# The order is given anew each time: a machine that boots one order again and again is held, and rightly.
again() { on_node 1 boot web1 always test >/dev/null && switch_on "$1"; }
booted() { is_up || { echo "The machine did not boot:"; boot_trouble; exit 1; }; }

undisturbed="" kernel="" initrd=""
for _ in $(seq "$ROUNDS"); do
    again undisturbed
    booted
    undisturbed+=" $LOAD_MS"
    for file in linux initrd.test; do
        again "$file"
        kill_during "$file" || { echo "Nobody served $file:"; boot_trouble; exit 1; }
        booted
        case $file in linux) kernel+=" $LOAD_MS" ;; *) initrd+=" $LOAD_MS" ;; esac
        echo "  n$KILLED killed while it serves $file: $LOAD_MS ms (undisturbed:$undisturbed)"
        back "$KILLED"
        sleep 2
    done
done

percent=100 targets="" slowest=0
for round in $(seq "$ROUNDS"); do
    victim=$((round % 3 + 1))
    arm_storm "$victim"
    dead_target "$victim" $((victim % 3 + 1)) $(((victim + 1) % 3 + 1))
    targets+=" $(target_number ms)"
    echo "  $(cat "$LAB_DIRECTORY/targets")"
    back "$victim"
    sleep 3
    arm_storm "$victim"
    slow_port lan pc1eth0 300mbit
    storm_kills "$victim" c1 --rate 40 --seconds 120
    echo "  $(head -n 1 "$LAB_DIRECTORY/storm")"
    percent=$(awk -v a="$percent" -v b="$(storm_number percent)" 'BEGIN { print (b < a ? b : a) }')
    slowest=$(awk -v a="$slowest" -v b="$(storm_number slowest_s)" 'BEGIN { print (b > a ? b : a) }')
    full_speed lan pc1eth0
    back "$victim"
    sleep 3
done
added=$(awk -v u="$(median "$undisturbed")" -v k="$(median "$kernel")" -v i="$(median "$initrd")" \
    'BEGIN { worse = k > i ? k : i; printf "%.1f", (worse - u) / 1000 }')
echo
echo "download and start over $BOOT_RATE, ms: undisturbed$undisturbed; kernel$kernel; initrd$initrd"
echo "storm of $STORM_MACHINES: slowest machine $slowest s"
echo "boot-added-s $added"
echo "storm-booted-percent $percent"
echo "targets-recomputed-ms $(median "$targets")"
[ -z "${CHECK:-}" ] || awk -v a="$added" -v p="$percent" -v t="$(median "$targets")" \
    'BEGIN { exit !(a <= 5 && p >= 100 && t <= 1000) }'
