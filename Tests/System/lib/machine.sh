# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A virtual machine that boots from the network with real firmware, plugged into the switch "lan".
# Source it after ondeck.sh. Emulated (TCG): the firmware does not run under every KVM, and it is fast enough.

DEBIAN_INSTALLER=/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
MACHINE=""     # the process id of the last machine
MACHINE_LOG="" # its serial console

# power_on FIRMWARE MAC LOG: firmware is bios (SeaBIOS with iPXE in the card's ROM), uefi (OVMF's PXE) or http
# (OVMF's HTTP boot).
power_on() {
    local firmware=$1 mac=$2 log=$3 card variables="$LAB_DIRECTORY/variables.$3.fd" arguments=()
    MACHINE_LOG="$LAB_DIRECTORY/$log"
    rm -f "$MACHINE_LOG" # what an earlier machine of that name said is not what this one says
    ip -n "$LAB_PREFIX-lan" link show tap0 >/dev/null 2>&1 || tap lan tap0
    card="virtio-net-pci,netdev=net0,mac=$mac,bootindex=0"
    case $firmware in
    bios) ;;
    uefi | http)
        # Without an option ROM OVMF uses its own network stack; its variables are a copy, fresh each time.
        card+=",romfile="
        cp /usr/share/OVMF/OVMF_VARS_4M.fd "$variables"
        arguments+=(-drive "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"
            -drive "if=pflash,format=raw,unit=1,file=$variables")
        ;;
    *) echo "power_on: unknown firmware $firmware" >&2; return 2 ;;
    esac
    # HTTP boot comes last in OVMF's order, a minute later: switch its PXE off.
    [ "$firmware" = http ] && arguments+=(
        -fw_cfg "name=opt/org.tianocore/IPv4PXESupport,string=n" -fw_cfg "name=opt/org.tianocore/IPv6PXESupport,string=n")
    # graphics=off: SeaBIOS and the iPXE in the card speak on the serial line.
    start lan "qemu.$log" qemu-system-x86_64 -machine pc,graphics=off -accel tcg -m 1024 -smp 1 -display none \
        -no-reboot -monitor none -serial "file:$MACHINE_LOG" "${arguments[@]}" \
        -netdev tap,id=net0,ifname=tap0,script=no,downscript=no -device "$card" -device virtio-rng-pci
    MACHINE=$STARTED
}

power_off() {
    stop "$MACHINE"
    MACHINE=""
}

# console: what the machine has said, without its terminal's control sequences.
console() { sed 's/\x1b\[[0-9;?]*[A-Za-z]//g; s/\r/\n/g' "$MACHINE_LOG" 2>/dev/null; }

console_shows() { console | grep -qE "$1"; }

# boots_to SECONDS PATTERN: until the console shows it, or the machine has gone.
boots_to() {
    local deadline=$((SECONDS + $1))
    until console_shows "$2"; do
        is_running "$MACHINE" && [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.3
    done
}
