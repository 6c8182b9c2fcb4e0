#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine with real firmware, from power-on to the installer's kernel. usage: pxe.sh bios|uefi|http
. "$(dirname "$0")/../lib/ondeck.sh"
. "$SYSTEM/lib/machine.sh"
FIRMWARE=${1:?usage: pxe.sh bios|uefi|http}
lab_begin "p$FIRMWARE"
MAC=52:54:00:12:34:56

lan 1
configure
site() {
    UNKNOWN=ignore ordinary_site
    cat <<YAML
reservations:
  - { network: lan, address: 10.77.0.20, mac: $MAC, hostname: web1 }
machines:
  web1: { macs: [$MAC], intent: install installer }
environments:
  installer:
    summary: the Debian installer, its console on the serial line
    kernel:
      x64: { kernel: debian-12/linux, initrds: [debian-12/initrd.gz], arguments: "console=ttyS0,115200n8 tag={{machine.name}}" }
YAML
}
serve_site < <(site)

ondeck watch --mac "$MAC" -o json >"$LAB_DIRECTORY/watch.json" 2>&1 &
WATCH=$!
LAB_PROCESSES+=("$WATCH")
BEGAN=$(now_ms)
power_on "$FIRMWARE" "$MAC" serial.log
if boots_to 150 'Linux version'; then
    ok "$FIRMWARE: power-on to the kernel's first line" "$((($(now_ms) - BEGAN) / 1000)) s"
else
    fail "$FIRMWARE: power-on to the kernel's first line" "$(console | tail -n 5)"
    tail -n 20 "$LAB_DIRECTORY/server.log" | sed 's/^/        server: /'
    sed 's/^/        event: /' "$LAB_DIRECTORY/watch.json" | tail -n 20
    group_done
fi
if boots_to 60 'Run /init'; then ok "$FIRMWARE: the initrd's /init runs"
else fail "$FIRMWARE: the initrd's /init runs" "$(console | tail -n 5)"; fi
power_off
sleep 1
kill "$WATCH" 2>/dev/null

expect "the kernel has the arguments of its environment" 'Command line:.*console=ttyS0' "$(console)"
events=$(cat "$LAB_DIRECTORY/watch.json")
expect "it had its reserved address" 'REQUEST -> ACK 10\.77\.0\.20' "$events"
expect "its timeline names the DHCP answers" '"kind" ?: ?"dhcp' "$events"
expect "its timeline names the kernel" 'linux' "$events"
expect_none "its timeline shows no tokens" 'b/52-54-00-12-34-56\.' "$events"
case $FIRMWARE in
uefi) expect "its timeline names the TFTP transfers" '"kind" ?: ?"tftp' "$events" ;;
http) expect_none "nothing went by TFTP before iPXE ran" '"tftp.*\.efi' "$events" ;;
esac

group_done
