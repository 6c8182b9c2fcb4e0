#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every real DHCP client, on the LAN and behind a relay: its address, its options, and its lease in the list.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin cl
standard_server 4 2

# What udhcpc and dhclient are told is written out by this script.
HOOK="$LAB_DIRECTORY/hook"
cat >"$HOOK" <<'SH'
#!/bin/sh
# busybox: the variables ip, router, ...; dhclient: new_ip_address, ...
echo "HOOK address=${ip:-$new_ip_address} router=${router:-$new_routers} dns=${dns:-$new_domain_name_servers}" \
    "domain=${domain:-$new_domain_name} ntp=${ntpsrv:-$new_ntp_servers} lease=${lease:-$new_dhcp_lease_time} end"
SH
chmod +x "$HOOK"

# same_in_list WHAT NAMESPACE ADDRESS: the client's lease is in `ondeck lease list`.
same_in_list() { expect_equal "$1: its lease is in the list" "$3" "$(lease_of "$(mac_of "$2" eth0)")"; }

# got WHAT NAMESPACE LINK TEXT: finds the address in what a client said, and checks all three things.
got() {
    local what=$1 name=$2 link=$3 text=$4 address
    address=$(grep -oE 'HOOK address=[0-9.]+' <<<"$text" | grep -oE '[0-9.]+$' | tail -n 1)
    if is_in_pool "$address" "$link"; then ok "$what: an address of the pool" "$address"
    else fail "$what: an address of the pool" "$text"; fi
    case $link in
    lan) expect "$what: its options" 'router=10\.77\.0\.254 dns=10\.77\.0\.1 domain=lab\.example .*lease=3600' "$text" ;;
    far) expect "$what: its options" 'router=10\.88\.0\.1 dns=10\.77\.0\.1 domain=(far|lab)\.example .*lease=3600' "$text" ;;
    esac
    same_in_list "$what" "$name" "$address"
}

dhclient_says() {
    timeout 20 ip netns exec "$LAB_PREFIX-$1" dhclient -d -1 -v -sf "$HOOK" \
        -lf "$LAB_DIRECTORY/dhclient.$1.leases" -pf "$LAB_DIRECTORY/dhclient.$1.pid" eth0 2>&1 &
    local waiting=$!
    wait_for 15 grep -q '^lease' "$LAB_DIRECTORY/dhclient.$1.leases"
    kill "$waiting" 2>/dev/null # bound: it would stay for the renewal
    wait "$waiting"
}

udhcpc_says() { at "$1" timeout 20 busybox udhcpc -i eth0 -n -q -f -s "$HOOK" -t 5 -T 1 -O ntpsrv -O lease 2>&1; }

# dhcpcd keeps its state in fixed places: give it its own.
dhcpcd_says() {
    at "$1" sh -c 'mkdir -p /run/dhcpcd /var/lib/dhcpcd
        mount -t tmpfs none /run/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd &&
        exec timeout 30 dhcpcd -4 -1 -B -L --noarp -c /bin/true -t 20 eth0' 2>&1
}

on_link() {
    local name=$1 link=$2 own=$3 where=$4 said
    got "dhclient $where" "$name" "$link" "$(dhclient_says "$name")"
    got "udhcpc $where" "$name" "$link" "$(udhcpc_says "$name")"
    said=$(dhcpcd_says "$name")
    if is_in_pool "$(grep -oE 'leased [0-9.]+' <<<"$said" | grep -oE '[0-9.]+' | tail -n 1)" "$link"; then
        ok "dhcpcd $where" "$(grep -m 1 leased <<<"$said")"
    else
        fail "dhcpcd $where" "$said"
    fi
    # nmap's script answers only when the interface has an address.
    ip -n "$LAB_PREFIX-$name" address flush dev eth0
    address "$name" "$own"
    said=$(at "$name" timeout 40 nmap --script broadcast-dhcp-discover -e eth0 2>&1)
    expect "nmap broadcast-dhcp-discover $where" 'IP Offered: 10\.(77|88)\.[0-9.]+' "$said"
    expect "nmap sees the router $where" 'Router: 10\.(77\.0\.254|88\.0\.1)' "$said"
}

on_link c1 lan 10.77.1.9/16 "on the LAN"

start relay relay.log dhcrelay -4 -d --no-pid -a -iu eth0 -id eth1 "$SERVER_ADDRESS"
wait_for 5 listens_udp relay 67
start server relayed.log tcpdump -lnvvi eth0 'udp port 67 and src 10.77.0.1'
CAPTURE=$STARTED
wait_for 5 grep -q 'listening on' "$LAB_DIRECTORY/relayed.log"
on_link f1 far 10.88.1.9/16 "behind dhcrelay -a"
stop "$CAPTURE"
expect "option 82 is echoed to the relay" 'Agent-Information' "$(cat "$LAB_DIRECTORY/relayed.log")"

# INFORM, from a client that has an address.
address c2 10.77.1.2/16
check "dhcping -i (INFORM) is answered" at c2 dhcping -i -v -s "$SERVER_ADDRESS" -c 10.77.1.2 -h \
    "$(mac_of c2 eth0)" -t 3
expect "perfdhcp: three relayed exchanges" 'received packets: 3' \
    "$(at c2 perfdhcp -4 -l 10.77.1.2 -n 3 -r 3 -W 1000000 "$SERVER_ADDRESS" | sed -n '/REQUEST-ACK/,$p')"

# The smaller print of RFC 2131, by a made-up client.
said=$(dhcp c3 dora --mac 52:54:00:00:03:01)
expect "a client without the broadcast flag gets a unicast at its own MAC" ' at 52:54:00:00:03:01 ' "$said"
HELD=$(grep -oE '^ACK [0-9.]+' <<<"$said" | cut -d' ' -f2)
expect "a client with the broadcast flag gets a broadcast" ' at ff:ff:ff:ff:ff:ff ' \
    "$(dhcp c3 dora --mac 52:54:00:00:03:03 --broadcast)"
expect "the client identifier is echoed (RFC 6842)" '61=01deadbeef' \
    "$(dhcp c3 dora --mac 52:54:00:00:03:04 --client-id 01deadbeef)"
expect "an option by its number" '224=01ff' "$(dhcp c3 discover --mac 52:54:00:00:03:01)"
expect "INIT-REBOOT with its own address: ACK" "^ACK $HELD" \
    "$(dhcp c3 init-reboot --mac 52:54:00:00:03:01 --address "$HELD")"
expect "INIT-REBOOT with another network's address: NAK" '^NAK' "$(dhcp c3 init-reboot --mac 52:54:00:00:03:01 --address 192.0.2.1)"
expect "INIT-REBOOT of a stranger with a good address: silence" '^silence' \
    "$(dhcp c3 init-reboot --mac 52:54:00:00:03:99 --address 10.77.49.9 --wait 1)"
expect "a REQUEST to another server: silence" '^silence' \
    "$(dhcp c3 select --mac 52:54:00:00:03:01 --address "$HELD" --server 10.77.0.99 --wait 1)"
dhcp c3 release --mac 52:54:00:00:03:01 --address "$HELD" --server "$SERVER_ADDRESS" --wait 0.3 >/dev/null
expect "after RELEASE the same client gets the same address" "^ACK $HELD" "$(dhcp c3 dora --mac 52:54:00:00:03:01)"
dhcp c3 decline --mac 52:54:00:00:03:01 --address "$HELD" --server "$SERVER_ADDRESS" --wait 0.3 >/dev/null
expect_none "after DECLINE it gets another" "^ACK $HELD " "$(dhcp c3 dora --mac 52:54:00:00:03:01)"
expect_equal "the declined address is in the list" declined \
    "$(ondeck lease list -o json | "$TOOLS/json-find" state address="$HELD")"

is_not_ready() { ! is_ready; }

# An address that somebody uses without asking is not handed out.
PROBE=true ordinary_site | sed 's/10.77.10.0-10.77.49.255/10.77.60.1-10.77.60.2/' | apply
address c4 10.77.60.1/16
expect "an address in use is found by the probe and not offered" '^ACK 10\.77\.60\.2 ' \
    "$(dhcp c3 dora --mac 52:54:00:00:04:01 --wait 5)"

# A link that was down leaves an error on the sockets there: the first probe goes out all the same.
PROBE=true ordinary_site | sed 's/10.77.10.0-10.77.49.255/10.77.60.3/' | apply
address c4 10.77.60.3/16
ip -n "$LAB_PREFIX-server" link set eth0 down
check "a link that is down: not ready" wait_for 10 is_not_ready
ip -n "$LAB_PREFIX-server" link set eth0 up
check "up again: ready" wait_for 10 is_ready
expect "and an address in use is still not offered" '^silence' "$(dhcp c3 discover --mac 52:54:00:00:04:02 --wait 2)"
expect_none "every probe went out" 'cannot probe' "$(cat "$LAB_DIRECTORY/server.log")"
# What no probe would find: routers and name servers are not handed out, though the pool has them.
PROBE=false ordinary_site | sed 's/10.77.10.0-10.77.49.255/10.77.0.254, 10.77.0.1/' | apply
expect "nor the router's, or our own, without a probe" '^silence' \
    "$(dhcp c3 discover --mac 52:54:00:00:04:03 --wait 2)"

group_done
