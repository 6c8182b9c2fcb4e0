// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing
import Wire

@Suite("The options of a message")
struct DHCPOptionsTests {
    private let options = DHCPOptions([
        (.routers, [10, 0, 0, 1]), (.hostName, []), (.interfaceMTU, [5, 220]), (.defaultTTL, [64]), (.hostName, [1]),
    ])

    @Test func valuesAreReadByTheirWidth() {
        #expect(options.address(.routers) == IPv4Address(10, 0, 0, 1))
        #expect(options.uint32(.routers) == 0x0a00_0001)
        #expect(options.uint16(.interfaceMTU) == 1500)
        #expect(options.uint8(.defaultTTL) == 64)
    }

    @Test func anotherWidthIsNil() {
        #expect(options.uint8(.routers) == nil)
        #expect(options.uint16(.routers) == nil)
        #expect(options.address(.interfaceMTU) == nil)
        #expect(options.uint32(.leaseTime) == nil)
    }

    @Test func absentAndEmptyDiffer() {
        #expect(options.bytes(.hostName) == [])
        #expect(options.bytes(.leaseTime) == nil)
        #expect(options.contains(.hostName))
        #expect(!options.contains(.leaseTime))
        #expect(!options.isEmpty)
        #expect(DHCPOptions().isEmpty)
    }

    @Test func orderIsKeptAndTheFirstIsFound() {
        #expect(options.entries.map(\.code) == [3, 12, 26, 23, 12])
        #expect(options[.hostName]?.isEmpty == true)
    }

    @Test func valuesBeyondALengthOctetAreHeldWhole() {
        var options = DHCPOptions()
        options.append(.vendorInformation, [UInt8](repeating: 7, count: 70_000))
        options.append(.leaseTime, uint32: 3600)
        #expect(options[.vendorInformation]?.count == 65_535)
        #expect(options.uint32(.leaseTime) == 3600)
    }
}

@Suite("Relay agent information (RFC 3046)")
struct RelayAgentInformationTests {
    @Test func subOptionsAreFoundByNumber() {
        let information = RelayAgentInformation(
            [1, 4] + Array("eth1".utf8) + [2, 2, 0xaa, 0xbb, 5, 4, 10, 0, 0, 0, 11, 4, 10, 0, 0, 9, 19, 0])
        #expect(information.circuitID.map(Array.init) == Array("eth1".utf8))
        #expect(information.remoteID.map(Array.init) == [0xaa, 0xbb])
        #expect(information.linkSelection == IPv4Address(10, 0, 0, 0))
        #expect(information.serverIdentifierOverride == IPv4Address(10, 0, 0, 9))
        #expect(information.hasSourcePort)
        #expect(information.subscriberID == nil)
    }

    @Test(arguments: [[], [1], [1, 5, 0x61], [2, 9, 1, 1, 1]] as [[UInt8]])
    func cutSubOptionsAreNotFound(bytes: [UInt8]) {
        #expect(RelayAgentInformation(bytes).circuitID == nil)
    }

    @Test func anAddressOfAnotherWidthIsNone() {
        #expect(RelayAgentInformation([5, 3, 10, 0, 0]).linkSelection == nil)
    }

    @Test func textShowsSubOptionsAndWhatIsCutOff() throws {
        var request = DHCPRequest(hardware: ClientHardware(type: 32, length: 0, high: 0, low: 0))
        request.options.append(.relayAgentInformation, [1, 2, 0x67, 0x65, 2, 1, 0, 5, 4, 10, 0, 0, 0, 99, 0, 6, 9, 1])
        #expect(
            request.text == """
                BOOTREQUEST xid 0x00000000
                  htype 32 hlen 0 chaddr none
                  hops 0 secs 0 flags 0x0000
                  ciaddr 0.0.0.0 giaddr 0.0.0.0
                  82 dhcp-agent-options:
                    1 circuit-id: ge
                    2 remote-id: hex:00
                    5 link-selection: 10.0.0.0
                    99 sub-option: hex:
                    truncated: hex:060901
                """)
    }
}

extension DHCPOptionCode {
    fileprivate static let interfaceMTU = Self(rawValue: 26)
    fileprivate static let defaultTTL = Self(rawValue: 23)
}
