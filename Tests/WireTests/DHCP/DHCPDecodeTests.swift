// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@testable import Wire

@Suite("The fixed part")
struct DHCPLayoutTests {
    @Test func fieldsAreContiguousFromTheStart() {
        var offset = 0
        for field in DHCPLayout.fields {
            #expect(field.offset == offset, "\(field.name)")
            offset = field.end
        }
        #expect(offset == DHCPLayout.optionsOffset)
    }

    /// RFC 2131 table 1.
    @Test func widthsAreTheRFCs() {
        let widths = DHCPLayout.fields.map { "\($0.name) \($0.width)" }
        #expect(
            widths == [
                "op 1", "htype 1", "hlen 1", "hops 1", "xid 4", "secs 2", "flags 2", "ciaddr 4", "yiaddr 4", "siaddr 4",
                "giaddr 4", "chaddr 16", "sname 64", "file 128", "cookie 4",
            ])
    }

    @Test func everyFieldIsReadFromItsPlace() throws {
        var bytes: [UInt8] = [1, 6, 6, 3, 0xa1, 0xa2, 0xa3, 0xa4, 0xb1, 0xb2, 0x80, 0x01]
        bytes += [10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3, 10, 0, 0, 4]
        bytes += (1...16).map { UInt8($0) } + [UInt8](repeating: 0, count: 192)
        let request = try decodeRequest(bytes + [0x63, 0x82, 0x53, 0x63] + discover + end)
        #expect(
            request.hardware
                == ClientHardware(
                    type: 6, length: 6, high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10))
        #expect(request.hops == 3)
        #expect(request.transactionID == 0xa1a2_a3a4)
        #expect(request.seconds == 0xb1b2)
        #expect(request.flags == 0x8001)
        #expect(request.wantsBroadcast)
        #expect(request.clientAddress == IPv4Address(10, 0, 0, 1))
        #expect(request.relayAddress == IPv4Address(10, 0, 0, 4))
        bytes[0] = 2
        let reply = try decodeReply(bytes + [0x63, 0x82, 0x53, 0x63] + option(.messageType, [5]) + end)
        #expect(reply.yourAddress == IPv4Address(10, 0, 0, 2))
        #expect(reply.nextServer == IPv4Address(10, 0, 0, 3))
        #expect(reply.messageType == .ack)
        #expect(reply.encode().prefix(44).elementsEqual(bytes.prefix(44)))
    }
}

@Suite("Decoding a request")
struct DHCPDecodeTests {
    @Test func shorterThanTheFixedPartIsRefused() {
        for count in [0, 1, 235] {
            let bytes = [UInt8](repeating: 1, count: count)
            #expect(throws: DHCPDecodeError.short(bytes: count)) { try decodeRequest(bytes) }
        }
    }

    @Test func longerThanUDPCarriesIsRefused() {
        let bytes = datagram(options: discover + [UInt8](repeating: 0, count: 65_536))
        #expect(throws: DHCPDecodeError.long(bytes: bytes.count)) { try decodeRequest(bytes) }
    }

    @Test func repliesAreNotRequests() {
        #expect(throws: DHCPDecodeError.notRequest(op: 2)) { try decodeRequest(datagram(op: 2, options: end)) }
        #expect(throws: DHCPDecodeError.notReply(op: 1)) { try decodeReply(datagram(op: 1, options: end)) }
    }

    @Test func hardwareLongerThanItsFieldIsRefused() throws {
        var bytes = datagram(options: discover + end)
        bytes[2] = 16
        #expect(try decodeRequest(bytes).hardware.length == 16)
        bytes[2] = 17
        #expect(throws: DHCPDecodeError.badHardwareLength(17)) { try decodeRequest(bytes) }
    }

    @Test func infinibandHasNoHardwareAddress() throws {
        var bytes = datagram(options: discover + end)
        bytes.replaceSubrange(1..<3, with: [32, 0])
        #expect(try decodeRequest(bytes).mac == nil)
    }

    /// RFC 951: a vendor area of zeros, of another vendor's cookie, or none at all.
    @Test(arguments: [
        [UInt8](repeating: 0, count: 64), [0x63, 0x82, 0x53, 0x64, 53, 1, 1, 255], [0x63, 0x82, 0x53], [],
    ])
    func withoutTheCookieItIsBOOTP(vendorArea: [UInt8]) throws {
        let request = try decodeRequest(datagram(options: []).prefix(236) + vendorArea)
        #expect(request.messageType == nil)
        #expect(request.options.isEmpty)
        #expect(request.mac?.description == "52:54:00:12:34:56")
    }

    /// RFC 1497's vendor extensions: the cookie and options, but no option 53.
    @Test func bootpMayHaveOptions() throws {
        let request = try decodeRequest(datagram(options: option(.hostName, [0x61]) + end))
        #expect(request.messageType == nil)
        #expect(request.options.entries == [.init(code: 12, value: [0x61])])
    }

    @Test func padsAreSkippedAndEndEnds() throws {
        let options = [0, 0] + discover + [0] + option(.hostName, [1, 2]) + end + option(.hostName, [3])
        #expect(try decodeRequest(datagram(options: options)).options.entries == [.init(code: 12, value: [1, 2])])
    }

    @Test func endMayBeMissing() throws {
        let options = discover + option(.hostName, [1, 2])
        #expect(try decodeRequest(datagram(options: options)).options.entries == [.init(code: 12, value: [1, 2])])
        #expect(try decodeRequest(datagram(options: [])).messageType == nil)
    }

    @Test func emptyValuesAreKept() throws {
        let request = try decodeRequest(datagram(options: discover + option(.vendorInformation, []) + end))
        #expect(request.options.bytes(.vendorInformation) == [])
        #expect(request.options.bytes(.hostName) == nil)
    }
}

@Suite("Message type (option 53)")
struct MessageTypeTests {
    @Test(arguments: DHCPMessageType.allCases)
    func everyTypeIsKnown(type: DHCPMessageType) throws {
        let request = try decodeRequest(datagram(options: option(.messageType, [type.rawValue]) + end))
        #expect(request.messageType == type)
        #expect(request.options.isEmpty)
    }

    @Test(arguments: [
        option(.messageType, [0]), option(.messageType, [9]), option(.messageType, []), option(.messageType, [1, 1]),
        discover + discover,
    ])
    func anythingElseIsRefused(options: [UInt8]) {
        #expect(throws: DHCPDecodeError.badMessageType) { try decodeRequest(datagram(options: options + end)) }
    }
}

@Suite("Options that are cut off")
struct TruncatedOptionTests {
    @Test func theTailIsDroppedOnceTheTypeIsKnown() throws {
        let whole = discover + option(.hostName, [0x61, 0x62])
        for tail in [[60], [60, 5, 1, 2], [60, 255]] as [[UInt8]] {
            let request = try decodeRequest(datagram(options: whole + tail))
            #expect(request.options.entries == [.init(code: 12, value: [0x61, 0x62])])
        }
    }

    @Test func withoutATypeItIsAnError() {
        #expect(throws: DHCPDecodeError.truncatedOption(.hostName)) {
            try decodeRequest(datagram(options: [12, 4, 0x61]))
        }
        #expect(throws: DHCPDecodeError.truncatedOption(.messageType)) {
            try decodeRequest(datagram(options: [53]))
        }
    }

    /// Half an identifier would pass for another client's.
    @Test func aCutPieceOfASplitOptionIsAnError() {
        let options = discover + option(.clientIdentifier, [1, 2, 3]) + [61, 9, 4]
        #expect(throws: DHCPDecodeError.truncatedOption(.clientIdentifier)) {
            try decodeRequest(datagram(options: options))
        }
    }

    @Test func fileAndSnameEndWhereTheyEnd() throws {
        // The length leads from file's last octets into the cookie.
        let file = [UInt8](repeating: 0, count: 124) + [12, 40, 0x61, 0x62]
        let options = option(.overload, [1]) + discover + end
        #expect(try decodeRequest(datagram(options: options, file: file)).options.isEmpty)
    }
}

@Suite("Overload (option 52) and split options (RFC 3396)")
struct SplitOptionTests {
    @Test func areasAreReadOptionsFileSname() throws {
        let file = option(.hostName, [3]) + end
        let sname = option(.vendorClass, [4]) + end
        let options = discover + option(.overload, [3]) + option(.domainName, [2]) + end
        let request = try decodeRequest(datagram(options: options, file: file, sname: sname))
        #expect(
            request.options.entries == [
                .init(code: 15, value: [2]), .init(code: 12, value: [3]), .init(code: 60, value: [4]),
            ])
    }

    @Test(arguments: [(UInt8(0), []), (1, [12]), (2, [60]), (3, [12, 60]), (4, []), (255, [])] as [(UInt8, [UInt8])])
    func theValueNamesTheFields(value: UInt8, codes: [UInt8]) throws {
        let file = option(.hostName, [3]) + end
        let sname = option(.vendorClass, [4]) + end
        let options = discover + option(.overload, [value]) + end
        let request = try decodeRequest(datagram(options: options, file: file, sname: sname))
        #expect(request.options.entries.map(\.code) == codes)
    }

    @Test func overloadInsideAnOverloadedFieldIsIgnored() throws {
        let file = option(.overload, [3]) + option(.hostName, [3]) + end
        let sname = option(.vendorClass, [4]) + end
        let request = try decodeRequest(
            datagram(options: discover + option(.overload, [1]) + end, file: file, sname: sname))
        #expect(request.options.entries == [.init(code: 12, value: [3])])
    }

    @Test func theTypeMayStandInFile() throws {
        let options = option(.overload, [1]) + end
        #expect(try decodeRequest(datagram(options: options, file: discover + end)).messageType == .discover)
    }

    @Test func repeatedCodesAreJoinedWhereTheFirstStands() throws {
        let options =
            discover + option(.userClass, [1, 2]) + option(.hostName, [9]) + option(.userClass, [])
            + option(.overload, [3]) + option(.userClass, [3]) + end
        let file = option(.userClass, [4, 5]) + option(.hostName, [8]) + end
        let sname = option(.userClass, [6]) + end
        let request = try decodeRequest(datagram(options: options, file: file, sname: sname))
        #expect(
            request.options.entries == [
                .init(code: 77, value: [1, 2, 3, 4, 5, 6]), .init(code: 12, value: [9, 8]),
            ])
    }

    @Test func manyPiecesMakeOneLongValue() throws {
        let value = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        var options = discover
        for start in stride(from: 0, to: value.count, by: 255) {
            options += option(.vendorInformation, Array(value[start..<min(start + 255, value.count)]))
        }
        #expect(try decodeRequest(datagram(options: options + end)).options.bytes(.vendorInformation) == value)
    }

    @Test func replyLosesNameFieldsThatHoldOptions() throws {
        let options = option(.messageType, [2]) + option(.overload, [1]) + end
        let file = option(.hostName, [3]) + end
        let reply = try decodeReply(datagram(op: 2, options: options, file: file, sname: Array("boot".utf8)))
        #expect(reply.bootFile.isEmpty)
        #expect(reply.serverName == Array("boot".utf8))
        #expect(reply.options.entries == [.init(code: 12, value: [3])])
    }

    @Test func namesEndAtTheirNULOrBeforeTheLastOctet() throws {
        let file = [UInt8](repeating: 0x61, count: 128)
        let reply = try decodeReply(datagram(op: 2, options: end, file: file, sname: [0x62, 0, 0x63]))
        #expect(reply.bootFile.count == 127)
        #expect(reply.serverName == [0x62])
    }
}

@Suite("Labels of decode errors")
struct DHCPDecodeErrorTests {
    @Test func areDistinctWords() {
        #expect(Set(DHCPDecodeError.labels).count == 7)
        #expect(DHCPDecodeError.labels.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
    }

    @Test func carryNothingOfThePacket() {
        #expect(DHCPDecodeError.notRequest(op: 7).label == DHCPDecodeError.notRequest(op: 9).label)
        #expect(DHCPDecodeError.truncatedOption(.hostName).label == "truncated-option")
    }
}
