// SPDX-License-Identifier: Apache-2.0

/// Datagrams captured from real servers in network namespaces and virtual machines, and what they say.
extension Capture {
    static let replies: [Capture] = [
        Capture(
            "dnsmasq 2.90 to the iPXE ROM, OFFER",
            hex: """
                020106001dc9d23500040000000000000a4100d10a40000100000000525400123456 (202) 6382536335010236040a
                400001330400000e10430e756e64696f6e6c792e6b707865003a04000007083b0400000c4e0104ffe000001c040a5fff
                ff03040a4000017713036c6162076578616d706c650003737562c00006040a400001ff
                """,
            text: """
                DHCPOFFER xid 0x1dc9d235
                  htype 1 hlen 6 chaddr 52:54:00:12:34:56
                  hops 0 secs 4 flags 0x0000
                  ciaddr 0.0.0.0 yiaddr 10.65.0.209 siaddr 10.64.0.1 giaddr 0.0.0.0
                  54 dhcp-server-identifier: 10.64.0.1
                  51 dhcp-lease-time: 3600
                  67 boot-file-name: undionly.kpxe\\0
                  58 dhcp-renewal-time: 1800
                  59 dhcp-rebinding-time: 3150
                  1 subnet-mask: 255.224.0.0
                  28 broadcast-address: 10.95.255.255
                  3 routers: 10.64.0.1
                  119 domain-search: lab.example, sub.lab.example
                  6 domain-name-servers: 10.64.0.1
                """),
        Capture(
            "dnsmasq 2.90 to OVMF HTTP boot, OFFER",
            hex: """
                02010600f542f5f000008000000000000a4100d10a40000100000000525400123456 (202) 6382536335010236040a
                400001330400000e10431f687474703a2f2f31302e36342e302e313a383038302f697078652e656669003a0400000708
                3b0400000c4e0104ffe000001c040a5fffff03040a4000013c0a48545450436c69656e7406040a400001ff
                """,
            text: """
                DHCPOFFER xid 0xf542f5f0
                  htype 1 hlen 6 chaddr 52:54:00:12:34:56
                  hops 0 secs 0 flags 0x8000 (broadcast)
                  ciaddr 0.0.0.0 yiaddr 10.65.0.209 siaddr 10.64.0.1 giaddr 0.0.0.0
                  54 dhcp-server-identifier: 10.64.0.1
                  51 dhcp-lease-time: 3600
                  67 boot-file-name: http://10.64.0.1:8080/ipxe.efi\\0
                  58 dhcp-renewal-time: 1800
                  59 dhcp-rebinding-time: 3150
                  1 subnet-mask: 255.224.0.0
                  28 broadcast-address: 10.95.255.255
                  3 routers: 10.64.0.1
                  60 vendor-class-identifier: HTTPClient
                  6 domain-name-servers: 10.64.0.1
                """),
        Capture(
            "dnsmasq 2.90 to dhclient, ACK with options 119 and 121",
            hex: """
                020106008bd6a640 (8) 0a4100320a4000010000000082f8203fa9fb (74) 756e64696f6e6c792e6b707865 (115)
                6382536335010536040a400001330400000e103a04000007083b0400000c4e0104ffe000001c040a5fffff03040a4000
                010c02766d7906080a0a4000017713036c6162076578616d706c650003737562c00006040a400001ff
                """,
            text: """
                DHCPACK xid 0x8bd6a640
                  htype 1 hlen 6 chaddr 82:f8:20:3f:a9:fb
                  hops 0 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 yiaddr 10.65.0.50 siaddr 10.64.0.1 giaddr 0.0.0.0
                  file undionly.kpxe
                  54 dhcp-server-identifier: 10.64.0.1
                  51 dhcp-lease-time: 3600
                  58 dhcp-renewal-time: 1800
                  59 dhcp-rebinding-time: 3150
                  1 subnet-mask: 255.224.0.0
                  28 broadcast-address: 10.95.255.255
                  3 routers: 10.64.0.1
                  12 host-name: vm
                  121 classless-static-route: 10.0.0.0/8 10.64.0.1
                  119 domain-search: lab.example, sub.lab.example
                  6 domain-name-servers: 10.64.0.1
                """),
        Capture(
            "dnsmasq 2.90 to dhcping, ACK of an INFORM",
            hex: """
                02010600d92f036b000000000a400102000000000a40000100000000525400aabbcc (74) 756e64696f6e6c792e6b70
                7865 (115) 6382536335010536040a4000010104ffe000001c040a5fffffff (38)
                """,
            text: """
                DHCPACK xid 0xd92f036b
                  htype 1 hlen 6 chaddr 52:54:00:aa:bb:cc
                  hops 0 secs 0 flags 0x0000
                  ciaddr 10.64.1.2 yiaddr 0.0.0.0 siaddr 10.64.0.1 giaddr 0.0.0.0
                  file undionly.kpxe
                  54 dhcp-server-identifier: 10.64.0.1
                  1 subnet-mask: 255.224.0.0
                  28 broadcast-address: 10.95.255.255
                """),
        Capture(
            "dnsmasq 2.90 through dhcrelay, OFFER with option 82",
            hex: """
                0201060120746076 (8) 0ac801650a4000010ac800016aa87450af9d (74) 756e64696f6e6c792e6b707865 (115)
                6382536335010236040a400001330400000e103a04000007083b0400000c4e0104ffff00001c040ac8ffff03040ac800
                017906080a0a4000017713036c6162076578616d706c650003737562c00006040a4000015206010465746831ff
                """,
            text: """
                DHCPOFFER xid 0x20746076
                  htype 1 hlen 6 chaddr 6a:a8:74:50:af:9d
                  hops 1 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 yiaddr 10.200.1.101 siaddr 10.64.0.1 giaddr 10.200.0.1
                  file undionly.kpxe
                  54 dhcp-server-identifier: 10.64.0.1
                  51 dhcp-lease-time: 3600
                  58 dhcp-renewal-time: 1800
                  59 dhcp-rebinding-time: 3150
                  1 subnet-mask: 255.255.0.0
                  28 broadcast-address: 10.200.255.255
                  3 routers: 10.200.0.1
                  121 classless-static-route: 10.0.0.0/8 10.64.0.1
                  119 domain-search: lab.example, sub.lab.example
                  6 domain-name-servers: 10.64.0.1
                  82 dhcp-agent-options:
                    1 circuit-id: eth1
                """),
    ]
}
