#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file of 1 GiB from one OnDeck node to two others, in turns with rsync (a daemon beside that node, two clients at once)
# over the same links and onto the same file system, in memory: what is measured is the way of the bytes, with OnDeck's
# hashing, and not a disk. Then the first byte of files that a node has to pull through from a peer, beside that peer's own.
# The last lines:   replication-vs-rsync    RATIO   of the medians of MiB/s
#                   pull-through-extra-ms   MS      of the medians
#   ONDECK=path   ROUNDS=3   MEBIBYTES=1024   CHECK=1 fails unless 0.7 is reached and 20 ms are kept
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
. "$BENCH/../Tests/System/lib/content.sh"
ROUNDS=${ROUNDS:-3}
MEBIBYTES=${MEBIBYTES:-1024}
PULLS=${PULLS:-15}
as_root "$BENCH/${0##*/}"
[ -x "$ONDECK" ] || { echo "No release binary at $ONDECK: make build, or set ONDECK." >&2; exit 1; }
command -v rsync >/dev/null || { echo "No rsync: apt-get install rsync" >&2; exit 1; }
lab_begin bn

median() { tr ' ' '\n' <<<"$*" | grep . | sort -n | awk '{ a[NR] = $1 } END { print (NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2) }'; }
now() { date +%s.%N; }
rate() { awk -v from="$1" -v to="$2" -v size="$MEBIBYTES" 'BEGIN { printf "%.0f", size / (to - from) }'; } # MiB/s, to each

in_memory() { # NAME: that directory of the lab is a file system in memory
    mkdir -p "$LAB_DIRECTORY/$1"
    mount -t tmpfs -o mode=755 none "$LAB_DIRECTORY/$1" && LAB_MOUNTS+=("$LAB_DIRECTORY/$1")
}
site() { # site PLACEMENT
    content_site
    cat <<YAML
locations:
  center: { nodes: [n1], origin: true }
  branch: { nodes: [n2, n3] }
images:
  big: { placement: $1 }
  small: { placement: on-demand }
YAML
}
place() { site "$1" | on_node 1 apply -f - >/dev/null; }
both_hold() { has_blob 2 "$BIG" && has_blob 3 "$BIG"; }
none_holds() { ! has_blob 2 "$BIG" && ! has_blob 3 "$BIG"; }
is_ready() { on_node 1 content show "$1" -o json 2>/dev/null | "$TOOLS/json-find" state | grep -qx ready; }
add() { # add IMAGE FILE
    on_node 1 content add "$1" --file "$2" >"$LAB_DIRECTORY/said" 2>&1 || { tail -n 3 "$LAB_DIRECTORY/said"; exit 1; }
}
until_so() { # SECONDS COMMAND...: looks fifty times a second
    local end=$((SECONDS + $1))
    shift
    while ! "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "not within the time: $*"; tail -n 3 "$LAB_DIRECTORY"/n[123].log; exit 1; }
        sleep 0.02
    done
}

for i in 1 2 3; do in_memory "n$i"; done
in_memory rsync
content_cluster 1 < <(site "{ nodes: [n1] }")
address c1 10.77.0.200/16

echo "$ROUNDS rounds of $MEBIBYTES MiB, $(rsync --version | awk 'NR == 1 { print $1, $3 }'), $(nproc) cores, $(uname -r)"
random_file "$LAB_DIRECTORY/n1/image" "$MEBIBYTES"
BIG=$(sum_of "$LAB_DIRECTORY/n1/image")
add big "$LAB_DIRECTORY/n1/image"
until_so 60 is_ready big

cat >"$LAB_DIRECTORY/rsyncd.conf" <<CONF
use chroot = no
pid file = $LAB_DIRECTORY/rsyncd.pid
log file = $LAB_DIRECTORY/rsyncd.log
[files]
path = $LAB_DIRECTORY/n1
CONF
start n1 rsyncd.log rsync --daemon --no-detach --port 873 --config "$LAB_DIRECTORY/rsyncd.conf"
wait_for 5 listens_tcp n1 873 || { echo "rsync does not listen"; exit 1; }

OURS="" THEIRS=""
by_rsync() {
    local begin a b
    rm -f "$LAB_DIRECTORY"/rsync/*
    begin=$(now)
    at n2 rsync --whole-file rsync://10.99.0.11/files/image "$LAB_DIRECTORY/rsync/n2" &
    a=$!
    at n3 rsync --whole-file rsync://10.99.0.11/files/image "$LAB_DIRECTORY/rsync/n3" &
    b=$!
    wait "$a" && wait "$b" || { echo "rsync fails"; exit 1; }
    THEIRS+=" $(rate "$begin" "$(now)")"
    rm -f "$LAB_DIRECTORY"/rsync/*
}
by_ondeck() {
    local begin
    begin=$(now)
    place everywhere # counts, too: from the operator's word to the last byte in its place
    until_so 120 both_hold
    OURS+=" $(rate "$begin" "$(now)")"
    place "{ nodes: [n1] }"
    for i in 2 3; do stop "${NODE_PROCESS[$i]}" TERM; done
    for i in 2 3; do rm -rf "$LAB_DIRECTORY/n$i/content-store"; back "$i"; done
    until_so 30 none_holds
    sleep 3 # until everybody has said what he holds
}
for _ in $(seq "$ROUNDS"); do
    by_rsync
    by_ondeck
done

# Files that n1 holds and n2 does not, each asked for once.
mkdir "$LAB_DIRECTORY/small"
for i in $(seq "$PULLS"); do random_file "$LAB_DIRECTORY/small/f$i" 4; done
tar -C "$LAB_DIRECTORY/small" -cf "$LAB_DIRECTORY/small.tar" .
add small "$LAB_DIRECTORY/small.tar"
until_so 60 is_ready small
sleep 2
first_byte() { fetch c1 "$1" "small/f$2" -o /dev/null -w '%{time_starttransfer}' | awk '{ print $1 * 1000 }'; }
PULLED="" OWN=""
for i in $(seq "$PULLS"); do
    OWN+=" $(first_byte 1 "$i")"
    PULLED+=" $(first_byte 2 "$i")"
done

echo
printf '%-28s %8s  (%s )\n' "OnDeck, MiB/s to each of two" "$(median "$OURS")" "$OURS" \
    "rsync, MiB/s to each of two" "$(median "$THEIRS")" "$THEIRS" \
    "first byte pulled, ms" "$(median "$PULLED")" "$PULLED" "first byte of the peer, ms" "$(median "$OWN")" "$OWN"
ratio=$(awk -v a="$(median "$OURS")" -v b="$(median "$THEIRS")" 'BEGIN { printf "%.2f", a / b }')
extra=$(awk -v a="$(median "$PULLED")" -v b="$(median "$OWN")" 'BEGIN { printf "%.1f", a - b }')
echo "replication-vs-rsync $ratio"
echo "pull-through-extra-ms $extra"
[ -z "${CHECK:-}" ] || awk -v ratio="$ratio" -v extra="$extra" 'BEGIN { exit !(ratio >= 0.7 && extra <= 20) }'
