#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OnDeck's boot listener beside nginx (one worker, sendfile), in one run and in turns: a 1 GiB file from the page cache
# over loopback, the server on core 0 and curl on core 1; small files by wrk, 64 connections that stay open; then OnDeck's
# memory with 100 clients at once.
# The last three lines: http-file-vs-nginx RATIO    of the medians of MiB/s
#                       http-small-vs-nginx RATIO   of the medians of files of 4 KiB a second
#                       http-memory-mib MIB         at its peak with 100 clients, above idle
#   ONDECK=path   ROUNDS=9   SMALL_SECONDS=4   MEMORY_SECONDS=60   CHECK=1 fails unless 0.7 and 0.5 are reached and 100 is kept
cd "$(dirname "$0")" || exit 1
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
. ../Tests/System/lib/lab.sh
ROUNDS=${ROUNDS:-9}
SMALL_SECONDS=${SMALL_SECONDS:-4}
MEMORY_SECONDS=${MEMORY_SECONDS:-60}
# Before everything else that runs on the machine.
FIRST=(nice -n -15)
! chrt -r 5 true 2>/dev/null || FIRST=(chrt -r 5) # in turns: a server has several threads

as_root "$PWD/${0##*/}"
[ -x "$ONDECK" ] || { echo "No release binary at $ONDECK: make build, or set ONDECK." >&2; exit 1; }
lab_begin hb
namespace server

write_configurations() {
    mkdir -m 755 "$LAB_DIRECTORY/files" "$LAB_DIRECTORY/nginx"
    head -c 1G /dev/urandom >"$LAB_DIRECTORY/files/image"
    local i
    for i in $(seq 64); do head -c 4096 /dev/urandom >"$LAB_DIRECTORY/files/small-$i"; done
    chmod 644 "$LAB_DIRECTORY"/files/*
    cat >"$LAB_DIRECTORY/small.lua" <<'LUA'
local turn = 0
function request()
    turn = turn % 64 + 1
    return wrk.format("GET", "/bench/small-" .. turn)
end
LUA
    cat >"$LAB_DIRECTORY/ondeck.yaml" <<YAML
node: bench
data: $LAB_DIRECTORY/data
log: warning
tftp: { enabled: false }
http: { listen: 127.0.0.1, port: 8080 }
api: { listen: 127.0.0.1, port: 8081, tokenFile: $LAB_DIRECTORY/data/api-token }
content:
  bench: $LAB_DIRECTORY/files
YAML
    cat >"$LAB_DIRECTORY/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $LAB_DIRECTORY/nginx/pid; error_log $LAB_DIRECTORY/nginx/log;
events { worker_connections 2048; }
http {
    sendfile on; tcp_nopush on; access_log off; default_type application/octet-stream; keepalive_requests 100000000;
    client_body_temp_path $LAB_DIRECTORY/nginx/1; proxy_temp_path $LAB_DIRECTORY/nginx/2;
    fastcgi_temp_path $LAB_DIRECTORY/nginx/3; uwsgi_temp_path $LAB_DIRECTORY/nginx/4;
    scgi_temp_path $LAB_DIRECTORY/nginx/5;
    server { listen 127.0.0.1:8090; location /bench/ { alias $LAB_DIRECTORY/files/; } }
}
CONF
}

start_servers() {
    mkdir -m 700 "$LAB_DIRECTORY/data"
    start server ondeck.log taskset -c 0 "${FIRST[@]}" "$ONDECK" serve --config "$LAB_DIRECTORY/ondeck.yaml"
    SERVER=$STARTED
    start server nginx.log taskset -c 0 "${FIRST[@]}" nginx -c "$LAB_DIRECTORY/nginx.conf"
    NGINX=$STARTED
    wait_for 10 listens_tcp server 8080 || { cat "$LAB_DIRECTORY/ondeck.log"; exit 1; }
    wait_for 10 listens_tcp server 8090 || { cat "$LAB_DIRECTORY/nginx.log"; exit 1; }
    NGINX_WORKER=$(pgrep -P "$NGINX")
}

declare -A PORT=([ondeck]=8080 [nginx]=8090) SPEED TICKS SMALL
download() { # NAME PROCESS
    local before bytes
    before=$(cpu_ticks "$2")
    bytes=$(at server taskset -c 1 "${FIRST[@]}" curl -sf -o /dev/null -w '%{speed_download}' \
        "http://127.0.0.1:${PORT[$1]}/bench/image") || { echo "$1 does not serve the file"; exit 1; }
    SPEED[$1]+=" $((bytes >> 20))"
    TICKS[$1]+=" $(($(cpu_ticks "$2") - before))"
}

# Every answer must be one: wrk says how many were not.
read_small() { # NAME
    local seen
    seen=$(at server taskset -c 1 "${FIRST[@]}" wrk -t 1 -c 64 -d "${SMALL_SECONDS}s" -s "$LAB_DIRECTORY/small.lua" \
        "http://127.0.0.1:${PORT[$1]}/") && ! grep -qE 'Non-2xx|Socket errors' <<<"$seen" || { echo "$1: $seen"; exit 1; }
    SMALL[$1]+=" $(awk '/^Requests\/sec/ { printf "%d", $2 }' <<<"$seen")"
}

median() { tr ' ' '\n' <<<"$*" | grep . | sort -n | awk '{ a[NR] = $1 } END { print (NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2) }'; }
peak_kib() { awk '/VmHWM/ { print $2 }' "/proc/$1/status"; }

# 100 downloads by one curl; it is stopped after a while, since the memory does not grow with the time.
measure_memory() {
    local idle arguments=()
    for _ in $(seq 100); do arguments+=(-o /dev/null "http://127.0.0.1:8080/bench/image"); done
    idle=$(resident_kib "$SERVER")
    echo 5 >"/proc/$SERVER/clear_refs" # the peak counts from here
    at server timeout "$MEMORY_SECONDS" taskset -c 1 curl -sf --no-progress-meter --parallel --parallel-immediate --parallel-max 100 \
        "${arguments[@]}" 2>/dev/null &
    wait_for 10 has_clients || { echo "100 clients did not connect"; exit 1; }
    wait "$!"
    MEMORY=$((($(peak_kib "$SERVER") - idle + 1023) / 1024))
}
has_clients() { [ "$(at server ss -Htn state established 'sport = :8080' | wc -l)" -ge 100 ]; }

write_configurations
start_servers
echo "$ROUNDS rounds, $(nginx -v 2>&1), $(nproc) cores, $(uname -r)"
for _ in ondeck nginx; do download ondeck "$SERVER"; download nginx "$NGINX_WORKER"; done # into the page cache
SPEED=() TICKS=()
for _ in $(seq "$ROUNDS"); do
    download nginx "$NGINX_WORKER"
    download ondeck "$SERVER"
    read_small nginx
    read_small ondeck
done
measure_memory

echo
echo "            1 GiB, MiB/s        CPU of the server, s/GiB"
for name in nginx ondeck; do
    awk -v name="$name" -v speed="$(median "${SPEED[$name]}")" -v ticks="$(median "${TICKS[$name]}")" -v all="${SPEED[$name]}" \
        'BEGIN { printf "%-8s %12d %20.2f      (%s )\n", name, speed, ticks / 100, all }'
done
echo
echo "            4 KiB, files/s"
for name in nginx ondeck; do printf '%-8s %12d      (%s )\n' "$name" "$(median "${SMALL[$name]}")" "${SMALL[$name]}"; done
small=$(awk -v a="$(median "${SMALL[ondeck]}")" -v b="$(median "${SMALL[nginx]}")" 'BEGIN { printf "%.2f", a / b }')
ratio=$(awk -v a="$(median "${SPEED[ondeck]}")" -v b="$(median "${SPEED[nginx]}")" 'BEGIN { printf "%.2f", a / b }')
echo "http-file-vs-nginx $ratio"
echo "http-small-vs-nginx $small"
echo "http-memory-mib $MEMORY"
[ -z "${CHECK:-}" ] || awk -v ratio="$ratio" -v small="$small" -v memory="$MEMORY" \
    'BEGIN { exit !(ratio >= 0.7 && small >= 0.5 && memory <= 100) }'
