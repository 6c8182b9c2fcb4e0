#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A full disk, and a disk that turns read-only: no promise that cannot be kept, a loud reason, and back by itself.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin di
lan 1
DATA="$LAB_DIRECTORY/small"
mkdir "$DATA"
mount -t tmpfs -o size=24m none "$DATA" && LAB_MOUNTS+=("$DATA")
configure
serve_site < <(ordinary_site)
CLIENTS="$LAB_DIRECTORY/clients"
load() { at c1 "$TOOLS/dhcp-load" eth0 --state "$CLIENTS" --report "$LAB_DIRECTORY/report" "$@" 2>&1; }
number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/report"; }
is_not_ready() { ! is_ready; }
offered() { dhcp c1 dora --mac "52:54:00:00:0d:$1" --wait 3; }

load --rate 50 --seconds 2 --settle 15 >/dev/null
expect_equal "before: everybody has an address" "$(number new)" "$(number bound)"

# Full. What room the database still has inside its own files may be used up first.
dd if=/dev/zero of="$DATA/filler" bs=4k status=none 2>/dev/null
for _ in $(seq 15); do is_ready && load --rate 300 --seconds 2 --settle 1 >/dev/null; done
load --rate 20 --seconds 4 >"$LAB_DIRECTORY/load"
expect_equal "full: nobody new is given an address" 0 "$(number bound)"
expect_equal "full: nobody is refused what he holds" 0 "$(number refused)"
check "full: /readyz says so" wait_for 10 is_not_ready
expect "full: with the reason" 'full|space' "$(ready_answer)"
expect "full: the log says it, as an error or a warning" ' (error|warning|critical) .*(full|space)' \
    "$(cat "$LAB_DIRECTORY/server.log")"
check "full: the server lives" is_running "$SERVER"
# A small one may fit into pages that the database has already.
check_fails "full: a large change of the site is refused" 'full|space' \
    ondeck set template large "text=$(head -c 90000 /dev/zero | tr '\0' x)"
repeated=$(grep -cE 'full|space' "$LAB_DIRECTORY/server.log")
expect_below "full: it does not say so without end" 60 "$repeated" lines
rm "$DATA/filler"
check "space again: ready, without a restart" wait_for 15 is_ready
expect "space again: a new client is served" '^ACK' "$(offered 02)"
load --rate 50 --seconds 2 --settle 4 --verify >"$LAB_DIRECTORY/load"
expect_none "space again: every earlier lease is honoured" 'BROKEN' "$(cat "$LAB_DIRECTORY/load")"
expect_equal "space again: nobody waits" 0 "$(number waiting)"
check "space again: the site can be changed" ondeck set machine web9 intent=local
stop "$SERVER"

# Read-only, as Linux does it to a disk with errors.
DATA="$LAB_DIRECTORY/disk"
mkdir "$DATA"
truncate -s 48M "$LAB_DIRECTORY/disk.image"
mkfs.ext4 -q -F "$LAB_DIRECTORY/disk.image"

# plug_disk: each time as another device. The old one stays read-only as long as any mount namespace of this machine
# still has it mounted, and every "ip netns exec" makes one.
plug_disk() {
    LOOP=$(losetup --find --show "$LAB_DIRECTORY/disk.image") && LAB_LOOPS+=("$LOOP")
    fsck.ext4 -fy "$LOOP" >"$LAB_DIRECTORY/fsck" 2>&1
    mount -o errors=remount-ro "$LOOP" "$DATA" && LAB_MOUNTS+=("$DATA")
}

plug_disk
rm -f "$CLIENTS"
configure
serve_site < <(ordinary_site)
load --rate 50 --seconds 2 --settle 15 >/dev/null
expect_equal "read-only, before: everybody has an address" "$(number new)" "$(number bound)"
echo 1 >"/sys/fs/ext4/${LOOP##*/}/trigger_fs_error"
load --rate 20 --seconds 4 >/dev/null
expect_equal "read-only: nobody new is given an address" 0 "$(number bound)"
expect_equal "read-only: nobody is refused what he holds" 0 "$(number refused)"
check "read-only: /readyz says so" wait_for 10 is_not_ready
expect "read-only: with the reason" 'store|read-?only|I/O|disk' "$(ready_answer)"
check "read-only: the server lives" is_running "$SERVER"
stop "$SERVER"
umount "$DATA" || fail "the disk is free when the server has ended"
plug_disk
serve || fail "after the repair: the server starts" "$(tail -n 5 "$LAB_DIRECTORY/server.log")"
load --seconds 0 --clients-max 0 --verify >"$LAB_DIRECTORY/load"
expect_none "after the repair: every lease is honoured" 'BROKEN' "$(cat "$LAB_DIRECTORY/load")"
expect "after the repair: they were asked for" 'verified [1-9]' "$(cat "$LAB_DIRECTORY/load")"
expect "after the repair: a new client is served" '^ACK' "$(offered 03)"
stop "$SERVER"

# Read-only from the start.
mount -o remount,ro "$DATA"
launch
wait_for 10 is_ready_or_dead
sleep 1
if is_running "$SERVER"; then
    expect "read-only from the start: not ready, with the reason" 'store|read-?only|I/O|disk' "$(ready_answer)"
    check "read-only from the start: not ready" is_not_ready
else
    expect "read-only from the start: ends, with the reason" 'read-?only|I/O|cannot|disk' \
        "$(tail -n 5 "$LAB_DIRECTORY/server.log")"
fi
group_done
