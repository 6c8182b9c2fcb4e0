# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Three OnDeck nodes on a store of three etcd members, in a lab.
#
#     clients c1 ...  --  switch "lan"  --  n1 n2 n3 eth0  10.77.0.1-3/16   pool 10.77.10.0 - 10.77.49.255
#     e1 e2 e3        --  switch "core" --  n1 n2 n3 eth1  10.99.0.11-13/24   (etcd: 10.99.0.1-3)

. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/ondeck.sh"

NODES=${NODES:-3}
ETCD_URLS="http://10.99.0.1:2379, http://10.99.0.2:2379, http://10.99.0.3:2379"
declare -A NODE_PROCESS ETCD_PROCESS

# cluster_lan CLIENTS [FAR-CLIENTS]: both switches, and everything plugged in.
cluster_lan() {
    local i
    [ -x "$ONDECK" ] || { echo "No ondeck at $ONDECK: build it first (make build, or swift build)." >&2; exit 1; }
    command -v etcd >/dev/null || { echo "No etcd: apt-get install etcd-server" >&2; exit 1; }
    switch lan
    switch core
    for i in 1 2 3; do
        namespace "e$i"
        plug core "e$i" eth0 "10.99.0.$i/24"
    done
    for i in $(seq "$NODES"); do
        namespace "n$i"
        plug lan "n$i" eth0 "10.77.0.$i/$LAN_LENGTH"
        plug core "n$i" eth1 "10.99.0.1$i/24"
        at "n$i" sysctl -qw net.ipv4.conf.all.arp_ignore=1
    done
    for i in $(seq "${1:-1}"); do
        namespace "c$i"
        plug lan "c$i" eth0
    done
}

# etcd_start MEMBER [FLAG...]
etcd_start() {
    local i=$1
    shift
    start "e$i" "etcd$i.log" etcd --name "e$i" --data-dir "$LAB_DIRECTORY/etcd$i" --log-level error --logger zap \
        --listen-peer-urls "http://10.99.0.$i:2380" --initial-advertise-peer-urls "http://10.99.0.$i:2380" \
        --listen-client-urls "http://10.99.0.$i:2379" --advertise-client-urls "http://10.99.0.$i:2379" \
        --initial-cluster "e1=http://10.99.0.1:2380,e2=http://10.99.0.2:2380,e3=http://10.99.0.3:2380" \
        --initial-cluster-state new "$@"
    ETCD_PROCESS[$i]=$STARTED
}

# etcd_in_memory: before etcd_cluster, where a slow disk is not what is measured.
etcd_in_memory() { for member in 1 2 3; do memory_disk "etcd$member" 512m; done; }

etcdctl_() { at e1 env ETCDCTL_API=3 etcdctl --endpoints "${ETCD_URLS//, /,}" "$@"; }
etcd_healthy() { etcdctl_ endpoint health; }

etcd_cluster() {
    local i
    for i in 1 2 3; do etcd_start "$i" "$@"; done
    wait_for 30 etcd_healthy || { fail "etcd starts" "$(tail -n 3 "$LAB_DIRECTORY/etcd1.log")"; group_done; }
}

# The member that leads.
etcd_leader() {
    etcdctl_ endpoint status -w json 2>/dev/null | python3 -c "import json, sys
for member in json.load(sys.stdin):
    if member['Status']['leader'] == member['Status']['header']['member_id']: print(member['Endpoint'].split(':')[1][-1])"
}

# configure_node NODE LINE...
configure_node() {
    local i=$1
    shift
    mkdir -p "$LAB_DIRECTORY/n$i"
    printf '%s\n' "node: n$i" "data: $LAB_DIRECTORY/n$i" "tftp: { enabled: false }" \
        "store: { etcd: { endpoints: [${ETCD_URLS}] } }" \
        "cluster: { name: lab, peer: { address: 10.99.0.1$i } }" \
        "dhcp: { interfaces: [eth0] }" \
        "api: { listen: 127.0.0.1, port: 8081, tokenFile: $LAB_DIRECTORY/n$i/api-token }" "$@" \
        >"$LAB_DIRECTORY/n$i.yaml"
}

# start_node NODE: and does not wait.
start_node() {
    start "n$1" "n$1.log" "${SERVE_WITH[@]}" "$ONDECK" serve --config "$LAB_DIRECTORY/n$1.yaml"
    NODE_PROCESS[$1]=$STARTED
}

node_ready() { at "n$1" curl -fsS -m 3 http://127.0.0.1:8081/readyz; }
on_node() { # on_node NODE ARGUMENTS...: the command line there
    local i=$1
    shift
    at "n$i" env ONDECK_TOKEN_FILE="$LAB_DIRECTORY/n$i/api-token" "$ONDECK" "$@"
}

# holder NETWORK [ASKED]: the node that is up to bat, as node ASKED (default: the first that answers) sees it.
holder() {
    local i
    for i in ${2:-$(seq "$NODES")}; do
        on_node "$i" cluster -o json 2>/dev/null | python3 -c "import json, sys
for network in json.load(sys.stdin)['networks']:
    if network['name'] == '$1': print(network.get('holder') or '')" 2>/dev/null && return
    done
}
has_holder() { [ -n "$(holder "$@")" ]; }
serves() { [ "$(holder "$1" "$2")" = "n$2" ]; } # serves NETWORK NODE
serves_not() { local name; name=$(holder "$1"); [ -n "$name" ] && [ "$name" != "n$2" ]; }

# cluster_up CLIENTS <SITE: etcd, nodes, site; all ready, or the group ends. Not in a pipeline.
cluster_up() {
    local i said
    cluster_lan "$1"
    etcd_cluster
    for i in $(seq "$NODES"); do configure_node "$i"; start_node "$i"; done
    for i in $(seq "$NODES"); do
        wait_for 30 node_ready "$i" || { fail "node n$i becomes ready" "$(tail -n 5 "$LAB_DIRECTORY/n$i.log")"; group_done; }
    done
    cat >"$LAB_DIRECTORY/site.yaml"
    said=$(on_node 1 apply -f "$LAB_DIRECTORY/site.yaml" 2>&1) || { fail "the site is taken" "$said"; group_done; }
    wait_for 10 has_holder lan || { fail "somebody is up to bat" "$(on_node 1 cluster 2>&1)"; group_done; }
}

# drop SWITCH FROM TO: what FROM sends to TO (names of ports: n1eth1, e2eth0, c1eth0) vanishes in the switch.
drop() {
    at "$1" nft "add table bridge cut; add chain bridge cut forward { type filter hook forward priority 0; };
        add rule bridge cut forward iifname p$2 oifname p$3 drop"
}
part() { drop "$1" "$2" "$3"; drop "$1" "$3" "$2"; } # part SWITCH A B: both ways
isolate() { # isolate SWITCH PORT: from everybody there
    at "$1" nft "add table bridge cut; add chain bridge cut forward { type filter hook forward priority 0; };
        add rule bridge cut forward iifname p$2 drop; add rule bridge cut forward oifname p$2 drop"
}
heal() { at "$1" nft flush ruleset; }
