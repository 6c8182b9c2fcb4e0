// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@testable import Wire

/// Fixed seeds: a failure names the round that made it, and comes back in the next run.
@Suite("Random and mutated datagrams")
struct DHCPRandomTests {
    @Test func randomOctetsNeverTrap() {
        var random = SplitMix64(seed: 1)
        var outcomes: [String: Int] = [:]
        for _ in 0..<40_000 {
            do {
                _ = try decodeRequest(randomDatagram(&random))
                outcomes["decoded", default: 0] += 1
            } catch {
                outcomes[error.label, default: 0] += 1
            }
        }
        let reached = outcomes.filter { $0.value >= 50 }.map(\.key).sorted()
        #expect(
            reached == [
                "bad-hardware-length", "bad-message-type", "decoded", "not-request", "short", "truncated-option",
            ], "\(outcomes)")
    }

    /// Random octets in two shapes: anything, and a request's head with options of small numbers and lengths.
    private func randomDatagram(_ random: inout SplitMix64) -> [UInt8] {
        if Int.random(in: 0..<4, using: &random) == 0 { return random.bytes(Int.random(in: 0...300, using: &random)) }
        let isSmall = Bool.random(using: &random)
        let area = random.bytes(Int.random(in: 0...60, using: &random)).map { isSmall ? $0 % 64 : $0 }
        let type = Bool.random(using: &random) ? discover : []
        var bytes = datagram(options: type + area)
        if Int.random(in: 0..<10, using: &random) == 0 { bytes[2] = UInt8.random(in: 0...255, using: &random) }
        return bytes
    }

    @Test func mutatedRequestsDecodeAsTheSlowTwinDoes() throws {
        var random = SplitMix64(seed: 2)
        var decoded = 0
        for round in 0..<40_000 {
            let bytes = mutated(Capture.requests.randomElement(using: &random)?.bytes ?? [], &random)
            guard let request = try? decodeRequest(bytes) else { continue }
            decoded += 1
            let twin = SlowTwin(bytes)
            let isSame = request.options.entries == twin.options && request.messageType?.rawValue == twin.messageType
            if !isSame { Issue.record("round \(round): \(hexText(bytes))") }
            if round.isMultiple(of: 50) { #expect(request.text.utf8.allSatisfy { $0 == 10 || isPrintable($0) }) }
        }
        #expect(decoded > 10_000)
    }

    @Test func mutatedRepliesComeBackFromTheirEncoding() throws {
        var random = SplitMix64(seed: 3)
        var decoded = 0
        for round in 0..<20_000 {
            let bytes = mutated(Capture.replies.randomElement(using: &random)?.bytes ?? [], &random)
            guard var reply = try? decodeReply(bytes) else { continue }
            decoded += 1
            reply.messageSizeMax = [576, 600, 1500].randomElement(using: &random) ?? 576
            if let fault = try roundTripFault(reply) { Issue.record("round \(round): \(fault): \(hexText(bytes))") }
        }
        #expect(decoded > 5_000)
    }

    @Test func randomRepliesComeBackFromTheirEncoding() throws {
        var random = SplitMix64(seed: 4)
        for round in 0..<20_000 {
            if let fault = try roundTripFault(randomReply(&random)) { Issue.record("round \(round): \(fault)") }
        }
    }

    /// What is wrong about a reply's encoding, or nil. Not by expectations: there are too many rounds for them.
    private func roundTripFault(_ reply: DHCPReply) throws -> String? {
        var bytes: [UInt8] = []
        let dropped = reply.encode(into: &bytes)
        guard (300...1472).contains(bytes.count) else { return "\(bytes.count) octets" }
        guard bytes.count <= max(576, reply.messageSizeMax) - 28 else { return "larger than \(reply.messageSizeMax)" }
        var again = try decodeReply(bytes)
        again.messageSizeMax = reply.messageSizeMax
        let kept = reply.options.entries.filter { !dropped.contains(DHCPOptionCode(rawValue: $0.code)) }
        let decoded = again.options.entries
        guard Set(decoded) == Set(kept) else { return "other options" }
        // An overload reads the fields in their own order.
        if bytes[243] != DHCPOptionCode.overload.rawValue, decoded != kept { return "another order" }
        guard dropped.isEmpty else { return nil }
        guard again.encode() == bytes else { return "other octets the second time" }
        again.options = reply.options
        return again == reply ? nil : "another reply"
    }

    private func randomReply(_ random: inout SplitMix64) -> DHCPReply {
        let mac = MACAddress(bits: random.next())
        var reply = DHCPReply(to: DHCPRequest(hardware: ClientHardware(mac: mac)), type: nil)
        reply.messageType = Int.random(in: 0..<20, using: &random) == 0 ? nil : .offer
        reply.hops = UInt8.random(in: 0...255, using: &random)
        reply.transactionID = UInt32.random(in: 0...UInt32.max, using: &random)
        reply.flags = UInt16.random(in: 0...UInt16.max, using: &random)
        reply.yourAddress = IPv4Address(bits: UInt32.random(in: 0...UInt32.max, using: &random))
        reply.messageSizeMax = Int.random(in: 0...2000, using: &random)
        if Bool.random(using: &random) { reply.bootFile = Array("snponly.efi".utf8) }
        if Bool.random(using: &random) { reply.serverName = Array("boot".utf8) }
        if Bool.random(using: &random) {
            reply.relayAgentInformation = random.bytes(Int.random(in: 0...320, using: &random))
        }
        // Steps of 7 visit each of 1 to 254 once.
        let first = Int.random(in: 0..<254, using: &random)
        for step in 0..<Int.random(in: 0...25, using: &random) {
            let code = DHCPOptionCode(rawValue: UInt8((first + 7 * step) % 254 + 1))
            let count = Int.random(in: 0...(Int.random(in: 0..<4, using: &random) == 0 ? 300 : 16), using: &random)
            if code.standsInOptions { reply.options.append(code, random.bytes(count)) }
        }
        return reply
    }

    /// Some octets changed, and sometimes a piece cut off, put in or said twice.
    private func mutated(_ original: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            // Mostly behind the cookie: the fixed part hardly can be wrong.
            let start = Int.random(in: 0..<8, using: &random) == 0 ? 0 : 240
            guard bytes.count > start else { break }
            let index = Int.random(in: start..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes.removeLast(Int.random(in: 0...(bytes.count - start), using: &random))
            case 1: bytes.insert(contentsOf: random.bytes(Int.random(in: 0...4, using: &random)), at: index)
            case 2: bytes.insert(contentsOf: bytes[start..<index], at: index)
            case 3: bytes.insert(contentsOf: [52, 1, UInt8.random(in: 0...3, using: &random)], at: start)
            default: bytes[index] = UInt8.random(in: 0...255, using: &random)
            }
        }
        return bytes
    }
}

/// What RFC 2131 4.1 and RFC 3396 say, in the most obvious way, for datagrams that the decoder accepts.
private struct SlowTwin {
    private(set) var messageType: UInt8?
    private(set) var options: [DHCPOptions.Entry] = []

    init(_ bytes: [UInt8]) {
        guard bytes.count >= 240, Array(bytes[236..<240]) == [0x63, 0x82, 0x53, 0x63] else { return }
        let main = Self.pieces(Array(bytes[240...]))
        let overloads = main.filter { $0.code == 52 && $0.value.count == 1 && (1...3).contains($0.value[0]) }
        let overload = overloads.first?.value[0] ?? 0
        var pieces = main
        if overload == 1 || overload == 3 { pieces += Self.pieces(Array(bytes[108..<236])) }
        if overload == 2 || overload == 3 { pieces += Self.pieces(Array(bytes[44..<108])) }
        messageType = pieces.first { $0.code == 53 }?.value.first
        for piece in pieces where piece.code != 52 && piece.code != 53 {
            if let index = options.firstIndex(where: { $0.code == piece.code }) {
                options[index].value += piece.value
            } else {
                options.append(piece)
            }
        }
    }

    private static func pieces(_ area: [UInt8]) -> [DHCPOptions.Entry] {
        var pieces: [DHCPOptions.Entry] = []
        var rest = area[...]
        while let code = rest.popFirst(), code != 255 {
            if code == 0 { continue }
            guard let length = rest.popFirst(), rest.count >= length else { break }
            pieces.append(.init(code: code, value: Array(rest.prefix(Int(length)))))
            rest = rest.dropFirst(Int(length))
        }
        return pieces
    }
}
