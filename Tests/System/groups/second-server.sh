#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Beside another DHCP server on the same wire: two full servers, and OnDeck as a proxy (boot data only).
. "$(dirname "$0")/../lib/ondeck.sh"
. "$SYSTEM/lib/machine.sh"
lab_begin se
standard_server 2
OTHER=10.77.0.2
MAC=52:54:00:12:34:56
namespace other
plug lan other eth0 "$OTHER/16"
start other dnsmasq.log dnsmasq -k --conf-file=/dev/null --port=0 --user=root --interface=eth0 --bind-interfaces \
    --no-ping --log-dhcp --log-facility=- --dhcp-leasefile="$LAB_DIRECTORY/dnsmasq.leases" \
    --dhcp-range=10.77.200.1,10.77.200.250,255.255.0.0,1h --dhcp-option=3,10.77.0.254
wait_for 5 listens_udp other 67

# Two full servers: whoever is chosen answers, and only he.
said=$(dhcp c1 discover --mac 52:54:00:00:05:01 --all --wait 1)
expect "both servers make an offer: ours" "^OFFER 10\.77\.[1-4][0-9]\.[0-9]+ from $SERVER_ADDRESS" "$said"
expect "both servers make an offer: the other" "^OFFER 10\.77\.200\.[0-9]+ from $OTHER" "$said"
theirs=$(grep -oE '^OFFER 10\.77\.200\.[0-9]+' <<<"$said" | cut -d' ' -f2)
said=$(dhcp c1 select --mac 52:54:00:00:05:01 --server "$OTHER" --address "$theirs" --all --wait 1)
expect "the chosen other server acknowledges" "^ACK $theirs from $OTHER" "$said"
expect_none "ours stays silent" "from $SERVER_ADDRESS" "$said"
expect_equal "and keeps no lease for it" "" "$(lease_of 52:54:00:00:05:01)"
for i in 1 2 3; do
    said=$(at c2 timeout 20 busybox udhcpc -i eth0 -n -q -f -s /bin/true -t 5 -T 1 2>&1)
    expect "udhcpc gets a lease from one of the two ($i of 3)" 'lease of 10\.77\.[0-9.]+ obtained from 10\.77\.0\.[12]' "$said"
done

# A proxy: addresses come from the other server, boot data from ours.
cat <<YAML | ondeck apply --prune -f /dev/stdin >/dev/null || fail "the proxy site is accepted"
networks:
  office:
    mode: proxy
    unknown: ignore
    subnets: [{ subnet: 10.77.0.0/16 }]
machines:
  web1: { macs: ["$MAC"], intent: install installer }
environments:
  installer:
    kernel:
      x64: { kernel: debian-12/linux, initrds: [debian-12/initrd.gz], arguments: "console=ttyS0,115200n8" }
YAML
said=$(dhcp c1 discover --mac "$MAC" --arch 7 --all --wait 1)
expect "proxy: an offer without an address, with option 60" "^OFFER 0\.0\.0\.0 from $SERVER_ADDRESS .*60=505845436c69656e74" "$said"
expect "proxy: the address comes from the other server" "^OFFER 10\.77\.200\.[0-9]+ from $OTHER" "$said"
expect_none "proxy: an ordinary client hears nothing from us" "from $SERVER_ADDRESS" \
    "$(dhcp c1 discover --mac 52:54:00:00:05:02 --all --wait 1)"
expect_none "proxy: a PXE client that is not named hears nothing from us" "from $SERVER_ADDRESS" \
    "$(dhcp c1 discover --mac 52:54:00:00:05:03 --arch 7 --all --wait 1)"
address c1 10.77.200.251/16
said=$(dhcp c1 proxy-request --mac "$MAC" --arch 7 --address 10.77.200.251 --to "$SERVER_ADDRESS")
expect "proxy: port 4011 names the boot file" '^ACK .* file [^ -]' "$said"

power_on uefi "$MAC" serial.log
if boots_to 150 'Linux version'; then ok "proxy: UEFI firmware boots to the kernel beside the other server"
else
    fail "proxy: UEFI firmware boots to the kernel beside the other server" "$(console | tail -n 4)"
    tail -n 15 "$LAB_DIRECTORY/server.log" | sed 's/^/        server: /'
fi
power_off
group_done
