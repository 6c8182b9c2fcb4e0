#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A site file with far more changes than etcd takes in one transaction: all or nothing, on every node, also when the node
# that writes it is killed in the middle.
. "$(dirname "$0")/../lib/cluster.sh"
MACHINES=600
ROUNDS=${ROUNDS:-5}
lab_begin ca
cluster_up 1 <<YAML
networks:
  lan:
    lease: 10m
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.49.255]
YAML
site() { # site INTENT: the machines' file
    echo "machines:"
    seq 0 $((MACHINES - 1)) | awk -v intent="$1" \
        '{ printf "  m%d: { macs: [\"52:54:00:00:%02x:%02x\"], intent: %s }\n", $1, $1 / 256, $1 % 256, intent }'
}
# seen NODE: how many machines it knows, by intent: "600 hold", or more lines.
seen() { on_node "$1" get machine -o json 2>&1 | grep -oE '"intent": *"?[a-z]+' | grep -oE '[a-z]+$' | sort | uniq -c | awk '{ print $1, $2 }'; }
agree() { [ "$(seen 1)" = "$1" ] && [ "$(seen 2)" = "$1" ] && [ "$(seen 3)" = "$1" ]; }
journal() { etcdctl_ get --prefix --keys-only /ondeck/site-journal | grep -v '^$'; }

site hold >"$LAB_DIRECTORY/machines.yaml"
expect "a site of $MACHINES machines is taken" "created machine m99" "$(on_node 1 apply -f "$LAB_DIRECTORY/machines.yaml" 2>&1 | tail -n 3)"
check "every node has it" wait_for 5 agree "$MACHINES hold"
expect_equal "and nothing of the way there is left" "" "$(journal)"
expect "applied again it changes nothing" '[Nn]o(thing)? change|unchanged' "$(on_node 2 apply -f "$LAB_DIRECTORY/machines.yaml" 2>&1 | tail -n 2)"

halves=0 before=0 after=0 was=hold
for round in $(seq "$ROUNDS"); do
    if [ "$was" = hold ]; then now=install; else now=hold; fi
    site "${now/install/install memtest}" >"$LAB_DIRECTORY/machines.yaml"
    on_node 1 apply -f "$LAB_DIRECTORY/machines.yaml" >"$LAB_DIRECTORY/said" 2>&1 &
    client=$!
    sleep "0.$(printf '%03d' $((20 + 80 * round)))"
    stop "${NODE_PROCESS[1]}" KILL
    wait "$client"
    sleep 0.5 # what was on its way
    on_two=$(seen 2) on_three=$(seen 3)
    case $on_two in
    "$MACHINES $was") before=$((before + 1)) ;;
    "$MACHINES $now") after=$((after + 1)) was=$now ;;
    *) halves=$((halves + 1)) ;;
    esac
    expect_equal "round $round: the others agree" "$on_two" "$on_three"
    expect "and an operator goes on at once" 'machine m7 is to' \
        "$(on_node 2 boot m7 ${was/install/install memtest} 2>&1)"
    expect_equal "with nothing left half-way" "" "$(etcdctl_ get --keys-only /ondeck/site-journal | grep -v '^$')"
    start_node 1
    wait_for 30 node_ready 1 || { fail "n1 starts again" "$(tail -n 3 "$LAB_DIRECTORY/n1.log")"; group_done; }
    check "the killed node knows the same" wait_for 5 agree "$MACHINES $was"
done
expect_equal "applied by halves" 0 "$halves"
echo "  (killed $before times before it was decided, $after times after)"
group_done
