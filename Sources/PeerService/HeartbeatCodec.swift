// SPDX-License-Identifier: Apache-2.0

import Addresses
import Crypto
import Model

/// Why received bytes are no heartbeat of this cluster.
enum HeartbeatFault: Error, Hashable, Sendable {
    /// The text completes "a datagram from ... is no heartbeat: ".
    case malformed(StaticText)
    /// Not signed with this cluster's key.
    case badSignature

    /// A text that costs nothing to make: a flood of bad packets must not.
    struct StaticText: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
        private let text: StaticString
        init(stringLiteral text: StaticString) { self.text = text }
        var description: String { text.description }
        static func == (a: Self, b: Self) -> Bool { a.description == b.description }
        func hash(into hasher: inout Hasher) { hasher.combine(description) }
    }
}

/// Heartbeats as bytes, signed. All numbers are big-endian:
///
///     0   "ODH" and the version, 1
///     4   incarnation, 8 octets
///     12  sequence, 8 octets
///     20  sentAt, milliseconds, 8 octets
///     28  intent: 1 serving, 2 draining, 3 stopped
///     29  length of the node's name
///     30  how many deaf networks, 2 octets
///     32  how many counts of heard packets, 2 octets
///     34  the node's name; for each deaf network the length of its name, its name; for each network heard the
///         length of its name, its name, the count in 8 octets; each name once
///     end the first 16 octets of HMAC-SHA256 over all before them
///
/// What does not fit is left out: the networks with the fewest packets first, and of the deaf ones those that come last
/// by name. The node's beat in the store has them all.
struct HeartbeatCodec: Sendable {
    private static let head: [UInt8] = Array("ODH".utf8) + [1]
    private static let fixedBytes = 34
    private static let signatureBytes = 16
    private static let nameBytesMax = 255

    /// The key is taken in already; copied for each packet.
    private let keyed: HMAC<SHA256>

    init(key: [UInt8]) { keyed = HMAC<SHA256>(key: SymmetricKey(data: key)) }

    // MARK: Encoding

    /// Nil when the node's name is empty or longer than 255 octets.
    func encode(_ heartbeat: Heartbeat) -> [UInt8]? {
        guard Self.isName(heartbeat.run.node) else { return nil }
        let room = Limits.heartbeatBytesMax - Self.fixedBytes - Self.signatureBytes - heartbeat.run.node.utf8.count
        let (deaf, heard) = Self.selection(of: heartbeat, room: room)
        var bytes = Self.head
        bytes.reserveCapacity(Limits.heartbeatBytesMax)
        bytes.append(uint64: heartbeat.run.incarnation)
        bytes.append(uint64: heartbeat.sequence)
        bytes.append(uint64: UInt64(bitPattern: heartbeat.sentAt.milliseconds))
        bytes.append(Self.code(heartbeat.intent))
        bytes.append(UInt8(heartbeat.run.node.utf8.count))
        bytes.append(uint16: UInt16(deaf.count))
        bytes.append(uint16: UInt16(heard.count))
        bytes.append(contentsOf: heartbeat.run.node.utf8)
        for name in deaf { bytes.append(name: name) }
        for (name, count) in heard {
            bytes.append(name: name)
            bytes.append(uint64: count)
        }
        return signed(bytes)
    }

    func signed(_ bytes: [UInt8]) -> [UInt8] { bytes + bytes.withUnsafeBufferPointer { signature(of: $0) } }

    /// The deaf networks have half of the room for sure, and what the others leave of it.
    private static func selection(of heartbeat: Heartbeat, room: Int) -> ([String], [(String, UInt64)]) {
        let busiest = heartbeat.heard.filter { isName($0.key) }.map { ($0.key, $0.value) }
            .sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }
        let wanted = busiest.prefix(Limits.heardNetworksMax)
        let wantedBytes = wanted.reduce(0) { $0 + heardBytes($1.0) }
        var left = max(room / 2, room - wantedBytes)
        var deaf: [String] = []
        for name in heartbeat.deaf.filter(isName).sorted() {
            guard deafBytes(name) <= left else { break }
            left -= deafBytes(name)
            deaf.append(name)
        }
        left = room - deaf.reduce(0) { $0 + deafBytes($1) }
        var heard: [(String, UInt64)] = []
        for entry in wanted {
            guard heardBytes(entry.0) <= left else { break }
            left -= heardBytes(entry.0)
            heard.append(entry)
        }
        return (deaf, heard)
    }

    private static func deafBytes(_ name: String) -> Int { 1 + name.utf8.count }
    private static func heardBytes(_ name: String) -> Int { 1 + name.utf8.count + 8 }
    private static func isName(_ name: String) -> Bool { (1...nameBytesMax).contains(name.utf8.count) }

    // MARK: Decoding

    /// The order is by cost: what is no heartbeat at a glance, what is not signed, what is signed and yet wrong.
    func decode(_ bytes: UnsafeBufferPointer<UInt8>) throws(HeartbeatFault) -> Heartbeat {
        guard bytes.count > Self.fixedBytes + Self.signatureBytes else { throw .malformed("it is too short") }
        guard bytes.count <= Limits.heartbeatBytesMax else { throw .malformed("it is too long") }
        guard bytes[0..<3].elementsEqual(Self.head[0..<3]) else { throw .malformed("it begins otherwise") }
        guard bytes[3] == Self.head[3] else { throw .malformed("it has a version that this OnDeck does not know") }
        let end = bytes.count - Self.signatureBytes
        guard isSigned(bytes, end: end) else { throw .badSignature }
        let signed = UnsafeBufferPointer(rebasing: bytes[..<end])
        do throws(ShortInput) {
            return try Self.parse(signed.span)
        } catch {
            throw .malformed("it ends too soon, or says the same twice, or what no heartbeat says")
        }
    }

    private func isSigned(_ bytes: UnsafeBufferPointer<UInt8>, end: Int) -> Bool {
        let right = signature(of: UnsafeBufferPointer(rebasing: bytes[..<end]))
        // In the same time whatever differs: nobody shall find the signature octet by octet.
        var difference: UInt8 = 0
        for (index, octet) in right.enumerated() { difference |= octet ^ bytes[end + index] }
        return difference == 0
    }

    private func signature(of bytes: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8> {
        var code = keyed
        code.update(data: UnsafeRawBufferPointer(bytes))
        return code.finalize().withUnsafeBytes { Array($0) }.prefix(Self.signatureBytes)
    }

    private static func parse(_ bytes: Span<UInt8>) throws(ShortInput) -> Heartbeat {
        guard let intent = intent(try bytes.byte(at: 28)) else { throw ShortInput() }
        var offset = fixedBytes
        let node = try name(bytes, at: &offset, length: Int(try bytes.byte(at: 29)))
        var heartbeat = Heartbeat(
            run: NodeRun(node: node, incarnation: try bytes.uint64(at: 4)), sequence: try bytes.uint64(at: 12),
            sentAt: Instant(milliseconds: Int64(bitPattern: try bytes.uint64(at: 20))), intent: intent)
        for _ in 0..<Int(try bytes.uint16(at: 30)) {
            let network = try name(bytes, at: &offset)
            guard heartbeat.deaf.insert(network).inserted else { throw ShortInput() }
        }
        for _ in 0..<Int(try bytes.uint16(at: 32)) {
            let network = try name(bytes, at: &offset)
            guard heartbeat.heard.updateValue(try bytes.uint64(at: offset), forKey: network) == nil else {
                throw ShortInput()
            }
            offset += 8
        }
        guard offset == bytes.count else { throw ShortInput() }
        return heartbeat
    }

    private static func name(_ bytes: Span<UInt8>, at offset: inout Int) throws(ShortInput) -> String {
        let length = Int(try bytes.byte(at: offset))
        offset += 1
        return try name(bytes, at: &offset, length: length)
    }

    private static func name(_ bytes: Span<UInt8>, at offset: inout Int, length: Int) throws(ShortInput) -> String {
        let octets = try bytes.bytes(at: offset, length: length)
        guard length > 0, let name = String(validating: octets, as: UTF8.self) else { throw ShortInput() }
        offset += length
        return name
    }

    private static func code(_ intent: NodeIntent) -> UInt8 {
        switch intent {
        case .serving: 1
        case .draining: 2
        case .stopped: 3
        }
    }

    private static func intent(_ code: UInt8) -> NodeIntent? { NodeIntent.allCases.first { Self.code($0) == code } }
}

extension [UInt8] {
    fileprivate mutating func append(uint64 value: UInt64) {
        append(uint32: UInt32(truncatingIfNeeded: value >> 32))
        append(uint32: UInt32(truncatingIfNeeded: value))
    }

    fileprivate mutating func append(name: String) {
        append(UInt8(name.utf8.count))
        append(contentsOf: name.utf8)
    }
}

extension Span where Element == UInt8 {
    fileprivate func uint64(at offset: Int) throws(ShortInput) -> UInt64 {
        guard offset >= 0, offset <= count - 8 else { throw ShortInput() }
        return UInt64(try uint32(at: offset)) << 32 | UInt64(try uint32(at: offset + 4))
    }
}
