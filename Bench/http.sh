#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OnDeck's boot listener beside nginx (one worker, sendfile), in one run and in turns: a 1 GiB file from the page cache
# over loopback, the server on core 0 and curl on core 1; then OnDeck's memory with 100 clients at once.
# The last two lines:   http-file-vs-nginx RATIO   of the medians of MiB/s
#                       http-memory-mib MIB        at its peak with 100 clients, above idle
#   ONDECK=path   ROUNDS=9   MEMORY_SECONDS=60   CHECK=1 fails unless 0.6 is reached and 100 is kept
cd "$(dirname "$0")" || exit 1
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
. ../Tests/System/lib/lab.sh
ROUNDS=${ROUNDS:-9}
MEMORY_SECONDS=${MEMORY_SECONDS:-60}
# Before everything else that runs on the machine.
FIRST=(nice -n -15)
! chrt -f 5 true 2>/dev/null || FIRST=(chrt -f 5)

as_root "$PWD/${0##*/}"
[ -x "$ONDECK" ] || { echo "No release binary at $ONDECK: make build, or set ONDECK." >&2; exit 1; }
lab_begin hb
namespace server

write_configurations() {
    mkdir -m 755 "$LAB_DIRECTORY/files" "$LAB_DIRECTORY/nginx"
    head -c 1G /dev/urandom >"$LAB_DIRECTORY/files/image"
    chmod 644 "$LAB_DIRECTORY/files/image"
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
    sendfile on; tcp_nopush on; access_log off; default_type application/octet-stream;
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

declare -A PORT=([ondeck]=8080 [nginx]=8090) SPEED TICKS
download() { # NAME PROCESS
    local before bytes
    before=$(cpu_ticks "$2")
    bytes=$(at server taskset -c 1 "${FIRST[@]}" curl -sf -o /dev/null -w '%{speed_download}' \
        "http://127.0.0.1:${PORT[$1]}/bench/image") || { echo "$1 does not serve the file"; exit 1; }
    SPEED[$1]+=" $((bytes >> 20))"
    TICKS[$1]+=" $(($(cpu_ticks "$2") - before))"
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
done
measure_memory

echo
echo "            1 GiB, MiB/s        CPU of the server, s/GiB"
for name in nginx ondeck; do
    awk -v name="$name" -v speed="$(median "${SPEED[$name]}")" -v ticks="$(median "${TICKS[$name]}")" -v all="${SPEED[$name]}" \
        'BEGIN { printf "%-8s %12d %20.2f      (%s )\n", name, speed, ticks / 100, all }'
done
ratio=$(awk -v a="$(median "${SPEED[ondeck]}")" -v b="$(median "${SPEED[nginx]}")" 'BEGIN { printf "%.2f", a / b }')
echo "http-file-vs-nginx $ratio"
echo "http-memory-mib $MEMORY"
[ -z "${CHECK:-}" ] || awk -v ratio="$ratio" -v memory="$MEMORY" 'BEGIN { exit !(ratio >= 0.6 && memory <= 100) }'
