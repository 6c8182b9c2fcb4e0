#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Renewals a second with the store's majority gone, beside the same nodes with the store there and beside a single machine
# (SQLite). A renewal inside its reserved window needs no write, so an outage costs it nothing. Kea with its database down: 0.
# The last line:   outage-renewals-vs-single RATIO
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
. "$BENCH/../Tests/System/lib/cluster.sh"
as_root "$0"
lab_begin bo
# Confirmations are unicast, and the kernel keeps about a thousand neighbours for all namespaces together.
CLIENTS=240
site() {
    cat <<YAML
networks:
  lan:
    lease: 1h
    unknown: lease
    probe: false
    subnets:
      - { subnet: 10.77.0.0/16, pools: [10.77.16.0-10.77.255.254] }
YAML
}
cluster_up 1 < <(site)
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
load() { at c1 "$TOOLS/dhcp-load" eth0 --report "$LAB_DIRECTORY/report" "$@" >"$LAB_DIRECTORY/load" 2>&1; }

# How fast known clients are confirmed: each asks once more, a hundred at a time.
confirm() { # confirm STATE
    local began
    began=$(now_ms)
    load --seconds 0 --clients-max 0 --verify --verify-by rebind --state "$1" ||
        { echo "A promise was broken: $(tail -n 3 "$LAB_DIRECTORY/load")" >&2; exit 1; }
    echo $((CLIENTS * 1000 / ($(now_ms) - began)))
}
load --rate 120 --seconds $((CLIENTS / 120)) --settle 5 --state "$LAB_DIRECTORY/clients"
sleep 1
with=$(confirm "$LAB_DIRECTORY/clients")
stop "${ETCD_PROCESS[1]}" KILL
stop "${ETCD_PROCESS[2]}" KILL
sleep 3
without=$(confirm "$LAB_DIRECTORY/clients")
for i in 1 2 3; do stop "${NODE_PROCESS[$i]}" KILL; done

DATA="$LAB_DIRECTORY/single"
SERVER_NAMESPACE=n1
configure "tftp: { enabled: false }" "dhcp: { interfaces: [eth0] }"
serve_site < <(site)
load --rate 120 --seconds $((CLIENTS / 120)) --settle 5 --state "$LAB_DIRECTORY/single-clients"
single=$(confirm "$LAB_DIRECTORY/single-clients")
echo
echo "renewals a second: store there $with, store gone $without, single machine $single"
echo "outage-renewals-vs-single $(awk -v a="$without" -v b="$single" 'BEGIN { printf "%.2f", a / b }')"
