// SPDX-License-Identifier: Apache-2.0

/// Datagrams captured from real clients in network namespaces and virtual machines, and what they say.
extension Capture {
    static let requests: [Capture] = [
        Capture(
            "Debian 12 iPXE ROM (BIOS), DISCOVER",
            hex: """
                010106001dc9d2350004 (18) 525400123456 (202) 63825363350101390205c05d0200005e030102013c20505845
                436c69656e743a417263683a30303030303a554e44493a3030323030314d04695058453717010306070c0f111a2b3c42
                43778081828384858687afcbaf30b105011af41000eb0301000017010122010113010111010127010119010129010110
                01022101011501011801011201013d0701525400123456611100443322116655887799aabbccddeeff00ff
                """,
            text: """
                DHCPDISCOVER xid 0x1dc9d235
                  htype 1 hlen 6 chaddr 52:54:00:12:34:56
                  hops 0 secs 4 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  57 dhcp-max-message-size: 1472
                  93 client-system: 0
                  94 client-ndi: hex:010201
                  60 vendor-class-identifier: PXEClient:Arch:00000:UNDI:002001
                  77 user-class: iPXE
                  55 dhcp-parameter-request-list: 1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, \
                131, 132, 133, 134, 135, 175, 203
                  175 ipxe-encapsulated-options: \
                hex:b105011af41000eb03010000170101220101130101110101270101190101290101100102210101150101180101120101
                  61 dhcp-client-identifier: htype 1 52:54:00:12:34:56
                  97 uuid-guid: 11223344-5566-7788-99aa-bbccddeeff00
                """),
        Capture(
            "OVMF 2022.11 PXE, DISCOVER",
            hex: """
                01010600af4236a1000080 (17) 525400123456 (202) 63825363350101390205c037230102030405060c0d0f1112
                16171c28292a2b3233363a3b3c4243618081828384858687611100443322116655887799aabbccddeeff005e03010300
                5d0200073c20505845436c69656e743a417263683a30303030373a554e44493a303033303030ff
                """,
            text: """
                DHCPDISCOVER xid 0xaf4236a1
                  htype 1 hlen 6 chaddr 52:54:00:12:34:56
                  hops 0 secs 0 flags 0x8000 (broadcast)
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  57 dhcp-max-message-size: 1472
                  55 dhcp-parameter-request-list: 1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, \
                50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135
                  97 uuid-guid: 11223344-5566-7788-99aa-bbccddeeff00
                  94 client-ndi: hex:010300
                  93 client-system: 7
                  60 vendor-class-identifier: PXEClient:Arch:00007:UNDI:003000
                """),
        Capture(
            "OVMF 2022.11 PXE, REQUEST: its option 57 has its octets swapped",
            hex: """
                01010600af4236a1000080 (17) 525400123456 (202) 6382536335010336040a40000132040a4100d13902ff0037
                230102030405060c0d0f111216171c28292a2b3233363a3b3c4243618081828384858687611100443322116655887799
                aabbccddeeff005e030103005d0200073c20505845436c69656e743a417263683a30303030373a554e44493a30303330
                3030ff
                """,
            text: """
                DHCPREQUEST xid 0xaf4236a1
                  htype 1 hlen 6 chaddr 52:54:00:12:34:56
                  hops 0 secs 0 flags 0x8000 (broadcast)
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  54 dhcp-server-identifier: 10.64.0.1
                  50 dhcp-requested-address: 10.65.0.209
                  57 dhcp-max-message-size: 65280
                  55 dhcp-parameter-request-list: 1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, \
                50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135
                  97 uuid-guid: 11223344-5566-7788-99aa-bbccddeeff00
                  94 client-ndi: hex:010300
                  93 client-system: 7
                  60 vendor-class-identifier: PXEClient:Arch:00007:UNDI:003000
                """),
        Capture(
            "OVMF 2022.11 HTTP boot, DISCOVER: no UUID, and a zero in the parameter request list",
            hex: """
                01010600f542f5f0000080 (17) 525400123456 (202) 63825363350101390205c0371b0102030405060c0d0f1112
                16171c28292a2b3233363a3b3c0043616111 (17) 5e030103005d0200103c2148545450436c69656e743a417263683a
                30303031363a554e44493a303033303030ff
                """,
            text: """
                DHCPDISCOVER xid 0xf542f5f0
                  htype 1 hlen 6 chaddr 52:54:00:12:34:56
                  hops 0 secs 0 flags 0x8000 (broadcast)
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  57 dhcp-max-message-size: 1472
                  55 dhcp-parameter-request-list: 1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, \
                50, 51, 54, 58, 59, 60, 0, 67, 97
                  97 uuid-guid: 00000000-0000-0000-0000-000000000000
                  94 client-ndi: hex:010300
                  93 client-system: 16
                  60 vendor-class-identifier: HTTPClient:Arch:00016:UNDI:003000
                """),
        Capture(
            "ISC dhclient 4.4.3, DISCOVER",
            hex: """
                010106008bd6a640 (20) 82f8203fa9fb (202) 638253633501010c02766d370d011c02030f06770c2c2f1a792aff
                (37)
                """,
            text: """
                DHCPDISCOVER xid 0x8bd6a640
                  htype 1 hlen 6 chaddr 82:f8:20:3f:a9:fb
                  hops 0 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  12 host-name: vm
                  55 dhcp-parameter-request-list: 1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42
                """),
        Capture(
            "BusyBox udhcpc 1.35, REQUEST in SELECTING",
            hex: """
                010106000b78ca35 (20) 8ea6c21df3f8 (202) 6382536335010332040a41009336040a4000013902024037070103
                060c0f1c2a3c0c756468637020312e33352e303d07018ea6c21df3f8ff (8)
                """,
            text: """
                DHCPREQUEST xid 0x0b78ca35
                  htype 1 hlen 6 chaddr 8e:a6:c2:1d:f3:f8
                  hops 0 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  50 dhcp-requested-address: 10.65.0.147
                  54 dhcp-server-identifier: 10.64.0.1
                  57 dhcp-max-message-size: 576
                  55 dhcp-parameter-request-list: 1, 3, 6, 12, 15, 28, 42
                  60 vendor-class-identifier: udhcp 1.35.0
                  61 dhcp-client-identifier: htype 1 8e:a6:c2:1d:f3:f8
                """),
        Capture(
            "dhcpcd 9.4, REQUEST in INIT-REBOOT, with a DUID (RFC 4361)",
            hex: """
                0101060034b903ad (20) 4ab725f396d5 (202) 6382536332040a4100b1350103370e017903060c0f1a1c2133363a
                3b77390205c03d13ff25f396d5000100013295ebbe6a7a47beaf0c910101ff000000000000
                """,
            text: """
                DHCPREQUEST xid 0x34b903ad
                  htype 1 hlen 6 chaddr 4a:b7:25:f3:96:d5
                  hops 0 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  50 dhcp-requested-address: 10.65.0.177
                  55 dhcp-parameter-request-list: 1, 121, 3, 6, 12, 15, 26, 28, 33, 51, 54, 58, 59, 119
                  57 dhcp-max-message-size: 1472
                  61 dhcp-client-identifier: hex:ff25f396d5000100013295ebbe6a7a47beaf0c
                  145 forcerenew-nonce-capable: hex:01
                """),
        Capture(
            "dhcping 1.2, INFORM of 247 octets",
            hex: """
                01010600d92f036b000000000a400102 (12) 525400aabbcc (202) 63825363350108370101ff
                """,
            text: """
                DHCPINFORM xid 0xd92f036b
                  htype 1 hlen 6 chaddr 52:54:00:aa:bb:cc
                  hops 0 secs 0 flags 0x0000
                  ciaddr 10.64.1.2 giaddr 0.0.0.0
                  55 dhcp-parameter-request-list: 1
                """),
        Capture(
            "Kea perfdhcp 2.2, DISCOVER as if relayed",
            hex: """
                01010601 (20) 0a400102000c01020304 (202) 638253633501013707011c02030f060c3d0701000c01020304ff
                """,
            text: """
                DHCPDISCOVER xid 0x00000000
                  htype 1 hlen 6 chaddr 00:0c:01:02:03:04
                  hops 1 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 10.64.1.2
                  55 dhcp-parameter-request-list: 1, 28, 2, 3, 15, 6, 12
                  61 dhcp-client-identifier: htype 1 00:0c:01:02:03:04
                """),
        Capture(
            "ISC dhclient behind ISC dhcrelay 4.4.3, DISCOVER with option 82",
            hex: """
                0101060120746076 (16) 0ac800016aa87450af9d (202) 638253633501010c02766d370d011c02030f06770c2c2f
                1a792a5206010465746831ff (29)
                """,
            text: """
                DHCPDISCOVER xid 0x20746076
                  htype 1 hlen 6 chaddr 6a:a8:74:50:af:9d
                  hops 1 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 10.200.0.1
                  12 host-name: vm
                  55 dhcp-parameter-request-list: 1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42
                  82 dhcp-agent-options:
                    1 circuit-id: eth1
                """),
    ]
}
