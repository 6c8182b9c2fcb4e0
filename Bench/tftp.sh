#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# OnDeck's TFTP next to dnsmasq's and atftpd's, in one run and in turns: a server's figure is the median of its rounds.
# Needs root (network namespaces), two processors, gcc, dnsmasq, and atftpd or apt-get to fetch it.
# The last three lines are the ratios OnDeck / peer.
#
#   ONDECK=path     the release binary            ROUNDS=5      rounds of every measurement
#   ATFTPD=path     atftpd, if not to be fetched  CHECK=1       fail unless 1, 1.5 and 1 are reached
set -euo pipefail
cd "$(dirname "$0")"
HERE=$PWD
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
ROUNDS=${ROUNDS:-5}
PREFIX="odt$$"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ondeck-bench-tftp.XXXXXX")
FIRST="nice -n -15"
if chrt -f 5 true 2>/dev/null; then FIRST="chrt -f 5"; fi
PIDS=()
NAMESPACES=()

cleanup() {
    trap - EXIT INT TERM
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    for namespace in "${NAMESPACES[@]}"; do ip netns del "$namespace" 2>/dev/null || true; done
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

die() {
    echo "tftp.sh: $*" >&2
    exit 1
}

find_atftpd() {
    if [ -n "${ATFTPD:-}" ]; then return; fi
    if ATFTPD=$(command -v atftpd); then return; fi
    # Debian's package conflicts with tftpd-hpa's: unpack it beside.
    mkdir "$WORK/atftpd"
    (cd "$WORK/atftpd" && apt-get download -q atftpd >/dev/null 2>&1 && dpkg -x atftpd_*.deb .) ||
        die "no atftpd: set ATFTPD"
    ATFTPD=$WORK/atftpd/usr/sbin/atftpd
}

namespace() { # NAME
    ip netns add "$PREFIX-$1"
    NAMESPACES+=("$PREFIX-$1")
    ip -n "$PREFIX-$1" link set lo up
}

inside() { # NAME COMMAND...
    local name=$1
    shift
    ip netns exec "$PREFIX-$name" "$@"
}

# A namespace for a server, with a cable to the client's.
server_namespace() { # NAME NUMBER
    namespace "$1"
    ip -n "$PREFIX-client" link add "to$2" type veth peer name eth0 netns "$PREFIX-$1"
    ip -n "$PREFIX-client" addr add "10.77.$2.2/24" dev "to$2"
    ip -n "$PREFIX-client" link set "to$2" up
    ip -n "$PREFIX-$1" addr add "10.77.$2.1/24" dev eth0
    ip -n "$PREFIX-$1" link set eth0 up
}

# The server has processor 0, the client processor 1, both before everything else that runs on the machine.
serve() { # NAME COMMAND...
    local name=$1 tries=100
    shift
    # shellcheck disable=SC2086 # a command and its arguments
    ip netns exec "$PREFIX-$name" taskset -c 0 $FIRST "$@" >"$WORK/$name.log" 2>&1 &
    PIDS+=($!)
    until inside "$name" ss -Hlnu 'sport = :69' | grep -q .; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat "$WORK/$name.log" >&2; die "$name does not listen"; }
        sleep 0.1
    done
}

start_servers() {
    mkdir -m 755 "$WORK/files" "$WORK/data"
    chmod 755 "$WORK"
    head -c 64M /dev/urandom >"$WORK/files/big"
    head -c 1M /dev/urandom >"$WORK/files/small"
    chmod 644 "$WORK/files/"*
    cat >"$WORK/ondeck.yaml" <<YAML
node: bench
data: $WORK/data
log: warning
tftp: { listen: 0.0.0.0, port: 69, mode: ${MODE:-single-port} }
http: { listen: 127.0.0.1, port: 8080 }
api: { listen: 127.0.0.1, port: 8081, tokenFile: $WORK/data/api-token }
content:
  bench: $WORK/files
YAML
    namespace client
    server_namespace ondeck 1
    server_namespace dnsmasq 2
    server_namespace atftpd 3
    serve ondeck "$ONDECK" serve --config "$WORK/ondeck.yaml"
    serve dnsmasq dnsmasq -k --conf-file=/dev/null --port=0 --user=root --interface=eth0 --bind-interfaces \
        --enable-tftp --tftp-root="$WORK/files" --tftp-max=200 --log-facility="$WORK/dnsmasq-tftp.log"
    serve atftpd "$ATFTPD" --daemon --no-fork --user root --group root --bind-address 10.77.3.1 --maxthread 200 \
        --logfile "$WORK/atftpd-tftp.log" "$WORK/files"
}

# One measurement: "MiB/s slowest" is appended to the server's file.
measure() { # CASE SERVER NUMBER FILE WINDOW READERS [LOSE]
    local name=$4 line
    [ "$2" = ondeck ] && name=bench/$4
    # shellcheck disable=SC2086
    line=$(inside client timeout 120 taskset -c 1 $FIRST "$WORK/reader" "10.77.$3.1" 69 "$name" 1468 "$5" "$6" "${7:-0}") ||
        die "$1 $2: $line"
    sed 's/.* mib_per_second=\([0-9.]*\) .*/\1/' <<<"$line" >>"$WORK/$1.$2"
}

median() { sort -n "$1" | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }

show() { # CASE TITLE SERVER...
    local case=$1 title=$2 server
    shift 2
    printf '%-44s' "$title"
    for server in "$@"; do
        printf '  %s %s (%s)' "$server" "$(median "$WORK/$case.$server")" "$(sort -n "$WORK/$case.$server" | paste -sd' ')"
    done
    echo
}

ratio() { # NAME CASE PEER BOUND
    awk -v name="$1" -v own="$(median "$WORK/$2.ondeck")" -v peer="$(median "$WORK/$2.$3")" -v bound="$4" \
        -v check="${CHECK:-}" 'BEGIN {printf "%s %.2f\n", name, own / peer; exit check != "" && own < bound * peer}'
}

[ "$(id -u)" = 0 ] || die "needs root for network namespaces"
[ -x "$ONDECK" ] || die "no release binary at $ONDECK: set ONDECK"
find_atftpd
gcc -O2 -o "$WORK/reader" "$HERE/tftp-reader.c"
start_servers

for round in $(seq "$ROUNDS"); do
    echo "round $round of $ROUNDS, processor pressure $(awk '/^some/{print $2}' /proc/pressure/cpu)" >&2
    for peer in "ondeck 1" "dnsmasq 2"; do
        # shellcheck disable=SC2086 # name and number
        measure window1 $peer big 1 1
    done
    for peer in "ondeck 1" "atftpd 3"; do
        # shellcheck disable=SC2086
        measure window16 $peer big 16 1
    done
    for peer in "ondeck 1" "dnsmasq 2"; do
        # shellcheck disable=SC2086
        measure readers100 $peer small 1 100
    done
    for peer in "ondeck 1" "atftpd 3"; do
        # shellcheck disable=SC2086
        measure lossy $peer small 16 1 500
    done
done

echo "MiB/s, median (all rounds); blksize 1468"
show window1 "64 MiB, window 1, one reader" ondeck dnsmasq
show window16 "64 MiB, window 16, one reader" ondeck atftpd
show readers100 "1 MiB each, window 1, 100 readers at once" ondeck dnsmasq
show lossy "1 MiB, window 16, 1 packet in 500 lost" ondeck atftpd
failed=0
ratio tftp-window1-vs-dnsmasq window1 dnsmasq 1 || failed=1
ratio tftp-window16-vs-atftpd window16 atftpd 1.5 || failed=1
ratio tftp-100-readers-vs-dnsmasq readers100 dnsmasq 1 || failed=1
exit "$failed"
