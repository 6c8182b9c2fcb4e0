#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a machine boots next: install once, then its disk; armed again by hand; held when it goes in circles. And that
# what belongs to the machine goes to nobody else: c2 is the machine, by its address; c1 is a stranger.
. "$(dirname "$0")/../lib/ondeck.sh"
. "$SYSTEM/lib/machine.sh"
lab_begin in
MAC=52:54:00:12:34:56
PAGE="$BOOT_URL/b/${MAC//:/-}"
lan 2
configure
site() {
    UNKNOWN=ignore ordinary_site
    cat <<YAML
parameters: { mirror: deb.debian.org }
profiles:
  web: { parameters: { disk: /dev/vda } }
machines:
  web1: { macs: ["$MAC"], profiles: [web], intent: install my-os }
environments:
  my-os:
    kernel:
      x64:
        kernel: debian-12/linux
        initrds: [debian-12/initrd.gz]
        arguments: "console=ttyS0 preseed={{url.answers}}/preseed.cfg"
    answers: { preseed.cfg: answers-of-my-os }
templates:
  answers-of-my-os: |
    d-i partman-auto/disk string {{disk}}
    d-i mirror/http/hostname string {{mirror}}
YAML
}
serve_site < <(site)
address c1 10.77.1.1/16
dhcp c2 dora --mac "$MAC" >/dev/null
address c2 "$(lease_of "$MAC")/$LAN_LENGTH"
get() { at c2 curl -sS -m 10 "$@"; }
status() { get -o /dev/null -w '%{http_code}' "$@"; }
stranger() { at c1 curl -sS -m 10 -o /dev/null -w '%{http_code}' "$@"; }
watched() {
    timeout 3 ip netns exec "$LAB_PREFIX-server" env ONDECK_TOKEN_FILE="$DATA/api-token" "$ONDECK" watch --since 0 \
        --mac "$MAC"
}
offer() { dhcp c1 discover --mac "$MAC" --arch 7 "$@"; }

# 1. It is to be installed.
expect "armed: the firmware is given a boot file" '^OFFER .* file [^ -]' "$(offer)"
expect "armed: iPXE is given its script" '^OFFER .* file http' "$(offer --ipxe)"
expect_none "a stranger's DISCOVER: silence" '^OFFER' "$(dhcp c1 discover --mac 52:54:00:99:99:99 --arch 7 --wait 1)"
script=$(get "$PAGE")
expect "its script is an iPXE script" '^#!ipxe' "$script"
expect "its script loads the kernel" 'kernel .*debian-12/linux' "$script"
expect "its script loads the initrd" 'initrd .*debian-12/initrd.gz' "$script"
# Beneath its own token: in the kernel's arguments, behind the base that iPXE has found to work.
STAGE="$BOOT_URL/$(grep -m 1 '^imgargs ' <<<"$script" | grep -oE 'b/[0-9a-f-]{17}\.[a-z2-7]+' | head -n 1)"
expect "its answers have a token of their own" 'b/52-54-00-12-34-56\.[a-z2-7]{15}$' "$STAGE"

# Nobody else.
TOKEN_PAGE=$(offer --ipxe | grep -oE 'http://[^ ]+' | head -n 1)
expect "DHCP puts a token into the script's URL" "^$PAGE\\.[a-z2-7]{15}\$" "$TOKEN_PAGE"
expect_equal "which lets its bearer have the script" 200 "$(stranger "$TOKEN_PAGE")"
expect_equal "and no answers" 403 "$(stranger "$TOKEN_PAGE/a/preseed.cfg")"
expect_equal "who guesses the MAC address: no script" 403 "$(stranger "$PAGE")"
expect_equal "who guesses the MAC address: no answers" 403 "$(stranger "$PAGE/a/preseed.cfg")"
expect_equal "who guesses the MAC address: no report" 403 "$(stranger -X POST "$PAGE/done")"
expect_equal "a token that is made up: no script" 403 "$(stranger "$PAGE.abcdefghijklmno")"
expect "the operator is told of it" 'is refused to 10\.77\.1\.1' "$(watched)"

answers=$(get "$STAGE/a/preseed.cfg")
expect "its answers know the profile's parameter" 'disk string /dev/vda' "$answers"
expect "its answers know the global parameter" 'hostname string deb.debian.org' "$answers"
expect_equal "once more to the same address" 200 "$(status "$STAGE/a/preseed.cfg")"
expect_equal "and never to another: 410" 410 "$(stranger "$STAGE/a/preseed.cfg")"
expect "which is an event" 'preseed\.cfg is refused to 10\.77\.1\.1: .* has had it' "$(watched)"
expect_none "tokens are not in the timeline" 'b/52-54-00-12-34-56\.' "$(watched)"
expect_none "nor in the log" 'b/52-54-00-12-34-56\.' "$(cat "$LAB_DIRECTORY/server.log")"
expect "explain says the same" 'my-os' "$(ondeck explain --mac "$MAC" --arch x64-uefi)"
expect "a progress ping" '^20[04]$' "$(status "$STAGE/p/partitioning")"

# 2. It reports that it is done: from then on, its disk.
expect "the done call-back is accepted" '^20[04]$' "$(status -X POST "$STAGE/done")"
expect "and once more, should the answer have been lost" '^20[04]$' "$(status -X POST "$STAGE/done")"
said=$(offer)
expect "done: it still has an address" '^OFFER 10\.77\.' "$said"
expect "done: no boot file" ' file - ' "$said"
expect_none "done: no boot file in option 67 either" ' 67=' "$said"
expect_none "done: its script boots no kernel" '^kernel ' "$(get "$PAGE")"
site | apply
expect "applying the same site again does not install it again" ' file - ' "$(offer)"
expect "the timeline tells of it" 'is done: boots from its disk' "$(watched)"
stop "$SERVER" KILL
serve
expect "after kill -9 and restart it is still done" ' file - ' "$(offer)"

# 3. With real firmware: it leaves the network alone and looks at its disk.
power_on bios "$MAC" local.log
if boots_to 60 'No bootable device|Nothing to boot|No more network devices|Booting from Hard Disk'; then
    ok "real firmware goes on to its disk" \
        "$(console | grep -m 1 -oE 'No bootable device|Nothing to boot|No more network devices')"
else
    fail "real firmware goes on to its disk" "$(console | tail -n 4)"
fi
expect_none "and no kernel ran" 'Linux version' "$(console)"
power_off
at server ip neighbour flush dev eth0 # the machine had the address that c2 has

# 4. By hand once more.
check "ondeck boot arms it again" ondeck boot web1 install my-os
expect "armed again: a boot file" '^OFFER .* file [^ -]' "$(offer)"

# 5. A machine that comes again and again without ever being done is held.
for _ in $(seq 9); do
    offer >/dev/null
    offer --ipxe >/dev/null
    get "$PAGE" >/dev/null
done
expect_none "after nine boots without an end it is held: no kernel" '^kernel ' "$(get "$PAGE")"
expect "and the operator is told why" 'held|loop|hold' \
    "$(ondeck explain --mac "$MAC" --arch x64-uefi; watched)"
check "ondeck boot lets it go" ondeck boot web1 install my-os
expect "and it boots again" '^kernel ' "$(get "$PAGE")"

check "hold by hand" ondeck boot web1 hold
expect_none "held by hand: no kernel" '^kernel ' "$(get "$PAGE")"
check_fails "an environment that does not exist is refused" 'no-such-os' ondeck boot web1 install no-such-os
group_done
