# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Three nodes that serve boot files: TFTP and HTTP on the LAN, a content store each, and a web server of their own
# making, the "origin" (10.77.0.9), that images are brought in from. Source it instead of cluster.sh.

. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cluster.sh"

ORIGIN=http://10.77.0.9:8000
ORIGIN_PROCESS=""
PROXY_ADDRESS=10.77.0.8
HTTP_LINE="http: { listen: 0.0.0.0, port: 8080 }"
API_LISTEN=127.0.0.1
TOKEN_FILE=""     # of every node; the storage of each in $LAB_DIRECTORY/nN
LONG=${LONG:-}    # any value: large files, more rounds

# configure_content_node NODE LINE...
configure_content_node() {
    local i=$1
    shift
    mkdir -p "$LAB_DIRECTORY/n$i" "$LAB_DIRECTORY/sets"
    TOKEN_FILE="$LAB_DIRECTORY/api-token"
    [ -s "$TOKEN_FILE" ] || (umask 077 && head -c 24 /dev/urandom | sha256sum | cut -c1-48 >"$TOKEN_FILE")
    printf '%s\n' "node: n$i" "data: $LAB_DIRECTORY/n$i" \
        "store: { etcd: { endpoints: [${ETCD_URLS}] } }" \
        "cluster: { name: lab, peer: { address: 10.99.0.1$i } }" \
        "dhcp: { interfaces: [eth0] }" "$HTTP_LINE" \
        "api: { listen: $API_LISTEN, port: 8081, tokenFile: $TOKEN_FILE }" \
        "content: { ipxe: [/usr/lib/ipxe, { path: /boot, only: [ipxe.efi] }], sets: $LAB_DIRECTORY/sets }" "$@" \
        >"$LAB_DIRECTORY/n$i.yaml"
}
on_node() { # instead of cluster.sh's: every node has the same token
    local i=$1
    shift
    at "n$i" env ONDECK_TOKEN_FILE="$TOKEN_FILE" "$ONDECK" "$@"
}

# content_cluster CLIENTS <SITE: three nodes that serve files. Not in a pipeline. NODE_LINES: more of ondeck.yaml.
NODE_LINES=()
content_cluster() {
    local i said
    cluster_lan "$1"
    fast_disk
    etcd_cluster
    for i in $(seq "$NODES"); do configure_content_node "$i" "${NODE_LINES[@]}"; start_node "$i"; done
    for i in $(seq "$NODES"); do
        wait_for 30 node_ready "$i" || { fail "node n$i becomes ready" "$(tail -n 5 "$LAB_DIRECTORY/n$i.log")"; group_done; }
    done
    cat >"$LAB_DIRECTORY/site.yaml"
    said=$(on_node 1 apply -f "$LAB_DIRECTORY/site.yaml" 2>&1) || { fail "the site is taken" "$said"; group_done; }
    wait_for 15 has_holder lan || { fail "somebody is up to bat" "$(on_node 1 cluster 2>&1)"; group_done; }
    for i in $(seq "$NODES"); do wait_for 10 listens_tcp "n$i" 8080 || fail "n$i serves HTTP"; done
}

# A slow disk is not what is measured: the store's members keep their data in memory.
fast_disk() {
    local i
    for i in 1 2 3; do
        [ ! -d "$LAB_DIRECTORY/etcd$i" ] || continue
        mkdir -m 700 "$LAB_DIRECTORY/etcd$i"
        mount -t tmpfs -o size=192m,mode=700 none "$LAB_DIRECTORY/etcd$i" && LAB_MOUNTS+=("$LAB_DIRECTORY/etcd$i")
    done
}

# back NODE: started again after it was killed, and ready.
back() {
    start_node "$1"
    wait_for 30 node_ready "$1" || { fail "n$1 comes back" "$(tail -n 5 "$LAB_DIRECTORY/n$1.log")"; return 1; }
}
kill_node() { stop "${NODE_PROCESS[$1]}" KILL; }

# The site of these groups: machines that nobody else knows get an address, and no boot.
content_site() {
    cat <<YAML
networks:
  lan:
    lease: 1h
    unknown: ${UNKNOWN:-lease}
    probe: false
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.16.0-10.77.31.255]
YAML
}

# origin_start [FLAG...]: serves $LAB_DIRECTORY/origin; its requests are lines of origin.requests.
origin_start() {
    [ -e "/run/netns/$LAB_PREFIX-origin" ] || { namespace origin && plug lan origin eth0 10.77.0.9/16; }
    mkdir -p "$LAB_DIRECTORY/origin"
    start origin origin.log "$TOOLS/web-origin" "$LAB_DIRECTORY/origin" --port 8000 \
        --log "$LAB_DIRECTORY/origin.requests" "$@"
    ORIGIN_PROCESS=$STARTED
    wait_for 20 listens_tcp origin 8000 || fail "the origin serves" "$(cat "$LAB_DIRECTORY/origin.log")"
}
origin_stop() { stop "$ORIGIN_PROCESS"; }
origin_requests() { grep -c " GET /$1" "$LAB_DIRECTORY/origin.requests" 2>/dev/null; } # origin_requests PATH

# web_start PORT FLAG...: another web server beside the origin, with the same files; its requests: web.PORT
web_start() {
    start origin "web.$1.log" "$TOOLS/web-origin" "$LAB_DIRECTORY/origin" --port "$1" --log "$LAB_DIRECTORY/web.$1" "${@:2}"
    wait_for 20 listens_tcp origin "$1" || fail "the web server at port $1" "$(cat "$LAB_DIRECTORY/web.$1.log")"
}

# authority NAME: makes one, $LAB_DIRECTORY/NAME.pem. certificate NAME SUBJECTS DAYS AUTHORITY: NAME.pem, with its key
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days 30 \
        -keyout "$LAB_DIRECTORY/$1.key" -out "$LAB_DIRECTORY/$1.pem" 2>/dev/null
}
certificate() {
    local at="$LAB_DIRECTORY/$1" by="$LAB_DIRECTORY/$4"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$at.key" -out "$at.csr" 2>/dev/null
    openssl x509 -req -in "$at.csr" -CA "$by.pem" -CAkey "$by.key" -CAcreateserial -days "$3" \
        -extfile <(echo "subjectAltName=$2") 2>/dev/null | cat "$at.key" - >"$at.pem"
}

# random_file FILE MEBIBYTES
random_file() {
    mkdir -p "$(dirname "$1")"
    head -c "$(($2 << 20))" /dev/urandom >"$1"
}
sum() { sha256sum | cut -d' ' -f1; }
sum_of() { sha256sum "$1" | cut -d' ' -f1; }

# fetch CLIENT NODE PATH [CURL-ARGUMENTS]: by HTTP from that node, from an address outside the pool.
fetch() {
    local client=$1 node=$2 path=$3
    shift 3
    at "$client" curl -sS -m "${FETCH_SECONDS:-20}" "$@" "http://10.77.0.$node:8080/$path"
}
fetched_sum() { fetch "$@" 2>/dev/null | sum; }
fetch_status() { fetch "$@" -o /dev/null -w '%{http_code}' 2>/dev/null; }
gives() { [ "$(fetched_sum "$1" "$2" "$3")" = "$4" ]; } # gives CLIENT NODE PATH SHA256
by_tftp() { # by_tftp CLIENT NODE PATH OUTPUT
    at "$1" timeout "${TFTP_SECONDS:-30}" atftp --get --remote-file "$3" --local-file "$4" "10.77.0.$2" 69
}

# state_of NODE-THAT-IS-ASKED IMAGE NODE: the word in `ondeck content where`.
state_of() {
    on_node "$1" content where "$2" -o json 2>/dev/null | "$TOOLS/json-find" state node="n$3"
}
holds() { [ "$(state_of "$1" "$2" "$3")" = complete ]; }
holds_not() { ! holds "$@"; }
where_table() { on_node "${2:-1}" content where "$1" 2>&1; }

# The files of a node's content store: blob_of NODE SHA256
blob_of() { echo "$LAB_DIRECTORY/n$1/content-store/blobs/${2:0:2}/$2"; }
has_blob() { [ -f "$(blob_of "$1" "$2")" ]; }
has_no_blob() { ! has_blob "$@"; }

# slow_port SWITCH PORT RATE: what the switch sends out of that port is no faster.
slow_port() { at "$1" tc qdisc replace dev "$2" root tbf rate "$3" burst 64kb latency 300ms; }
full_speed() { at "$1" tc qdisc del dev "$2" root 2>/dev/null; }
slow_node() { slow_port lan "pn${1}eth0" "$2"; slow_port core "pn${1}eth1" "$2"; } # slow_node NODE RATE: into it
fast_node() { full_speed lan "pn${1}eth0"; full_speed core "pn${1}eth1"; }

# no_http NODE: nobody reaches its boot listener, and it reaches nobody's; all else goes on. Undone by heal_http.
no_http() {
    local switch port
    for switch in lan core; do
        port="pn${1}eth$([ "$switch" = lan ] && echo 0 || echo 1)"
        at "$switch" nft "add table bridge cut; add chain bridge cut forward { type filter hook forward priority 0; };
            add rule bridge cut forward iifname $port tcp dport { 8000, 8080 } drop;
            add rule bridge cut forward iifname $port tcp sport { 8000, 8080 } drop;
            add rule bridge cut forward oifname $port tcp dport { 8000, 8080 } drop;
            add rule bridge cut forward oifname $port tcp sport { 8000, 8080 } drop"
    done
}
heal_http() { heal lan; heal core; }

# bytes_into NODE: how many have come in on both its cables, since it was plugged in.
bytes_into() {
    echo $(($(at "n$1" cat /sys/class/net/eth0/statistics/rx_bytes) + $(at "n$1" cat /sys/class/net/eth1/statistics/rx_bytes)))
}
has_taken_in() { [ "$(bytes_into "$1")" -ge "$2" ]; }

# events NODE PATTERN: whether the cluster's timeline, as that node tells it, has a line like that.
timeline() {
    timeout 3 ip netns exec "$LAB_PREFIX-n$1" env ONDECK_TOKEN_FILE="$TOKEN_FILE" "$ONDECK" watch --since 0 2>/dev/null
}
tells() { timeline "$1" | grep -qE -- "$2" || grep -qE -- "$2" "$LAB_DIRECTORY/n$1.log"; } # tells NODE PATTERN
