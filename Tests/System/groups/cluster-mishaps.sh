#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What operators and machines do to a healthy cluster: a clock that is an hour off, a full etcd, a second cluster on the
# same prefix, two nodes of one name.
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin cm
etcd_in_memory
QUOTA=$((16 << 20))
FULL_POOL=64
cluster_lan 2
etcd_cluster --quota-backend-bytes "$QUOTA"
STEP="$LAB_DIRECTORY/step"
gcc -O2 -shared -fPIC -o "$LAB_DIRECTORY/step-clock.so" "$TOOLS/step-clock.c" || { fail "step-clock.c compiles"; group_done; }

start_stepped() { # start_stepped NODE: with a wall clock that is off by the seconds in $STEP
    SERVE_WITH=(env "LD_PRELOAD=$LAB_DIRECTORY/step-clock.so" "STEP_CLOCK_FILE=$STEP")
    start_node "$1"
    SERVE_WITH=()
}
ready() { # ready NODE: or the group ends
    wait_for 30 node_ready "$1" || { fail "node n$1 becomes ready" "$(tail -n 5 "$LAB_DIRECTORY/n$1.log")"; group_done; }
}
logged() { grep -qE -- "$2" "$LAB_DIRECTORY/n$1.log"; } # logged NODE PATTERN
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
load() {
    rm -f "$LAB_DIRECTORY/report"
    at c1 "$TOOLS/dhcp-load" eth0 --state "$LAB_DIRECTORY/clients" --report "$LAB_DIRECTORY/report" "$@" \
        >"$LAB_DIRECTORY/load" 2>&1
}
# held WHEN: strangers get nothing, and the holders of all addresses keep theirs.
held() {
    load --rate 8 --seconds 2 --clients-max 8 --verify
    expect_equal "$1: a stranger gets no holder's address" 0 "$(number bound)"
    expect_none "$1: every holder keeps his" 'BROKEN|Traceback' "$(cat "$LAB_DIRECTORY/load")"
    expect_equal "$1: all were asked for" "$FULL_POOL" "$(number verified)"
}

# A clock that is an hour off

for i in 1 2 3; do configure_node "$i"; done
start_node 2
start_node 3
ready 2
ready 3
echo 3600 >"$STEP"
start_stepped 1
ready 1
expect "the clock of n1 can be moved" 'step-clock' "$(cat "/proc/${NODE_PROCESS[1]}/maps")"
check "a node whose clock is an hour ahead takes the cluster's time, and says so" \
    wait_for 5 logged 1 "clock is 3[56][0-9]{5} ms off the cluster's time"
cat >"$LAB_DIRECTORY/site.yaml" <<YAML
networks:
  lan:
    lease: 10m
    unknown: lease
    probe: false
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.10.63]
reservations:
  - { network: lan, address: 10.77.5.5, mac: "02:00:00:00:05:05" }
YAML
check "the site is taken by it" on_node 1 apply -f "$LAB_DIRECTORY/site.yaml"
wait_for 10 has_holder lan
on_node 2 cluster handover lan --to n1 >/dev/null 2>&1
check "it is up to bat" wait_for 5 serves lan 1
load --rate 64 --seconds 1.5 --clients-max "$FULL_POOL" --settle 3
expect_equal "the pool is full" "$FULL_POOL" "$(number bound)"
sleep 1
expect "the others say whose clock is off" 'clock of node n1 is .* ahead of' "$(on_node 2 cluster ready 2>&1)"
held "up to bat with a clock an hour ahead"
echo -3600 >"$STEP"
held "set back by two hours meanwhile"
stop "${NODE_PROCESS[1]}" KILL
check "it dies, and another takes over" wait_for 5 serves_not lan 1
held "after it, by the others' clocks"
start_stepped 1
ready 1
on_node 2 cluster handover lan --to n1 >/dev/null 2>&1
check "started an hour behind, it is up to bat again" wait_for 5 serves lan 1
held "up to bat with a clock an hour behind"
echo 0 >"$STEP"
held "and when it is set right"
check "a failure now would be safe again" wait_for 10 on_node 2 cluster ready

# etcd is full

head -c 1000000 /dev/zero | tr '\0' x >"$LAB_DIRECTORY/filler"
said=""
for i in $(seq 40); do
    said=$(etcdctl_ put "/filler/$i" <"$LAB_DIRECTORY/filler" 2>&1) || break
done
expect "etcd's space is used up" 'space exceeded' "$said"
check "the nodes notice" wait_for 15 logged 1 'the store takes no writes: .*space'
sleep 1.5
expect "the overview says why" 'NOSPACE' "$(on_node 2 cluster 2>&1)"
check_fails "a failure now would not be safe" 'store|space|full' on_node 2 cluster ready
expect "a binding is answered" '10.77.5.5' "$(dhcp c2 discover --mac 02:00:00:00:05:05)"
load --seconds 0 --clients-max 0 --verify --verify-by rebind
expect_none "every known client may go on" 'BROKEN|Traceback' "$(cat "$LAB_DIRECTORY/load")"
expect_equal "and has its answer" "$FULL_POOL" "$(number verified)"
for i in 1 2 3; do check "n$i lives" is_running "${NODE_PROCESS[$i]}"; done
etcdctl_ del --prefix /filler/ >/dev/null 2>&1
revision=$(etcdctl_ get x -w json | "$TOOLS/json-find" revision | head -n 1)
etcdctl_ compact "$revision" >/dev/null 2>&1
etcdctl_ --command-timeout 20s defrag >/dev/null 2>&1
etcdctl_ alarm disarm >/dev/null 2>&1
check "with room again, a failure would be safe" wait_for 20 on_node 2 cluster ready
held "after etcd was full"

# Two clusters on one prefix

holder=$(holder lan)
third=$([ "$holder" = n3 ] && echo 1 || echo 3) # a node on deck
stop "${NODE_PROCESS[$third]}" TERM
sed -i 's/name: lab/name: other/' "$LAB_DIRECTORY/n$third.yaml"
start_node "$third"
is_gone() { ! is_running "${NODE_PROCESS[$third]}"; }
check "a node of another cluster on the same prefix ends" wait_for 20 is_gone
expect "and says how to separate them" "holds the cluster 'lab', and this node belongs to 'other'.*another prefix" \
    "$(cat "$LAB_DIRECTORY/n$third.log")"
expect_equal "it has taken nothing" "$holder" "$(holder lan "${holder#n}")"
held "beside another cluster"

# Two nodes of one name

second=$([ "$holder" = n2 ] && echo 1 || echo 2) # the other node on deck
sed -i "s/name: other/name: lab/; s/^node: .*/node: $holder/" "$LAB_DIRECTORY/n$third.yaml"
start_node "$third"
older_is_gone() { ! is_running "${NODE_PROCESS[${holder#n}]}"; }
check "a second node of the holder's name: the older one ends" wait_for 20 older_is_gone
expect "and says that names must differ" \
    "another ondeck process has this node's name, $holder, .*Each node needs a name of its own" \
    "$(cat "$LAB_DIRECTORY/$holder.log")"
ready "$third"
check "somebody is up to bat" wait_for 10 has_holder lan "$second"
held "after two nodes had one name"
stop "${NODE_PROCESS[$third]}" TERM
sed -i "s/^node: .*/node: n$third/" "$LAB_DIRECTORY/n$third.yaml"
start_node "$third"
start_node "${holder#n}"
for i in 1 2 3; do ready "$i"; done
check "each with its own name again, a failure would be safe" wait_for 20 on_node "$second" cluster ready
held "at the end"
group_done
