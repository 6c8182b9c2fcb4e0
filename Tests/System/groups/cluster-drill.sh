#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rehearsals on a real cluster: what `ondeck drill` measures is what happens, and nothing happens that is not allowed.
. "$(dirname "$0")/../lib/cluster.sh"
lab_begin dr

# The nodes' APIs can be reached from the clients' link; what is said to one is for the cluster.
cluster_lan 1
address c1 10.77.0.100/16
etcd_in_memory
etcd_cluster
for i in 1 2 3; do
    configure_node "$i" "drill: allowed"
    sed -i 's/listen: 127.0.0.1, port: 8081/listen: 0.0.0.0, port: 8081/' "$LAB_DIRECTORY/n$i.yaml"
    start_node "$i"
done
for i in 1 2 3; do
    wait_for 30 node_ready "$i" || { fail "node n$i becomes ready" "$(tail -n 5 "$LAB_DIRECTORY/n$i.log")"; group_done; }
done
cat >"$LAB_DIRECTORY/site.yaml" <<YAML
networks:
  lan:
    lease: 10m
    unknown: lease
    probe: false
    subnets:
      - { subnet: 10.77.0.0/16, pools: [10.77.10.0-10.77.10.63] }
YAML
check "the site is taken" on_node 1 apply -f "$LAB_DIRECTORY/site.yaml"
wait_for 10 has_holder lan || { fail "somebody is up to bat" "$(on_node 1 cluster 2>&1)"; group_done; }
is_safe() { on_node 1 cluster ready && on_node 2 cluster ready && on_node 3 cluster ready; }
wait_for 20 is_safe || fail "a failure would be safe" "$(on_node 1 cluster)"

up() { local name; name=$(holder lan); echo "${name#n}"; }
other() { echo $(($1 % 3 + 1)); }
DRILL="" STATUS=0
# drill_from NAMESPACE API-NODE ARGUMENTS...: into DRILL and STATUS, and as JSON into the file "drill".
drill_from() {
    local name=$1 asked=$2
    shift 2
    DRILL=$(at "$name" env ONDECK_TOKEN_FILE="$LAB_DIRECTORY/n$asked/api-token" "$ONDECK" drill lan --yes -o json \
        --api "http://10.77.0.$asked:8081" "$@" 2>"$LAB_DIRECTORY/drill-said")
    STATUS=$?
    printf '%s' "$DRILL" >"$LAB_DIRECTORY/drill"
    return "$STATUS"
}
said() { cat "$LAB_DIRECTORY/drill-said"; }
number() { python3 -c "import json; print(json.load(open('$LAB_DIRECTORY/drill'))$1)"; }
bound() { on_node "$1" lease list -o json | grep -c '"state": *"bound"'; }
none_bound() { [ "$(bound "$1")" = 0 ]; }
# kept WHAT: exit status and report agree, and nobody was harmed.
kept() {
    if [ "$STATUS" = 0 ]; then ok "$1: kept" "$(number "['gapMilliseconds']") ms"; else fail "$1: kept" "status $STATUS: $(said) $DRILL"; fi
    [ -n "$DRILL" ] || return
    expect_equal "$1: no address twice" "[]" "$(number "['duplicates']")"
    expect_equal "$1: everybody got one" 0 "$(number "['neverAnswered']")"
    expect_equal "$1: every lease was given back" "$(number "['leases']")" "$(number "['released']")"
}

# Handed over and handed back, seen from another machine; the node that is asked is not the one up to bat.
A=$(up)
drill_from c1 "$(other "$A")" --kind handover --seconds 6
kept "handover"
expect_equal "handover: there and back" 2 "$(number "['gaps'].__len__()")"
expect_equal "handover: the servers are the two nodes" "10.77.0.$A" "$(number "['gaps'][0]['lastFrom']")"
expect_equal "handover: and the network is where it was" "n$A" "$(holder lan)"
expect "handover: on the timeline" 'drill: n[123] is to hand over to n[123]' "$(cat "$LAB_DIRECTORY"/n?.log)"
check "handover: the store has no leases of it left" wait_for 3 none_bound 1

# Not allowed: not done, and the line that would allow it is named.
R=$(other "$A")
stop "${NODE_PROCESS[$R]}" TERM
sed -i '/^drill:/d' "$LAB_DIRECTORY/n$R.yaml"
start_node "$R"
wait_for 30 node_ready "$R"
wait_for 20 is_safe
on_node "$A" cluster handover lan --to "n$R" >/dev/null 2>&1
drill_from c1 "$A" --kind kill --seconds 5
expect_equal "refused: exit status" 2 "$STATUS"
expect "refused: which line to add" "n$R allows no drill that harms it: add the line \"drill: allowed\"" "$(said)"
check "refused: it still runs" is_running "${NODE_PROCESS[$R]}"
etcdctl_ get --prefix --keys-only /ondeck/drill/ >"$LAB_DIRECTORY/left" 2>&1
expect_none "refused: no order is left in the store" drill "$(cat "$LAB_DIRECTORY/left")"
on_node "$A" cluster handover lan --to "n$A" >/dev/null 2>&1

# Killed: from the very node that is up to bat, whose API is asked, too; the clients outlive it.
drill_from "n$A" "$A" --kind kill --seconds 5
kept "kill"
expect "kill: another node answered" '10\.77\.0\.[123]' "$(number "['gaps'][0]['firstFrom']" | grep -v "10.77.0.$A$")"
if is_running "${NODE_PROCESS[$A]}"; then fail "kill: the process is gone" "it runs"; else ok "kill: the process is gone"; fi
wait "${NODE_PROCESS[$A]}" 2>/dev/null
expect_equal "kill: as by SIGKILL" 137 "$?"
drill_from c1 "$(up)" --kind silence --seconds 5 --interface lo
expect_equal "without root's interface nothing is rehearsed" 2 "$STATUS"
start_node "$A"
wait_for 20 node_ready "$A"
wait_for 20 is_safe
sleep 1
check "kill: it is not killed again by what was left" is_running "${NODE_PROCESS[$A]}"

# Silent: the process stands still, and goes on by itself.
A=$(up)
[ "$A" != "$R" ] || { A=$(other "$R"); on_node "$A" cluster handover lan --to "n$A" >/dev/null 2>&1; }
drill_from c1 "$(other "$A")" --kind silence --pause 2 --seconds 5 &
load=$!
stood=no
for _ in $(seq 100); do
    [ "$(awk '/^State/ { print $2 }' "/proc/${NODE_PROCESS[$A]}/status")" != T ] || { stood=yes; break; }
    sleep 0.05
done
expect_equal "silence: the process stands still" yes "$stood"
wait "$load"
STATUS=$?
DRILL=$(cat "$LAB_DIRECTORY/drill")
kept "silence"
expect_equal "silence: and goes on" S "$(awk '/^State/ { print $2 }' "/proc/${NODE_PROCESS[$A]}/status")"
expect "silence: on its own timeline" 'this process goes on after 2000 ms' "$(cat "$LAB_DIRECTORY/n$A.log")"
measured=$(number "['gapMilliseconds']")
expect "silence: the gap is that of a silence, not of a hand-over" yes \
    "$(awk -v gap="$measured" 'BEGIN { print (gap > 500 && gap < 1500) ? "yes" : "no: " gap }')"
check "silence: the store has no leases of it left" wait_for 3 none_bound "$(other "$A")"

# For people.
at c1 env ONDECK_TOKEN_FILE="$LAB_DIRECTORY/n1/api-token" "$ONDECK" drill lan --yes --kind handover --seconds 5 \
    --api http://10.77.0.1:8081 >"$LAB_DIRECTORY/text" 2>&1
expect "for people: a verdict" '^KEPT: .* promised: 250 ms' "$(cat "$LAB_DIRECTORY/text")"
check_fails "nobody to be asked: nothing is done" 'add|--yes' \
    at c1 env ONDECK_TOKEN_FILE="$LAB_DIRECTORY/n1/api-token" "$ONDECK" drill lan --kind kill --api http://10.77.0.1:8081
group_done
