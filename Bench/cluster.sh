#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three OnDeck nodes and three etcd members (every lease committed by a majority before its ACK) beside Kea's hot-standby
# pair (multi-threaded, memfile, nothing synced), each alone on this machine.
# The last lines:   cluster-dora-vs-kea-ha     of the highest rates with less than 1 % lost
#                   ondeck-cpu-percent         a node on deck, of the CPU of the one up to bat, at 1 000 leases a second
#                   takeover-100k-vs-100       of the gaps after a kill -9, with so many leases
#   ROUNDS=1   CHECK=1 fails unless 2.5, 15 and 1.2 are reached
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
LAN_LENGTH=8
. "$BENCH/../Tests/System/lib/cluster.sh"
ROUNDS=${ROUNDS:-1}
export LOCAL_ADDRESS=10.77.1.1 TOOL=dora SERVER_ADDRESS
POOL=10.128.0.0-10.143.255.255
as_root "$0"
lab_begin bc
export DORA="$LAB_DIRECTORY/dora"
gcc -O2 -o "$DORA" "$BENCH/lib/dora.c" || exit 1
cluster_up 1 <<YAML
networks:
  lan:
    lease: 1h
    unknown: lease
    probe: false
    subnets:
      - { subnet: 10.0.0.0/8, pools: [$POOL] }
YAML
address c1 "$LOCAL_ADDRESS/8"
median() { tr ' ' '\n' <<<"$*" | grep . | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 > 0) printf "%.2f\n", a / b; else print "unknown" }'; }
# shellcheck disable=SC2153 # of lib/ondeck.sh
member() { "$TOOLS/json-find" "$1"; }
load() { "$BENCH/lib/load.py" "$1" "$LAB_PREFIX-c1" "$SERVER" "${@:2}"; }
up() { local name; name=$(holder lan); echo "${name#n}"; }
aim() { A=$(up); SERVER=${NODE_PROCESS[$A]}; SERVER_ADDRESS=10.77.0.$A; }

# The gap after a kill -9, ms, into GAP. Not in a subshell: it starts the node again.
takeover() {
    local pid
    A=$(up)
    at c1 "$TOOLS/dhcp-load" eth0 --rate 200 --seconds 3 --settle 3 --report "$LAB_DIRECTORY/report" >/dev/null 2>&1 &
    pid=$!
    LAB_PROCESSES+=("$pid")
    sleep 1.2
    stop "${NODE_PROCESS[$A]}" KILL
    wait "$pid"
    start_node "$A"
    wait_for 60 node_ready "$A"
    sleep 3
    GAP=$(member longest_gap <"$LAB_DIRECTORY/report" | awk '{ print $1 * 1000 }')
}
few=""
for _ in 1 2 3; do takeover; few+=" $GAP"; done
echo "  gap with few leases:$few ms"

aim
declare -A before
for i in 1 2 3; do before[$i]=$(cpu_ticks "${NODE_PROCESS[$i]}"); done
load run 1000 10 | tr -d '{}"' | cut -c1-150
share=0
for i in 1 2 3; do
    used=$(($(cpu_ticks "${NODE_PROCESS[$i]}") - before[$i]))
    echo "  n$i used $((used * 10)) ms of CPU in 10 s"
    if [ "$i" = "$A" ]; then active=$used; elif [ "$used" -gt "$share" ]; then share=$used; fi
done
percent=$(awk -v a="$share" -v b="$active" 'BEGIN { printf "%.0f", 100 * a / b }')

ours=""
for _ in $(seq "$ROUNDS"); do
    aim
    held=$(load search 2000 | member held)
    ours+=" $held"
done
load run 3000 35 >/dev/null # at least 100 000
many=""
for _ in 1 2 3; do takeover; many+=" $GAP"; done
echo "  gap with $(on_node 1 lease list -o json | grep -c '"address"') leases:$many ms"

for i in 1 2 3; do stop "${NODE_PROCESS[$i]}" TERM; stop "${ETCD_PROCESS[$i]}" TERM; done

# Kea's pair, in the namespaces of n1 and n2.
kea_pair() { # kea_pair NODE ROLE
    cat <<JSON
{"Dhcp4": {"interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "raw"},
"lease-database": {"type": "memfile", "persist": true, "lfc-interval": 3600, "name": "$LAB_DIRECTORY/kea$1.csv"},
"valid-lifetime": 3600, "multi-threading": {"enable-multi-threading": true, "thread-pool-size": 2},
"loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "$LAB_DIRECTORY/kea$1.log"}]}],
"hooks-libraries": [{"library": "$HOOKS/libdhcp_lease_cmds.so"}, {"library": "$HOOKS/libdhcp_ha.so", "parameters":
{"high-availability": [{"this-server-name": "s$1", "mode": "hot-standby",
"multi-threading": {"enable-multi-threading": true, "http-dedicated-listener": true},
"peers": [{"name": "s1", "url": "http://10.99.0.11:8000/", "role": "primary"},
{"name": "s2", "url": "http://10.99.0.12:8000/", "role": "standby"}]}]}}],
"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "$POOL"}]}]}}
JSON
}
HOOKS=$(dirname "$(find /usr/lib -name libdhcp_ha.so | head -n 1)")
for i in 1 2; do
    kea_pair "$i" >"$LAB_DIRECTORY/kea$i.json"
    mkdir -p "$LAB_DIRECTORY/kea$i"
    start "n$i" "kea$i.out" env "KEA_PIDFILE_DIR=$LAB_DIRECTORY/kea$i" "KEA_LOCKFILE_DIR=$LAB_DIRECTORY/kea$i" \
        kea-dhcp4 -c "$LAB_DIRECTORY/kea$i.json"
    [ "$i" = 1 ] && SERVER=$STARTED
done
SERVER_ADDRESS=10.77.0.1
# Both say that they are a pair, and the primary answers: before that they synchronise, and answer nobody.
kea_agrees() {
    local i
    for i in 1 2; do
        at "n$i" curl -fsS -m 3 -H 'Content-Type: application/json' -d '{"command": "ha-heartbeat"}' \
            "http://10.99.0.1$i:8000/" | grep -q '"state": *"hot-standby"' || return
    done
}
kea_answers() { dhcp c1 discover --mac 02:00:00:00:00:01 --wait 1 | grep -q '^OFFER'; }
if ! { wait_for 90 kea_agrees && wait_for 15 kea_answers; }; then
    echo "Kea's pair does not come to hot-standby: $(tail -n 3 "$LAB_DIRECTORY"/kea?.log "$LAB_DIRECTORY"/kea?.out)" >&2
    exit 1
fi
kea=""
for _ in $(seq "$ROUNDS"); do kea+=" $(load search 1000 | member held)"; done

echo
echo "held, new leases a second: ondeck$ours, kea hot-standby$kea"
dora=$(ratio "$(median "$ours")" "$(median "$kea")")
gap=$(ratio "$(median "$many")" "$(median "$few")")
echo "cluster-dora-vs-kea-ha $dora"
echo "ondeck-cpu-percent $percent"
echo "takeover-100k-vs-100 $gap"
[ -z "${CHECK:-}" ] || awk -v dora="$dora" -v cpu="$percent" -v gap="$gap" 'BEGIN { exit !(dora >= 2.5 && cpu <= 15 && gap <= 1.2) }'
