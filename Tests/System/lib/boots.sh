# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Machines that boot from three nodes while one of them dies: one real machine (QEMU, iPXE) over a slow link, or
# hundreds of simulated ones (tools/boot-storm). Source it instead of content.sh. Tests and Bench/storm.sh stand on it.

. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/content.sh"
. "$SYSTEM/lib/machine.sh"

BOOT_MAC=52:54:00:12:34:56
BOOT_RATE=${BOOT_RATE:-$([ -n "$LONG" ] && echo 8mbit || echo 16mbit)} # towards the machine
BOOT_WAIT=${BOOT_WAIT:-$([ -n "$LONG" ] && echo 240 || echo 75)} # seconds until it must be up
STORM_MACHINES=${STORM_MACHINES:-200}
STORM_MAC=02:00:0b:00:00:00
SET=${SET:-sets} # where kernel and initrd are served from: a directory of every node, or an image

# boot_files: the kernel and an initrd whose program says whether it arrived whole; a smaller pair for the storm.
boot_files() {
    local sets="$LAB_DIRECTORY/sets"
    mkdir -p "$sets"
    gcc -O2 -nostdlib -static -ffreestanding -fno-stack-protector -o "$LAB_DIRECTORY/init" "$TOOLS/boot-init.c" ||
        { fail "the machine's first program is built"; group_done; }
    BOOT_LINE=$("$TOOLS/make-initrd" "$LAB_DIRECTORY/init" $((8 << 20)) "$sets/initrd.test")
    cp "$DEBIAN_INSTALLER/linux" "$sets/linux"
    head -c 262144 /dev/urandom >"$sets/storm-kernel"
    head -c 1048576 /dev/urandom >"$sets/storm-initrd"
    chmod -R a+rX "$LAB_DIRECTORY/sets"
    chmod a+x "$LAB_DIRECTORY"
}

storm_mac() { printf '02:00:0b:00:%02x:%02x\n' $(($1 >> 8)) $(($1 & 255)); }

# boots_site: the real machine, and the simulated ones.
boots_site() {
    local i
    UNKNOWN=lease content_site
    cat <<YAML
reservations:
  - { network: lan, address: 10.77.0.20, mac: "$BOOT_MAC", hostname: web1 }
environments:
  test:
    kernel:
      x64: { kernel: $SET/linux, initrds: [$SET/initrd.test], arguments: "console=ttyS0,115200n8" }
  storm:
    kernel:
      x64: { kernel: $SET/storm-kernel, initrds: [$SET/storm-initrd], arguments: "done={{url.done}}" }
machines:
  web1: { macs: ["$BOOT_MAC"], intent: always test }
YAML
    for i in $(seq 0 $((STORM_MACHINES - 1))); do
        echo "  storm$i: { macs: [\"$(storm_mac "$i")\"], intent: install storm }"
    done
}

# switch_on: the machine, behind a link of BOOT_RATE.
switch_on() {
    ip -n "$LAB_PREFIX-lan" link show tap0 >/dev/null 2>&1 || tap lan tap0
    slow_port lan tap0 "$BOOT_RATE"
    BOOT_BEGAN=$(now_ms) LOAD_BEGAN=""
    power_on "${FIRMWARE:-bios}" "$BOOT_MAC" "$1.serial"
}

# is_up: waits for the line that its first program writes. BOOT_MS is how long it took since switch_on; LOAD_MS, since
# it began to download its kernel, until that kernel's first line: what the nodes have to do with.
is_up() {
    BOOT_MS="" LOAD_MS=""
    [ -n "$LOAD_BEGAN" ] || ! wait_for "$BOOT_WAIT" is_fetching linux || LOAD_BEGAN=$(now_ms)
    if boots_to "$BOOT_WAIT" 'Linux version'; then LOAD_MS=$(($(now_ms) - LOAD_BEGAN)); fi
    if boots_to "$BOOT_WAIT" 'boot-test: .*sum [0-9]+'; then BOOT_MS=$(($(now_ms) - BOOT_BEGAN)); fi
    BOOT_SAID=$(console | grep -m 1 -oE 'boot-test: [0-9]+ bytes, sum [0-9]+')
    power_off
    [ -n "$BOOT_MS" ]
}
boot_trouble() { # what the machine shows, and what the nodes say of it
    local i
    console | grep -vE '^ *$' | tail -n 12
    for i in $(seq "$NODES"); do
        echo "n$i says:"
        timeout 3 ip netns exec "$LAB_PREFIX-n$i" env ONDECK_TOKEN_FILE="$TOKEN_FILE" "$ONDECK" \
            watch --since 0 --mac "$BOOT_MAC" 2>/dev/null | tail -n 12
    done
}

# is_fetching FILE: iPXE shows that it is at it.
is_fetching() { console_shows "$1\.\.\."; }

# serving_node [ADDRESS]: the one that has sent the most on its open connections (to that address).
serving_node() {
    local i
    for i in $(seq "$NODES"); do echo "$(sent_by "$i" "$@") $i"; done | sort -n | tail -n 1 | awk '$1 > 60000 { print $2 }'
}
sent_by() { # sent_by NODE [ADDRESS]: bytes, on connections that are open
    at "n$1" ss -Htino state established "( sport = :8080 )" ${2:+dst "$2"} 2>/dev/null |
        grep -oE 'bytes_sent:[0-9]+' | cut -d: -f2 | awk '{ sum += $1 } END { print sum + 0 }'
}
another_serves() { # another_serves NODE: than this one, and the machine itself
    local i
    for i in $(seq "$NODES"); do
        [ "$i" = "$1" ] || [ "$(sent_by "$i" 10.77.0.20)" -le 60000 ] || return 0
    done
    return 1
}
has_server() { [ -n "$(serving_node "$@")" ]; }

# find_server FILE [PEER]: the node that is serving it, in KILLED; some time into the download.
find_server() {
    KILLED=""
    wait_for "$BOOT_WAIT" is_fetching linux || return 1
    LOAD_BEGAN=$(now_ms)
    wait_for "$BOOT_WAIT" is_fetching "$1" || return 1
    sleep 1.2
    wait_for 3 has_server "${@:2}" || return 1
    KILLED=$(serving_node "${@:2}")
}

# kill_during FILE [PEER]: kill -9 of the node that serves it, some time into its download. KILLED is its number.
kill_during() {
    find_server "$@" || return 1
    kill_node "$KILLED"
    true # its own status says that it was killed
}

# own_the_pool CLIENT: every address of the pool is that namespace's.
own_the_pool() {
    address "$1" 10.77.1.1/16
    ip -n "$LAB_PREFIX-$1" route replace local 10.77.16.0/20 dev lo
}

# storm_kills NODE CLIENT [FLAG...]: and that node is killed when a fifth of the machines have booted.
storm_kills() {
    local victim=$1
    shift
    {
        storm "$@" --kill-pid "${NODE_PROCESS[$victim]}" --kill-when $((STORM_MACHINES / 5))
        wait "${NODE_PROCESS[$victim]}"
    } 2>>"$LAB_DIRECTORY/storm.errors"
}

# storm CLIENT [FLAG...]: what it said is in $LAB_DIRECTORY/storm, its account in storm.json.
storm() {
    local client=$1
    shift
    at "$client" "$TOOLS/boot-storm" eth0 --machines "$STORM_MACHINES" --mac "$STORM_MAC" \
        --files "$LAB_DIRECTORY/sets" --files /usr/lib/ipxe --files /boot \
        --report "$LAB_DIRECTORY/storm.json" --log "$LAB_DIRECTORY/storm.log" "$@" >"$LAB_DIRECTORY/storm" 2>&1
}
storm_number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/storm.json"; }

# arm_storm NODE: a storm that is over may come again.
arm_storm() {
    local i
    for i in $(seq 0 $((STORM_MACHINES - 1))); do
        printf 'next\nurl = "http://127.0.0.1:8081/api/v1/machines/storm%d/boot"\nrequest = PUT\n' "$i"
        printf 'header = "Authorization: Bearer %s"\nheader = "Content-Type: application/json"\n' "$(cat "$TOKEN_FILE")"
        printf 'data = "{\\"intent\\": \\"install storm\\"}"\noutput = "/dev/null"\nsilent\nfail\n'
    done | sed 1d | at "n$1" curl -m 60 -K - || fail "the machines of the storm are armed"
}

# dead_target NODE SURVIVOR...: kills NODE while clients ask; how long answers go on naming it, in $LAB_DIRECTORY/targets.json.
dead_target() {
    local dead=$1 alive=() i
    shift
    for i in "$@"; do alive+=(--alive "10.77.0.$i:8080"); done
    { # where the shell would say that its child was killed
        at c1 "$TOOLS/target-watch" eth0 --mac "$STORM_MAC" --machines 60 --dead "10.77.0.$dead" "${alive[@]}" \
            --pid "${NODE_PROCESS[$dead]}" --report "$LAB_DIRECTORY/targets.json" >"$LAB_DIRECTORY/targets"
        wait "${NODE_PROCESS[$dead]}"
    } 2>>"$LAB_DIRECTORY/targets.errors"
}
target_number() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/targets.json"; }
