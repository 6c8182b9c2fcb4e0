# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A private network on one machine: network namespaces, the processes in them, and taking it all down again.
# Source it. The system tests, the demo and the benchmarks stand on it; nothing leaves the namespaces.
set -u

LAB_PREFIX=""     # of every namespace; holds our process id, so that two labs never meet
LAB_DIRECTORY=""  # scratch files; removed at the end unless KEEP is set
LAB_PROCESSES=()
LAB_NAMESPACES=()
LAB_MOUNTS=()
LAB_LOOPS=()
STARTED=""        # the process id of the last `start`

# as_root SCRIPT ARGUMENTS...: runs the script again with root's rights if we lack them.
as_root() {
    [ "$(id -u)" != 0 ] || return 0
    command -v sudo >/dev/null || { echo "This needs root, for network namespaces, and there is no sudo." >&2; exit 1; }
    local settings=() name
    for name in ONDECK ONDECK_SCRATCH KEEP LONG IDLE FIRMWARE STORM_MACHINES STORM_ROUNDS BOOT_RATE BOOT_WAIT; do
        [ -z "${!name:-}" ] || settings+=("$name=${!name}")
    done
    exec sudo env "PATH=$PATH" "${settings[@]}" "$@"
}

# lab_begin NAME: call once, first.
lab_begin() {
    [ "$(id -u)" = 0 ] || { echo "This needs root, for network namespaces." >&2; exit 1; }
    export PATH="$PATH:/usr/sbin:/sbin"
    LAB_PREFIX="$1$$"
    LAB_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/ondeck-$LAB_PREFIX.XXXXXX")
    chmod 755 "$LAB_DIRECTORY"
    trap lab_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Ends every process that we started, then removes namespaces, mounts and files.
lab_end() {
    local status=$? item process
    trap - EXIT INT TERM HUP
    for process in "${LAB_PROCESSES[@]}"; do kill "$process" 2>/dev/null; done
    wait_for 6 lab_is_quiet
    for item in "${LAB_NAMESPACES[@]}"; do
        for process in $(ip netns pids "$item" 2>/dev/null); do kill -9 "$process" 2>/dev/null; done
        ip netns delete "$item" 2>/dev/null
    done
    for item in "${LAB_MOUNTS[@]}"; do umount -l "$item" 2>/dev/null; done
    for item in "${LAB_LOOPS[@]}"; do losetup --detach "$item" 2>/dev/null; done
    if [ -n "${KEEP:-}" ]; then echo "Kept: $LAB_DIRECTORY"; else rm -rf "$LAB_DIRECTORY"; fi
    exit "$status"
}

lab_is_quiet() {
    local process
    for process in "${LAB_PROCESSES[@]}"; do
        [ ! -e "/proc/$process" ] || grep -q '^State:.*Z' "/proc/$process/status" 2>/dev/null || return 1
    done
}

# namespace NAME: with its loopback up.
namespace() {
    ip netns add "$LAB_PREFIX-$1" || return
    LAB_NAMESPACES+=("$LAB_PREFIX-$1")
    ip -n "$LAB_PREFIX-$1" link set lo up
}

# switch NAME: a namespace that holds one bridge, br0, without an address.
switch() {
    namespace "$1" || return
    ip -n "$LAB_PREFIX-$1" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
    at "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip -n "$LAB_PREFIX-$1" link set br0 up
}

# plug SWITCH NAMESPACE INTERFACE [ADDRESS/LENGTH] [MAC]: a cable between the two.
plug() {
    local switch=$1 name=$2 interface=$3 address=${4:-} mac=${5:-}
    ip -n "$LAB_PREFIX-$switch" link add "p$name$interface" type veth \
        peer name "$interface" netns "$LAB_PREFIX-$name" || return
    ip -n "$LAB_PREFIX-$switch" link set "p$name$interface" master br0 up
    [ -z "$mac" ] || ip -n "$LAB_PREFIX-$name" link set "$interface" address "$mac"
    at "$name" sysctl -qw "net.ipv6.conf.$interface.disable_ipv6=1"
    ip -n "$LAB_PREFIX-$name" link set "$interface" up
    [ -z "$address" ] || ip -n "$LAB_PREFIX-$name" address add "$address" broadcast + dev "$interface"
}

# tap SWITCH INTERFACE: where a virtual machine plugs in.
tap() {
    at "$1" ip tuntap add dev "$2" mode tap
    ip -n "$LAB_PREFIX-$1" link set "$2" master br0 up
}

# memory_disk NAME SIZE: the directory NAME among the scratch files is kept in memory. Before anything starts there.
memory_disk() {
    mkdir -p "$LAB_DIRECTORY/$1" && mount -t tmpfs -o "size=$2,mode=700" none "$LAB_DIRECTORY/$1" || return
    LAB_MOUNTS+=("$LAB_DIRECTORY/$1")
}

mac_of() { at "$1" cat "/sys/class/net/$2/address"; } # mac_of NAMESPACE INTERFACE

# at NAMESPACE COMMAND...: runs it there and waits.
at() {
    local name=$1
    shift
    ip netns exec "$LAB_PREFIX-$name" "$@"
}

# start NAMESPACE LOG COMMAND...: runs it there in the background; its process id is in STARTED.
start() {
    local name=$1 log=$2
    shift 2
    : >>"$LAB_DIRECTORY/$log" # for those who read it at once
    ip netns exec "$LAB_PREFIX-$name" "$@" >>"$LAB_DIRECTORY/$log" 2>&1 </dev/null &
    STARTED=$!
    LAB_PROCESSES+=("$STARTED")
}

# stop PROCESS [SIGNAL]: and waits for its end.
stop() {
    kill "-${2:-TERM}" "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

# wait_for SECONDS COMMAND...: until it succeeds; its failure if it never does.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

is_running() { kill -0 "$1" 2>/dev/null; }
listens_udp() { at "$1" ss -Hlnu "sport = :$2" | grep -q .; } # listens_udp NAMESPACE PORT
listens_tcp() { at "$1" ss -Hlnt "sport = :$2" | grep -q .; }
resident_kib() { awk '/VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat" 2>/dev/null; } # user and system, 100 a second
now_ms() { local t=${EPOCHREALTIME/[^0-9]/}; echo $((t / 1000)); }
