#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OnDeck's TFTP beside dnsmasq's and atftpd's, in one run and in turns: each in a namespace of its own on a cable to the
# client's, the server on core 0 and the client on core 1, blksize 1468. A figure is the median of its rounds.
# The last four lines are ratios of medians of MiB/s, OnDeck to the other:
#       tftp-window1-vs-dnsmasq        64 MiB, window 1, one reader
#       tftp-window16-vs-atftpd        64 MiB, window 16, one reader (of Debian's servers only atftpd grants windows)
#       tftp-100-readers-vs-dnsmasq    1 MiB each, window 1, 100 readers at once
#       tftp-1ms-window16-vs-dnsmasq   8 MiB, a round trip of 1 ms, one reader with window 16; dnsmasq grants only 1
#   ONDECK=path   ROUNDS=5   MODE=classic   ATFTPD=path   CHECK=1 fails unless 1, 1.5, 1 and 10 are reached
cd "$(dirname "$0")" || exit 1
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
. ../Tests/System/lib/lab.sh
ROUNDS=${ROUNDS:-5}
# Before everything else that runs on the machine.
FIRST=(nice -n -15)
! chrt -f 5 true 2>/dev/null || FIRST=(chrt -f 5)

as_root "$PWD/${0##*/}"
[ -x "$ONDECK" ] || { echo "No release binary at $ONDECK: make build, or set ONDECK." >&2; exit 1; }
lab_begin tb

# Debian's atftpd conflicts with tftpd-hpa: if it is not installed, it is unpacked beside.
find_atftpd() {
    ATFTPD=${ATFTPD:-$(command -v atftpd)}
    [ -z "$ATFTPD" ] || return 0
    mkdir "$LAB_DIRECTORY/atftpd"
    chmod 777 "$LAB_DIRECTORY/atftpd"
    (cd "$LAB_DIRECTORY/atftpd" && apt-get download -q atftpd && dpkg -x atftpd_*.deb .) >/dev/null 2>&1 ||
        { echo "No atftpd, and it cannot be fetched: set ATFTPD." >&2; exit 1; }
    ATFTPD=$LAB_DIRECTORY/atftpd/usr/sbin/atftpd
}

# server NAME NUMBER COMMAND...: at 10.77.NUMBER.1, with a cable to the client, 10.77.NUMBER.2.
declare -A ADDRESS PROCESS FOLDER=([ondeck]=bench/)
server() {
    local name=$1 number=$2
    shift 2
    namespace "$name"
    ip -n "$LAB_PREFIX-client" link add "eth$number" type veth peer name eth0 netns "$LAB_PREFIX-$name"
    ip -n "$LAB_PREFIX-client" address add "10.77.$number.2/24" dev "eth$number"
    ip -n "$LAB_PREFIX-client" link set "eth$number" up
    ip -n "$LAB_PREFIX-$name" address add "10.77.$number.1/24" dev eth0
    ip -n "$LAB_PREFIX-$name" link set eth0 up
    start "$name" "$name.log" taskset -c 0 "${FIRST[@]}" "$@"
    ADDRESS[$name]=10.77.$number.1
    PROCESS[$name]=$STARTED
    wait_for 10 listens_udp "$name" 69 || { echo "$name does not listen:"; cat "$LAB_DIRECTORY/$name.log"; exit 1; }
}

start_servers() {
    local files=$LAB_DIRECTORY/files
    mkdir -m 755 "$files"
    mkdir -m 700 "$LAB_DIRECTORY/data"
    head -c 64M /dev/urandom >"$files/big"
    head -c 8M /dev/urandom >"$files/middle"
    head -c 1M /dev/urandom >"$files/small"
    chmod 644 "$files"/*
    cat >"$LAB_DIRECTORY/ondeck.yaml" <<YAML
node: bench
data: $LAB_DIRECTORY/data
log: warning
tftp: { listen: 0.0.0.0, port: 69, mode: ${MODE:-single-port} }
http: { listen: 127.0.0.1, port: 8080 }
api: { listen: 127.0.0.1, port: 8081, tokenFile: $LAB_DIRECTORY/data/api-token }
content:
  bench: $files
YAML
    namespace client
    server ondeck 1 "$ONDECK" serve --config "$LAB_DIRECTORY/ondeck.yaml"
    server dnsmasq 2 dnsmasq -k --conf-file=/dev/null --port=0 --user=root --interface=eth0 --bind-interfaces \
        --enable-tftp --tftp-root="$files" --tftp-max=200 --log-facility="$LAB_DIRECTORY/dnsmasq-log"
    server atftpd 3 "$ATFTPD" --daemon --no-fork --user root --group root --bind-address 10.77.3.1 --maxthread 200 \
        --logfile "$LAB_DIRECTORY/atftpd-log" "$files"
}

# read_file CASE SERVER FILE WINDOW READERS [LOSE [FAR]]: one measurement.
declare -A SPEED TICKS
read_file() {
    local before line
    before=$(cpu_ticks "${PROCESS[$2]}")
    line=$(at client timeout 120 taskset -c 1 "${FIRST[@]}" "$LAB_DIRECTORY/reader" "${ADDRESS[$2]}" 69 "${FOLDER[$2]:-}$3" \
        1468 "${@:4}") || { echo "$1, $2: $line"; exit 1; }
    line=${line#* mib_per_second=}
    SPEED[$1 $2]+=" ${line%% *}"
    TICKS[$1 $2]+=" $(($(cpu_ticks "${PROCESS[$2]}") - before))"
}

median() { tr ' ' '\n' <<<"$*" | grep . | sort -n | awk '{ a[NR] = $1 } END { print (NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2) }'; }

show() { # CASE TITLE SERVER...
    local case=$1 title=$2 name
    for name in "${@:3}"; do
        printf '%-42s %-8s %8.1f %8.2f     (%s )\n' "$title" "$name" "$(median "${SPEED[$case $name]}")" \
            "$(awk -v ticks="$(median "${TICKS[$case $name]}")" 'BEGIN { print ticks / 100 }')" "${SPEED[$case $name]}"
    done
}

STATUS=0
ratio() { # NAME CASE PEER BOUND
    awk -v name="$1" -v a="$(median "${SPEED[$2 ondeck]}")" -v b="$(median "${SPEED[$2 $3]}")" -v bound="$4" \
        'BEGIN { printf "%s %.2f\n", name, a / b; exit a < bound * b }' || STATUS=1
}

find_atftpd
gcc -O2 -o "$LAB_DIRECTORY/reader" lib/tftp-reader.c || exit 1
start_servers
echo "$ROUNDS rounds, $(dnsmasq --version | head -n 1 | cut -d' ' -f1-3), $("$ATFTPD" --version 2>&1 | head -n 1), $(nproc) cores," \
    "$(uname -r), CPU pressure $(awk -F'[= ]' '/^some/ { print $3 }' /proc/pressure/cpu 2>/dev/null || echo unknown)"
for name in ondeck dnsmasq atftpd; do read_file warm-up "$name" big 1 1; done # into the page cache
for _ in $(seq "$ROUNDS"); do
    for name in dnsmasq ondeck; do read_file window1 "$name" big 1 1; done
    for name in atftpd ondeck; do read_file window16 "$name" big 16 1; done
    for name in dnsmasq ondeck; do read_file readers100 "$name" small 1 100; done
    for name in atftpd ondeck; do read_file lossy "$name" small 16 1 500; done
    # The client holds each ACK back for a millisecond: that is what a round trip is to the server.
    read_file far dnsmasq middle 1 1 0 1000
    read_file far ondeck middle 16 1 0 1000
done

echo
echo "                                                       MiB/s    CPU of the server, s"
show window1 "64 MiB, window 1, one reader" dnsmasq ondeck
show window16 "64 MiB, window 16, one reader" atftpd ondeck
show readers100 "1 MiB each, window 1, 100 readers" dnsmasq ondeck
show lossy "1 MiB, window 16, 1 packet in 500 lost" atftpd ondeck
show far "8 MiB, round trip 1 ms, window 1 or 16" dnsmasq ondeck
ratio tftp-window1-vs-dnsmasq window1 dnsmasq 1
ratio tftp-window16-vs-atftpd window16 atftpd 1.5
ratio tftp-100-readers-vs-dnsmasq readers100 dnsmasq 1
ratio tftp-1ms-window16-vs-dnsmasq far dnsmasq 10
[ -z "${CHECK:-}" ] || exit "$STATUS"
