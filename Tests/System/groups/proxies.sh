#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# HAProxy (X-Forwarded-For, PROXY v1 and v2) and nginx in front of three nodes: files, scripts and API writes through any
# of them, the client's own address seen behind them, and nothing believed that a client says of itself.
. "$(dirname "$0")/../lib/boots.sh"
. "$SYSTEM/lib/proxies.sh"
lab_begin px
STORM_MACHINES=6
MIB=$([ -n "$LONG" ] && echo 256 || echo 24)
API_LISTEN="0.0.0.0, trusted: [$PROXY_ADDRESS]"
http_line() { HTTP_LINE="http: { listen: 0.0.0.0, port: 8080, trusted: [$PROXY_ADDRESS], hosts: [boot.example.com]$1 }"; }
http_line ""
boot_files
random_file "$LAB_DIRECTORY/sets/image" "$MIB"
chmod -R a+rX "$LAB_DIRECTORY/sets"
IMAGE=$(sum_of "$LAB_DIRECTORY/sets/image")
content_cluster 2 < <(boots_site)
own_the_pool c1
address c2 10.77.2.2/16
proxy_plug
BASE="http://$PROXY_ADDRESS"
get() { at c2 curl -sS -m 20 "$@"; }
lease=$(dhcp c1 dora --mac "$(storm_mac 1)" --arch 7 --ipxe | grep -oE '^ACK [0-9.]+' | cut -d' ' -f2)
SCRIPT="b/$(storm_mac 1 | tr : -)" # without a token: given to the machine's own address and to nobody else
from() { at c1 curl -sS -m 10 --interface "$1" -o "$LAB_DIRECTORY/got" -w '%{http_code}' "${@:2}" 2>&1; } # from ADDRESS URL

expect "the machine has its address" '^10\.77\.' "$lease"
expect_equal "directly, without a proxy: its script" 200 "$(from "$lease" "http://10.77.0.1:8080/$SCRIPT")"
expect_equal "directly, a spoofed X-Forwarded-For: not believed" 403 \
    "$(from 10.77.1.1 -H "X-Forwarded-For: $lease" "http://10.77.0.1:8080/$SCRIPT")"
expect_equal "directly, a spoofed Forwarded: not believed" 403 \
    "$(from 10.77.1.1 -H "Forwarded: for=$lease" "http://10.77.0.1:8080/$SCRIPT")"

# through NAME: what must be so behind every proxy.
through() {
    local name=$1 i code=200
    expect_equal "$name: a file" "$IMAGE" "$(get "$BASE/sets/image" | sum)"
    expect_equal "$name: a part of it" "$(tail -c +1001 "$LAB_DIRECTORY/sets/image" | head -c 500 | sum)" \
        "$(get -r 1000-1499 "$BASE/sets/image" | sum)"
    expect "$name: HEAD has its length" "^[Cc]ontent-[Ll]ength: $((MIB << 20))" "$(get -I "$BASE/sets/image")"
    expect_equal "$name: the machine's script, by the machine's own address" 200 "$(from "$lease" "$BASE/$SCRIPT")"
    expect "$name: which is a script" '^#!ipxe' "$(head -n 1 "$LAB_DIRECTORY/got")"
    expect_equal "$name: a stranger is refused" 403 "$(from 10.77.1.1 "$BASE/$SCRIPT")"
    expect_equal "$name: a stranger who says he is the machine (X-Forwarded-For)" 403 \
        "$(from 10.77.1.1 -H "X-Forwarded-For: $lease" "$BASE/$SCRIPT")"
    expect_equal "$name: a stranger who says it in several ways" 403 \
        "$(from 10.77.1.1 -H "X-Forwarded-For: $lease, 10.0.0.1" -H "X-Real-IP: $lease" "$BASE/$SCRIPT")"
    get -H 'Host: evil.example' "$BASE/boot.ipxe" >"$LAB_DIRECTORY/first"
    expect "$name: the first stage is a script" '^#!ipxe' "$(cat "$LAB_DIRECTORY/first")"
    expect_none "$name: an unknown Host is not reflected" 'evil' "$(cat "$LAB_DIRECTORY/first")"
    get -H 'X-Forwarded-Host: evil.example' -H 'Forwarded: host=evil.example' "$BASE/boot.ipxe" >"$LAB_DIRECTORY/first"
    expect_none "$name: a client's X-Forwarded-Host is not reflected" 'evil' "$(cat "$LAB_DIRECTORY/first")"
    # Downloads go on while a node dies, but for those that it serves.
    kill_node 3
    for i in $(seq 6); do [ "$(get -f "$BASE/sets/storm-initrd" | sum)" = "$(sum_of "$LAB_DIRECTORY/sets/storm-initrd")" ] || code=lost; done
    expect_equal "$name: a node dies, new requests are answered" 200 "$code"
    back 3
}

haproxy_start x-forwarded
through "HAProxy, X-Forwarded-For"
get -H 'Host: boot.example.com' "$BASE/boot.ipxe" >"$LAB_DIRECTORY/first"
expect "HAProxy: a Host that is on the list may be used" 'boot\.example|10\.77\.0\.' "$(cat "$LAB_DIRECTORY/first")"

# The API: reads and writes by whichever node.
token=$(cat "$TOKEN_FILE")
api_by_proxy() { get -H "Authorization: Bearer $token" "$@"; }
wrong=0
for i in $(seq 9); do
    api_by_proxy -f -X PUT -H 'Content-Type: application/json' -d "{\"intent\": \"$([ $((i % 2)) = 0 ] && echo "install storm" || echo hold)\"}" \
        "$BASE:8081/api/v1/machines/storm2/boot" >/dev/null 2>&1 || wrong=$((wrong + 1))
done
expect_equal "HAProxy: nine API writes through any node" 0 "$wrong"
for i in 1 2 3; do
    expect "n$i knows the last" 'hold' "$(sleep 0.3; on_node "$i" get machine storm2 -o yaml 2>&1)"
done
expect_equal "HAProxy: the API wants its token" 401 "$(get -o /dev/null -w '%{http_code}' "$BASE:8081/api/v1/site")"
proxy_stop

nginx_start
through "nginx, X-Forwarded-For"
proxy_stop

for version in v1 v2; do
    http_line ", proxy-protocol: true"
    for i in 1 2 3; do
        stop "${NODE_PROCESS[$i]}"
        configure_content_node "$i"
        start_node "$i"
    done
    for i in 1 2 3; do wait_for 30 node_ready "$i" || fail "n$i becomes ready"; done
    wait_for 15 has_holder lan
    haproxy_start "proxy-$version"
    through "HAProxy, PROXY $version"
    expect_equal "PROXY $version: the nodes serve others directly" "$IMAGE" "$(fetched_sum c2 2 sets/image)"
    code=$(at proxy curl -sS -m 5 -o /dev/null -w '%{http_code}' http://10.77.0.1:8080/sets/image 2>&1)
    expect "PROXY $version: the balancer without a header is refused" '^(000|400|curl)' "$code"
    said=$(printf 'PROXY TCP4 %s 10.77.0.1 1234 8080\r\nGET /%s HTTP/1.0\r\n\r\n' "$lease" "$SCRIPT" |
        at c2 timeout 5 busybox nc 10.77.0.1 8080 | head -n 1)
    expect_none "PROXY $version: a header from anybody else is not believed" ' 200 ' "$said"
    proxy_stop
done
group_done
