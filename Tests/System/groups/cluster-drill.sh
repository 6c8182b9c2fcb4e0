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
      - { subnet: 10.77.0.0/16, pools: [10.77.10.0-10.77.13.255] }
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
bound() { # leases of the drill's clients
    on_node "$1" lease list -o json | python3 -c "import json, sys
print(sum(lease['state'] == 'bound' and lease['mac'].startswith('06:0d:') for lease in json.load(sys.stdin)))"
}
none_bound() { [ "$(bound "$1")" = 0 ]; }
# kept WHAT LIMIT: exit status and report agree, and nobody was harmed. How long a gap may be is the benches' matter (a
# machine that is busy otherwise is slower); here it must be one of that kind.
kept() {
    local outcome wanted=1
    [ -n "$DRILL" ] || { fail "$1: is rehearsed" "status $STATUS: $(said)"; return; }
    outcome=$(number "['outcome']")
    [ "$outcome" != kept ] || wanted=0
    expect_equal "$1: $outcome, and so is the exit status" "$wanted" "$STATUS"
    expect_below "$1: longest time without an ACK" "$2" "$(number "['gapMilliseconds']")" ms
    expect_equal "$1: no address twice" "[]" "$(number "['duplicates']")"
    expect_equal "$1: everybody got one" 0 "$(number "['neverAnswered']")"
    expect_equal "$1: every lease was given back" "$(number "['leases']")" "$(number "['released']")"
}

# Handed over and handed back, seen from another machine; the node that is asked is not the one up to bat.
A=$(up)
drill_from c1 "$(other "$A")" --kind handover --seconds 6
kept "handover" 1000
expect_equal "handover: there and back, as the leases show" "10.77.0.$A 10.77.0.$A" \
    "$(number "['gaps'][0]['lastFrom']") $(number "['gaps'][1]['firstFrom']")"
expect_equal "handover: and the network is where it was" "n$A" "$(holder lan)"
expect "handover: on the timeline" 'drill: n[123] is to hand over to n[123]' "$(cat "$LAB_DIRECTORY"/n?.log)"
expect "handover: with what came of it" 'drill: a handover: [a-z]+, [0-9]+ ms without an ACK' "$(cat "$LAB_DIRECTORY"/n?.log)"
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
kept "kill" 1000
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
at c1 "$TOOLS/dhcp-load" eth0 --rate 50 --seconds 6 --settle 4 --report "$LAB_DIRECTORY/report" \
    >"$LAB_DIRECTORY/load" 2>&1 &
load=$!
LAB_PROCESSES+=("$load")
drill_from c1 "$(other "$A")" --kind silence --pause 3 --seconds 5 &
drill=$!
stood=no
for _ in $(seq 100); do
    [ "$(awk '/^State/ { print $2 }' "/proc/${NODE_PROCESS[$A]}/status")" != T ] || { stood=yes; break; }
    sleep 0.05
done
expect_equal "silence: the process stands still" yes "$stood"
wait "$drill"
STATUS=$?
wait "$load"
DRILL=$(cat "$LAB_DIRECTORY/drill")
kept "silence" 3000
expect_equal "silence: and goes on" S "$(awk '/^State/ { print $2 }' "/proc/${NODE_PROCESS[$A]}/status")"
expect "silence: on its own timeline" 'this process goes on after 3000 ms' "$(cat "$LAB_DIRECTORY/n$A.log")"
measured=$(number "['gapMilliseconds']")
expect "silence: the gap is that of a silence, not of a hand-over" yes \
    "$(awk -v gap="$measured" 'BEGIN { print (gap > 500) ? "yes" : "no: " gap }')"
seen=$("$TOOLS/json-find" longest_gap <"$LAB_DIRECTORY/report")
expect "silence: other clients, beside it, saw the same" '^yes' \
    "$(awk -v gap="$measured" -v seen="$seen" 'BEGIN {
        seen *= 1000; off = gap - seen; print (off < 150 && off > -150) ? "yes" : "no", "-", gap, "and", seen }')"
check "silence: the store has no leases of it left" wait_for 3 none_bound "$(other "$A")"

# For people.
at c1 env ONDECK_TOKEN_FILE="$LAB_DIRECTORY/n1/api-token" "$ONDECK" drill lan --yes --kind handover --seconds 5 \
    --api http://10.77.0.1:8081 >"$LAB_DIRECTORY/text" 2>&1
expect "for people: a verdict" '^(KEPT|BROKEN|UNCLEAR): .*250 ms' "$(cat "$LAB_DIRECTORY/text")"
check_fails "nobody to be asked: nothing is done" 'add|--yes' \
    at c1 env ONDECK_TOKEN_FILE="$LAB_DIRECTORY/n1/api-token" "$ONDECK" drill lan --kind kill --api http://10.77.0.1:8081
group_done
