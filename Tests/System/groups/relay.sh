#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What comes through a relay agent: which subnet, which way back, and the relay's own information.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin re
standard_server 2 2
start relay relay.log dhcrelay -4 -d --no-pid -a -iu eth0 -id eth1 "$SERVER_ADDRESS"
RELAY=$STARTED
wait_for 5 listens_udp relay 67

said=$(dhcp f1 dora --mac 52:54:00:00:08:01)
expect "a relayed client gets an address of its own link" '^ACK 10\.88\.1[0-9]\.' "$said"
FAR=$(grep -oE '^ACK [0-9.]+' <<<"$said" | cut -d' ' -f2)
expect_none "the relay keeps option 82 from the client" ' 82=' "$said"
expect_equal "its lease says which network" far \
    "$(ondeck lease list -o json | "$TOOLS/json-find" network address="$FAR")"
expect "the same client on the LAN has an address there as well" '^ACK 10\.77\.' \
    "$(dhcp c1 dora --mac 52:54:00:00:08:01)"
expect_equal "and keeps the other" "$FAR" \
    "$(ondeck lease list --network far -o json | "$TOOLS/json-find" address mac=52:54:00:00:08:01)"
expect "moved to the LAN with its far address: NAK" '^NAK' \
    "$(dhcp c1 init-reboot --mac 52:54:00:00:08:02 --address "$FAR")"
expect "a NAK reaches a client behind the relay" '^NAK' \
    "$(dhcp f1 init-reboot --mac 52:54:00:00:08:01 --address 10.77.10.9)"

# A relay of our own making, on the LAN: what the server itself sends back.
stop "$RELAY"
address c2 10.77.1.2/16
said=$(dhcp c2 dora --mac 52:54:00:00:08:11 --giaddr 10.77.1.2 --to "$SERVER_ADDRESS" --circuit "port 7")
expect "the reply goes to the relay, from the address it asked" "from $SERVER_ADDRESS to 10\.77\.1\.2 " "$said"
expect "option 82 is echoed octet for octet" '82=0106706f72742037' "$said"
expect "giaddr chooses the subnet" '^ACK 10\.77\.' "$said"
expect "link selection (RFC 3527) overrules giaddr" '^OFFER 10\.88\.' \
    "$(dhcp c2 discover --mac 52:54:00:00:08:12 --giaddr 10.77.1.2 --to "$SERVER_ADDRESS" --option 82=05040a580000)"
expect "the server identifier override (RFC 5107) stands in option 54" 'server 10\.77\.1\.2 ' \
    "$(dhcp c2 discover --mac 52:54:00:00:08:13 --giaddr 10.77.1.2 --to "$SERVER_ADDRESS" --option 82=0b040a4d0102)"
ip -n "$LAB_PREFIX-c2" address add 172.31.5.1/32 dev eth0
ip -n "$LAB_PREFIX-server" route add 172.31.5.1/32 via 10.77.1.2
expect "a relay that no subnet names is not answered" '^silence' \
    "$(dhcp c2 discover --mac 52:54:00:00:08:14 --giaddr 172.31.5.1 --to "$SERVER_ADDRESS" --wait 1)"

# A reservation by circuit, and a relay outside its subnet.
{
    ordinary_site | sed 's/pools: \[10.88.10.0-10.88.19.255\]/&\n        relays: [172.31.5.1]/'
    echo "reservations:"
    echo "  - { network: far, address: 10.88.0.77, circuit: \"rack 3 port 7\" }"
} | apply
expect "a relay outside the subnet, named by it" '^OFFER 10\.88\.' \
    "$(dhcp c2 discover --mac 52:54:00:00:08:15 --giaddr 172.31.5.1 --to "$SERVER_ADDRESS")"
expect "a reservation by the relay's circuit" '^OFFER 10\.88\.0\.77 ' \
    "$(dhcp c2 discover --mac 52:54:00:00:08:16 --giaddr 172.31.5.1 --to "$SERVER_ADDRESS" --circuit "rack 3 port 7")"

group_done
