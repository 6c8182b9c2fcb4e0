#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TFTP with the clients that Debian has, files of the awkward sizes, names of the awkward kinds.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin tf
FILES="$LAB_DIRECTORY/content"
GOT="$LAB_DIRECTORY/got"
mkdir -p "$FILES/deep/er"
: >"$FILES/empty"
for size in 1 511 512 513 2936 100000 8388608; do head -c "$size" /dev/urandom >"$FILES/f$size"; done
head -c 34000000 /dev/urandom >"$FILES/rollover" # more than 65535 blocks of 512
cp "$FILES/f513" "$FILES/deep/er/file.bin"
echo secret >"$LAB_DIRECTORY/secret"
ln -s "$LAB_DIRECTORY/secret" "$FILES/link-out"
chmod -R a+rX "$LAB_DIRECTORY"

lan 2
configure "content: { local: $FILES }"
serve_site < <(ordinary_site)
wait_for 5 listens_udp server 69
address c1 10.77.1.1/16
address c2 10.77.1.2/16
URL="tftp://$SERVER_ADDRESS"

# same FILE: what was fetched is that file.
same() { cmp "$GOT" "$FILES/$1" && rm -f "$GOT"; }

by_curl() { rm -f "$GOT"; \
    at c1 timeout 60 curl -sS --tftp-blksize "$1" -o "$GOT" "$URL/local/$2" && touch "$GOT" && same "$2"; }
by_busybox() { rm -f "$GOT"; \
    at c1 timeout 60 busybox tftp -g -b "$1" -l "$GOT" -r "local/$2" "$SERVER_ADDRESS" && same "$2"; }
by_tftp_hpa() { rm -f "$GOT"; at c1 timeout 60 tftp -m binary "$SERVER_ADDRESS" -c get "local/$1" "$GOT" && same "$1"; }
by_atftp() {
    rm -f "$GOT"
    at c1 timeout 60 atftp --option "blksize $1" --option "windowsize $2" -g -r "local/$3" -l "$GOT" "$SERVER_ADDRESS" &&
        same "$3"
}

for size in 1 511 512 513 2936 100000; do check "curl, block 512: $size bytes" by_curl 512 "f$size"; done
check "curl, block 1468: a file of exactly two blocks" by_curl 1468 f2936
check "busybox: an empty file (curl takes a size of 0 for a fault)" by_busybox 512 empty
check "busybox, block 1468: 8 MiB" by_busybox 1468 f8388608
check "tftp-hpa, no options: 100 kB" by_tftp_hpa f100000
check "atftp, window 1: 8 MiB" by_atftp 1468 1 f8388608
check "atftp, window 4 (OVMF's wish): 8 MiB" by_atftp 1468 4 f8388608
check "atftp, window 16: 8 MiB" by_atftp 1468 16 f8388608
check "atftp, window 64: 8 MiB" by_atftp 1468 64 f8388608
check "atftp, window 16: exactly two blocks" by_atftp 1468 16 f2936
check "block numbers roll over: 66407 blocks of 512" by_atftp 512 16 rollover
check "block numbers roll over without options (tftp-hpa)" by_tftp_hpa rollover

at c1 tcpdump -lni eth0 -c 4 "udp and host $SERVER_ADDRESS" >"$LAB_DIRECTORY/oack" 2>/dev/null &
sleep 0.5
by_atftp 1468 16 f513 >/dev/null
wait $!
ports=$(grep -oE "$SERVER_ADDRESS\.[0-9]+ >" "$LAB_DIRECTORY/oack" | sort -u | tr '\n' ' ')
expect_equal "single-port: every packet comes from port 69" "$SERVER_ADDRESS.69 > " "$ports"

# Names. curl's status 68 is "not found", 69 "access denied".
fetch() { at c1 timeout 20 curl -sS --path-as-is -o "$GOT" "$URL/$1"; }
check "a name with a leading slash" fetch /local/f513
check "doubled slashes" fetch local//deep//er/file.bin
check "a file in a folder" by_curl 512 deep/er/file.bin
began=$(now_ms)
check_fails "a file that is not there" '\(68\)' fetch local/nothing
expect_below "it is said at once" 1000 $(($(now_ms) - began)) ms
check_fails "out of the set by .." '\((68|69)\)' fetch "local/../secret"
check_fails "out of the set by an encoded .." '\((68|69)\)' fetch "local/..%2fsecret"
check_fails "out of the set by a link" '\((68|69)\)' fetch local/link-out
check_fails "an absolute path" '\((68|69)\)' fetch "/$LAB_DIRECTORY/secret"
check_fails "a write is refused" '\((69|71)\)' at c1 timeout 10 curl -sS -T "$FILES/f513" "$URL/local/new"
expect_equal "and wrote nothing" "" "$(find "$FILES" -name new)"

# Crowds and losses.
for i in $(seq 40); do
    at c2 timeout 60 curl -sS --tftp-blksize 1468 -o "$LAB_DIRECTORY/crowd.$i" "$URL/local/f100000" &
    crowd[i]=$!
done
for i in $(seq 40); do wait "${crowd[i]}"; done
same_count=0
for i in $(seq 40); do cmp -s "$LAB_DIRECTORY/crowd.$i" "$FILES/f100000" && same_count=$((same_count + 1)); done
expect_equal "40 readers at once" 40 "$same_count"
at lan nft 'add table bridge loss; add chain bridge loss f { type filter hook forward priority 0; };
    add rule bridge loss f numgen random mod 100 < 2 drop'
check "2 % of all packets lost: 100 kB in blocks of 1468, window 8" by_atftp 1468 8 f100000
check "2 % of all packets lost: 100 kB in blocks of 512, no window" by_busybox 1400 f100000
at lan nft flush ruleset

# A port of its own for each transfer.
stop "$SERVER"
configure "content: { local: $FILES }" "tftp: { mode: classic }"
serve || fail "the server starts in classic mode"
wait_for 5 listens_udp server 69
check "classic mode: curl" by_curl 1468 f100000
check "classic mode: atftp, window 16" by_atftp 1468 16 f8388608
group_done
