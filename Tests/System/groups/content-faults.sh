#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What befalls content: damaged files, full disks, cut links, dead ends, an origin that is away, a crowd. Never a wrong or
# half a file, and everything heals by itself. LONG=1: the replication that is cut is 1 GiB.
. "$(dirname "$0")/../lib/content.sh"
lab_begin cf
MIB=$([ -n "$LONG" ] && echo 1024 || echo 160)
RATE=$([ -n "$LONG" ] && echo 600mbit || echo 240mbit) # into n3
SMALL_DISK=$((MIB / 2 + 16))
site() {
    content_site
    cat <<YAML
locations:
  berlin: { nodes: [n1], origin: true }
  bonn: { nodes: [n2, n3] }
images:
  big: { placement: { nodes: [n1] } }
  asked: { placement: on-demand }
  asked-too: { placement: on-demand }
YAML
}
content_cluster 2 < <(site)
for i in 1 2; do address "c$i" "10.77.1.$i/16"; done
origin_start
mkdir "$LAB_DIRECTORY/a" "$LAB_DIRECTORY/b"
for name in one two three four five; do random_file "$LAB_DIRECTORY/a/$name" 3; done
bsdtar -C "$LAB_DIRECTORY/a" -cf "$LAB_DIRECTORY/set.tar" .
check "an image for all" on_node 1 content add set --file "$LAB_DIRECTORY/set.tar"
for i in 2 3; do check "n$i holds it" wait_for 30 holds 1 set "$i" || group_done; done
digest() { sum_of "$LAB_DIRECTORY/a/$1"; }

# 1. Damage on the disk of n2, of five kinds. Whoever reads meanwhile gets the right file or none.
spoil() { # spoil KIND FILE
    local blob
    blob=$(blob_of 2 "$(digest "$2")")
    case $1 in
    corrupted) chmod u+w "$blob" && printf 'X' | dd of="$blob" bs=1 seek=70000 conv=notrunc status=none ;;
    truncated) chmod u+w "$blob" && truncate -s 1M "$blob" ;;
    swapped) cp "$LAB_DIRECTORY/a/five" "$blob.other" && mv -f "$blob.other" "$blob" ;;
    deleted) rm -f "$blob" ;;
    linked) rm -f "$blob" && ln -s /etc/passwd "$blob" ;;
    esac
}
right_or_none() { # right_or_none FILE: a few readers, at once and after one another
    local wanted seen i wrong=0
    wanted=$(digest "$1")
    for i in $(seq 6); do
        seen=$(fetch c1 2 "set/$1" -f -o "$LAB_DIRECTORY/seen" 2>/dev/null && sum_of "$LAB_DIRECTORY/seen")
        [ -z "$seen" ] || [ "$seen" = "$wanted" ] || wrong=$((wrong + 1))
    done
    [ "$wrong" = 0 ] || { echo "$wrong of 6 readers got a wrong file"; return 1; }
}
files=(one two three four one)
at=0
for kind in corrupted truncated swapped deleted linked; do
    file=${files[at]}
    at=$((at + 1))
    spoil "$kind" "$file"
    check "$kind: never a wrong file" right_or_none "$file"
    check "$kind: n2 serves the right one again" wait_for 20 gives c1 2 "set/$file" "$(digest "$file")"
    check "$kind: and has it on its disk" wait_for 10 has_blob 2 "$(digest "$file")"
    expect_equal "$kind: which is right" "$(digest "$file")" "$(sum_of "$(blob_of 2 "$(digest "$file")")" 2>&1)"
done
expect "it says so" '[Dd]amaged' "$(timeline 2; grep -i damaged "$LAB_DIRECTORY/n2.log")"

# Damage while it is down.
kill_node 2
spoil corrupted two
spoil truncated three
back 2
for file in two three; do
    check "damaged while n2 was down: never a wrong file ($file)" right_or_none "$file"
    check "n2 serves $file again" wait_for 20 gives c1 2 "set/$file" "$(digest "$file")"
done

# 2. A replication that is cut half-way, and goes on where it was. n3 is behind a slow link.
random_file "$LAB_DIRECTORY/b/image" "$MIB"
BIG=$(sum_of "$LAB_DIRECTORY/b/image")
BYTES=$((MIB << 20))
check "$MIB MiB, on n1 only" on_node 1 content add big --file "$LAB_DIRECTORY/b/image"
slow_node 3 "$RATE"
before=$(bytes_into 3)
check "now on n3, too" on_node 1 set image big 'placement.nodes[]=n3'
check "half of it has come" wait_for 60 has_taken_in 3 $((before + BYTES / 2))
no_http 3
check "cut: nothing partial is published" has_no_blob 3 "$BIG"
expect "cut: it is under way, or failed, and not complete" '^(fetching|failed|waiting|none)$' "$(state_of 1 big 3)"
check "cut: other content is there" gives c1 1 set/one "$(digest one)"
sleep 3
heal_http
check "healed: n3 holds it" wait_for 60 holds 1 big 3
taken=$(($(bytes_into 3) - before))
expect_below "healed: it went on where it was" 1.35 "$(awk -v a="$taken" -v b="$BYTES" 'BEGIN { printf "%.2f", a / b }')" \
    "times its size over the link"
expect_equal "healed: it is right" "$BIG" "$(sum_of "$(blob_of 3 "$BIG")" 2>&1)"

# again MIB: another image of that size on its way to n3; half of it is there.
again() {
    random_file "$LAB_DIRECTORY/b/again" "$MIB"
    AGAIN=$(sum_of "$LAB_DIRECTORY/b/again")
    on_node 1 delete image again >"$LAB_DIRECTORY/again" 2>&1
    on_node 1 set image again 'placement.nodes[]=n1' >>"$LAB_DIRECTORY/again" 2>&1
    on_node 1 content add again --file "$LAB_DIRECTORY/b/again" >>"$LAB_DIRECTORY/again" 2>&1 ||
        fail "an image of $MIB MiB is added" "$(tail -n 3 "$LAB_DIRECTORY/again")"
    before=$(bytes_into 3)
    on_node 1 set image again 'placement.nodes[]=n3' >>"$LAB_DIRECTORY/again" 2>&1
    wait_for 60 has_taken_in 3 $((before + BYTES / 2)) || fail "half of it has come"
}
again
kill_node 3
check "the receiver dies: nothing partial" has_no_blob 3 "$AGAIN"
back 3
check "the receiver is back: n3 holds it" wait_for 60 holds 1 again 3
taken=$(($(bytes_into 3) - before))
expect_below "it went on where it was" 1.35 "$(awk -v a="$taken" -v b="$BYTES" 'BEGIN { printf "%.2f", a / b }')" \
    "times its size over the link"
again
kill_node 1
check "the sender dies: nothing partial" has_no_blob 3 "$AGAIN"
check "n3 goes on serving" gives c1 3 set/one "$(digest one)"
back 1
check "the sender is back: n3 holds it" wait_for 60 holds 1 again 3
expect_equal "it is right" "$AGAIN" "$(sum_of "$(blob_of 3 "$AGAIN")" 2>&1)"
fast_node 3

# 3. A full disk.
kill_node 2
umount "$LAB_DIRECTORY/n2" 2>/dev/null
mv "$LAB_DIRECTORY/n2" "$LAB_DIRECTORY/n2.before"
mkdir "$LAB_DIRECTORY/n2"
mount -t tmpfs -o "size=${SMALL_DISK}m" none "$LAB_DIRECTORY/n2" && LAB_MOUNTS+=("$LAB_DIRECTORY/n2")
back 2
check "n2 with a small disk gets what fits" wait_for 30 holds 1 set 2
check "and is to hold what does not" on_node 1 set image big 'placement.nodes[]=n2'
sleep 6
check "full: nothing partial" has_no_blob 2 "$BIG"
expect "full: where says why" '[Ff]ull|space|room' "$(where_table big; on_node 1 content where big -o json 2>&1)"
check "full: what it holds it serves" gives c1 2 set/one "$(digest one)"
check "full: the node is well" node_ready 2
check "full: leases are given" dhcp c2 dora --wait 3
expect_below "full: it does not fill the log" 20 "$(grep -ciE 'no room|no space' "$LAB_DIRECTORY/n2.log")" lines
mount -o "remount,size=$((MIB * 3))m" "$LAB_DIRECTORY/n2"
check "room again: n2 holds it, without a restart" wait_for 75 holds 1 big 2

# 4. Many first requests at once, and the place that others fetch from goes away.
mkdir -p "$LAB_DIRECTORY/asked.d"
random_file "$LAB_DIRECTORY/asked.d/file" 24
ASKED=$(sum_of "$LAB_DIRECTORY/asked.d/file")
for name in asked asked-too; do
    check "$name: on demand, in berlin" on_node 1 content add "$name" --file "$LAB_DIRECTORY/asked.d/file"
    sleep 0.2
    printf x >>"$LAB_DIRECTORY/asked.d/file"
done
TOO=$(head -c "$((24 << 20))" "$LAB_DIRECTORY/asked.d/file" | cat - <(printf x) | sum)
wait_for 10 holds 1 asked 1
sleep 1
crowd=()
before=$(bytes_into 3)
for i in $(seq 12); do
    at c1 curl -sS -m 40 -o "$LAB_DIRECTORY/crowd.$i" http://10.77.0.3:8080/asked/file 2>>"$LAB_DIRECTORY/crowd.errors" &
    crowd+=($!)
done
wait "${crowd[@]}"
right=0
for i in $(seq 12); do [ "$(sum_of "$LAB_DIRECTORY/crowd.$i" 2>&1)" != "$ASKED" ] || right=$((right + 1)); done
expect_equal "12 first requests at once: all right" 12 "$right"
taken=$((($(bytes_into 3) - before) >> 20))
# The requests and acknowledgements of twelve downloads come in as well.
expect_below "and fetched once: MiB into n3 (24 are one copy)" 36 "$taken" MiB
check "kept" wait_for 5 has_blob 3 "$ASKED"
sleep 2
kill_node 1
sleep 2
check "berlin is gone: n3 gives what it has" gives c2 3 asked/file "$ASKED"
check "berlin is gone: n2 fetches it from n3" gives c2 2 asked/file "$ASKED"
FETCH_SECONDS=15
expect "berlin is gone: what nobody has is refused, not waited for" '^(404|500|502|503|504)$' "$(fetch_status c2 2 asked-too/file)"
warns() { { on_node 2 content where asked-too; timeline 2; } 2>&1 | grep -E 'asked-too.*(reach|cannot|nobody|no node)|no machine.*asked-too'; }
check "berlin is gone: bonn says what it cannot boot" wait_for 20 warns
warns | head -n 2 | sed 's/^/        /'
back 1
check "berlin is back: n2 gives it" wait_for 10 gives c2 2 asked-too/file "$TOO"

origin_stop
check "the origin is down: an import is begun" on_node 1 content add gone --url "$ORIGIN/gone.tar" --no-wait
says_why() { on_node 1 content show gone 2>&1 | grep -iE 'refused|reach|connect'; }
check "the origin is down: the image says why it is not there" wait_for 15 says_why
says_why | head -n 1 | sed 's/^/        /'
check "the origin is down: what is held is served" gives c1 2 set/two "$(digest two)"
group_done
