// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing
import Wire

/// An OFFER to a client that sent nothing but its type.
private func offer(
    _ options: [(DHCPOptionCode, [UInt8])] = [], messageSizeMax: Int = 576, relayAgentInformation: [UInt8]? = nil
) throws -> DHCPReply {
    var reply = DHCPReply(to: try decodeRequest(datagram(options: discover + end)), type: .offer)
    reply.options = DHCPOptions(options)
    reply.messageSizeMax = messageSizeMax
    reply.relayAgentInformation = relayAgentInformation
    return reply
}

private func value(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ 1) } }

/// What stands between the cookie and the end.
private func optionsField(_ bytes: [UInt8]) -> [UInt8] { Array(bytes.dropFirst(240)) }

@Suite("Encoding a reply")
struct DHCPEncodeTests {
    @Test func theTypeIsFirstAndOption82Last() throws {
        var reply = try offer([(.serverIdentifier, [10, 0, 0, 1]), (.leaseTime, [0, 0, 14, 16])])
        reply.relayAgentInformation = [1, 2, 0x61, 0x62]
        let bytes = reply.encode()
        #expect(bytes.count == 300)
        #expect(
            optionsField(bytes).prefix(22) == [
                53, 1, 2, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 14, 16, 82, 4, 1, 2, 0x61, 0x62, 255,
            ])
        #expect(optionsField(bytes).dropFirst(22).allSatisfy { $0 == 0 })
    }

    @Test func namesStandInTheirFields() throws {
        var reply = try offer()
        reply.serverName = Array("boot.lab.example".utf8)
        reply.bootFile = Array("snponly.efi".utf8)
        let bytes = reply.encode()
        #expect(Array(bytes[44..<108]) == Array("boot.lab.example".utf8) + [UInt8](repeating: 0, count: 48))
        #expect(Array(bytes[108..<236]) == Array("snponly.efi".utf8) + [UInt8](repeating: 0, count: 117))
        #expect(Array(bytes[236..<240]) == [0x63, 0x82, 0x53, 0x63])
    }

    /// A cut name is a wrong name.
    @Test func namesTooLongForTheirFieldsAreLeftOut() throws {
        var reply = try offer()
        var bytes: [UInt8] = []
        reply.serverName = value(63)
        reply.bootFile = value(127)
        #expect(reply.encode(into: &bytes) == [])
        #expect(Array(bytes[44..<108]) == value(63) + [0])
        reply.serverName = value(64)
        reply.bootFile = value(128)
        #expect(reply.encode(into: &bytes) == [.tftpServerName, .bootFileName])
        #expect(bytes[44..<236].allSatisfy { $0 == 0 })
    }

    @Test func bootpRepliesHaveNoTypeButTheCookieAndEnd() throws {
        let request = try decodeRequest(Array(datagram(options: []).prefix(236)))
        let bytes = DHCPReply(to: request, type: nil).encode()
        #expect(bytes.count == 300)
        #expect(Array(bytes[236..<241]) == [0x63, 0x82, 0x53, 0x63, 255])
        #expect(bytes[241...].allSatisfy { $0 == 0 })
    }

    @Test func theBufferIsReplacedAndItsCapacityKept() throws {
        var buffer = [UInt8](repeating: 7, count: 3000)
        let capacity = buffer.capacity
        let reply = try offer()
        reply.encode(into: &buffer)
        #expect(buffer == reply.encode())
        #expect(buffer.capacity == capacity)
    }

    @Test func whatOnlyTheEncoderWritesIsNotTakenFromTheOptions() throws {
        let stray: [(DHCPOptionCode, [UInt8])] = [
            (.messageType, [6]), (.overload, [3]), (.relayAgentInformation, [1]), (.pad, [1]), (.end, [1]),
        ]
        let reply = try offer(stray + [(.hostName, [0x61])])
        #expect(reply.encode() == (try offer([(.hostName, [0x61])])).encode())
    }

    @Test(arguments: [0, 1, 254, 255, 256, 510, 511])
    func longValuesAreSplit(count: Int) throws {
        let reply = try offer([(.vendorInformation, value(count)), (.hostName, [0x61])], messageSizeMax: 1500)
        let bytes = reply.encode()
        var expected: [UInt8] = [53, 1, 2]
        var rest = value(count)[...]
        repeat {
            expected += [43, UInt8(min(rest.count, 255))] + rest.prefix(255)
            rest = rest.dropFirst(255)
        } while !rest.isEmpty
        expected += [12, 1, 0x61, 255]
        #expect(optionsField(bytes).prefix(expected.count).elementsEqual(expected))
        #expect(try decodeReply(bytes).options == reply.options)
    }
}

@Suite("Replies that do not fit")
struct ReplySizeTests {
    /// 576 octets of IP and UDP: 548 of message, 308 after the cookie.
    @Test func exactlyWhatFitsIsNotOverloaded() throws {
        let room = 548 - 240 - 3 - 1
        let fits = try offer([(.hostName, value(50)), (.vendorInformation, value(room - 52 - 2))])
        var bytes: [UInt8] = []
        #expect(fits.encode(into: &bytes) == [])
        #expect(bytes.count == 548)
        #expect(bytes.last == 255)
        #expect(bytes[44..<236].allSatisfy { $0 == 0 })
    }

    @Test func oneOctetMoreGoesToFile() throws {
        let room = 548 - 240 - 3 - 1
        let reply = try offer([(.vendorInformation, value(room - 52 - 1)), (.hostName, value(50))])
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [])
        #expect(Array(bytes[240..<246]) == [53, 1, 2, 52, 1, 1])
        #expect(Array(bytes[108..<161]) == [12, 50] + value(50) + [255])
        #expect(try decodeReply(bytes).options == reply.options)
    }

    @Test func thenToSname() throws {
        let reply = try offer([(.vendorInformation, value(250)), (.vendorClass, value(100)), (.hostName, value(61))])
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [])
        #expect(Array(bytes[240..<246]) == [53, 1, 2, 52, 1, 3])
        #expect(bytes[108] == 60)
        #expect(Array(bytes[44..<108]) == [12, 61] + value(61) + [255])
        #expect(try decodeReply(bytes).options == reply.options)
    }

    @Test func namesThatAreInUseAreLeftAlone() throws {
        var reply = try offer([(.vendorInformation, value(250)), (.vendorClass, value(100)), (.hostName, value(61))])
        reply.bootFile = Array("x".utf8)
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [.vendorClass])
        #expect(Array(bytes[240..<246]) == [53, 1, 2, 52, 1, 2])
        #expect(try decodeReply(bytes).bootFile == Array("x".utf8))
        reply.serverName = Array("y".utf8)
        #expect(reply.encode(into: &bytes) == [.vendorClass, .hostName])
        #expect(bytes[243] == 43, "no option 52 when nothing is overloaded")
    }

    @Test func theLastOptionsAreDroppedFirst() throws {
        let options = (1...20).map { (DHCPOptionCode(rawValue: 223 + $0), value(60)) }
        let reply = try offer(options)
        var bytes: [UInt8] = []
        let dropped = reply.encode(into: &bytes)
        // Four fit the options field, two file, and one sname.
        #expect(dropped == options.dropFirst(7).map(\.0))
        #expect(bytes.count <= 548)
        #expect(try decodeReply(bytes).options.entries.map(\.code) == (224...230).map { UInt8($0) })
    }

    @Test func anOptionTooLargeForEveryFieldMakesRoomForTheNext() throws {
        let reply = try offer([(.vendorInformation, value(600)), (.hostName, value(10))])
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [.vendorInformation])
        #expect(try decodeReply(bytes).options.entries == [.init(code: 12, value: value(10))])
    }

    @Test func roomForOption82ComesBeforeOthers() throws {
        let reply = try offer([(.vendorInformation, value(200))], relayAgentInformation: value(255))
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [.vendorInformation])
        #expect(try decodeReply(bytes).relayAgentInformation == value(255))
        let end = try #require(bytes.lastIndex(of: 255))
        #expect(bytes[end - 257] == 82, "option 82 stands right before End")
    }

    @Test func option82IsDroppedOnlyWhenItCannotFitAlone() throws {
        var bytes: [UInt8] = []
        // 304 octets after the cookie, option 53 and End; two headers.
        #expect(try offer(relayAgentInformation: value(300)).encode(into: &bytes) == [])
        #expect(bytes.count == 548)
        #expect(try offer(relayAgentInformation: value(301)).encode(into: &bytes) == [.relayAgentInformation])
        #expect(try decodeReply(bytes).relayAgentInformation == nil)
    }

    /// Found by the random replies: option 82 may leave no room for option 52.
    @Test func anOverloadThatCannotBeSaidIsNotMade() throws {
        let reply = try offer([(.hostName, value(10))], relayAgentInformation: value(299))
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [.hostName])
        #expect(bytes.count == 547)
        #expect(bytes[44..<236].allSatisfy { $0 == 0 })
    }

    @Test func bootpIsNeverOverloaded() throws {
        var reply = try offer([(.vendorInformation, value(250)), (.vendorClass, value(100))])
        reply.messageType = nil
        var bytes: [UInt8] = []
        #expect(reply.encode(into: &bytes) == [.vendorClass])
        #expect(try decodeReply(bytes).options.entries.map(\.code) == [43])
    }

    @Test(arguments: [(0, 548), (300, 548), (576, 548), (1000, 972), (1500, 1472), (9000, 1472), (0xff00, 1472)])
    func theSizeIsTheClientsWithin576And1500(messageSizeMax: Int, payload: Int) throws {
        let options = (1...30).map { (DHCPOptionCode(rawValue: 223 + $0), value(60)) }
        var reply = try offer(options, messageSizeMax: messageSizeMax)
        reply.bootFile = [0x61]
        reply.serverName = [0x62]
        let count = reply.encode().count
        #expect(count <= payload)
        #expect(count > payload - 62, "one more would have fitted")
    }
}

@Suite struct DHCPRequestEncodeTests {
    @Test func whatIsEncodedIsDecoded() throws {
        var request = DHCPRequest(hardware: ClientHardware(mac: MACAddress(bits: 0x060d_0102_0304)))
        request.messageType = .request
        (request.transactionID, request.seconds, request.flags, request.hops) = (0xa1b2_c3d4, 7, 0x8000, 2)
        request.clientAddress = IPv4Address(bits: 0x0a00_0001)
        request.relayAddress = IPv4Address(bits: 0x0a00_00fe)
        request.options.append(.requestedAddress, IPv4Address(bits: 0x0a00_0002))
        request.options.append(.vendorInformation, [UInt8](repeating: 7, count: 700))
        request.options.append(.vendorClass, [])
        let bytes = request.encode()
        #expect(try DHCPRequest(decoding: bytes.span) == request)
    }

    /// RFC 951: relays and old servers drop shorter ones.
    @Test func isNeverShorterThanABOOTPMessage() throws {
        let request = DHCPRequest(hardware: ClientHardware(mac: MACAddress(bits: 1)))
        #expect(request.encode().count == 300)
        #expect(try DHCPRequest(decoding: request.encode().span) == request)
    }
}
