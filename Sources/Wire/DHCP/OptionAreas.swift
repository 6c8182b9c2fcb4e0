// SPDX-License-Identifier: Apache-2.0

import Addresses

/// The options of a message in its three fields, read as one list: options, then file, then sname when option 52
/// says so (RFC 2131 4.1, RFC 3396 5). Codes that occur more than once are joined where the first stands.
///
/// What is tolerated, because clients in the field do it: a missing End, anything after End, an overload value
/// that names no field, and a truncated last option once option 53 has been read. In that last case only the tail
/// is dropped: firmware that sends such a tail still has to boot. It is an error when the message type is not yet
/// known, or when the tail continues an option that was read before: half an identifier would pass for another.
struct OptionAreas {
    private(set) var messageType: DHCPMessageType?
    /// The value of option 52; zero when nothing is overloaded.
    private(set) var overload: UInt8 = 0
    /// Without 52 and 53.
    private(set) var options = DHCPOptions()

    private var seen = OptionCodeSet()
    /// What `options` will take: three octets and the value for each code.
    private var storageBytes = 0
    private var hasRepeats = false

    /// `bytes` must hold the fixed part, the cookie and no more than `DHCPLayout.datagramBytesMax` octets.
    init(_ bytes: Span<UInt8>) throws(DHCPDecodeError) {
        try survey(bytes, DHCPLayout.optionsOffset, bytes.count)
        if usesFile { try survey(bytes, DHCPLayout.bootFile.offset, DHCPLayout.bootFile.end) }
        if usesServerName { try survey(bytes, DHCPLayout.serverName.offset, DHCPLayout.serverName.end) }
        options = DHCPOptions(storage: hasRepeats ? joined(bytes) : copied(bytes))
    }

    var usesFile: Bool { overload & DHCPLayout.overloadFile != 0 }
    var usesServerName: Bool { overload & DHCPLayout.overloadServerName != 0 }

    /// First pass over one field: what is there, and how large.
    private mutating func survey(_ bytes: Span<UInt8>, _ start: Int, _ limit: Int) throws(DHCPDecodeError) {
        var offset = start
        while true {
            switch OptionStep(bytes, &offset, limit) {
            case .end: return
            case .truncated(let code):
                guard messageType != nil, !seen.contains(code) else { throw .truncatedOption(.init(rawValue: code)) }
                return
            case .fragment(DHCPOptionCode.messageType.rawValue, let value):
                guard messageType == nil, value.length == 1, let type = DHCPMessageType(rawValue: bytes[value.start])
                else { throw .badMessageType }
                messageType = type
            case .fragment(DHCPOptionCode.overload.rawValue, let value):
                // The first counts: file and sname are only read once it is known, so theirs never does.
                if overload == 0, value.length == 1, bytes[value.start] <= 3 { overload = bytes[value.start] }
            case .fragment(let code, let value):
                storageBytes += value.length
                if seen.insert(code) { storageBytes += 3 } else { hasRepeats = true }
            }
        }
    }

    /// Calls `body` with each fragment of every field, without 52 and 53. The survey has judged every truncation:
    /// here a truncated tail just ends its field.
    @inline(__always)
    private func forEachFragment(_ bytes: Span<UInt8>, _ body: (UInt8, OptionStep.Value) -> Void) {
        forEachFragment(bytes, DHCPLayout.optionsOffset, bytes.count, body)
        if usesFile { forEachFragment(bytes, DHCPLayout.bootFile.offset, DHCPLayout.bootFile.end, body) }
        if usesServerName { forEachFragment(bytes, DHCPLayout.serverName.offset, DHCPLayout.serverName.end, body) }
    }

    private func forEachFragment(
        _ bytes: Span<UInt8>, _ start: Int, _ limit: Int, _ body: (UInt8, OptionStep.Value) -> Void
    ) {
        var offset = start
        while case .fragment(let code, let value) = OptionStep(bytes, &offset, limit) {
            if code == DHCPOptionCode.messageType.rawValue || code == DHCPOptionCode.overload.rawValue { continue }
            body(code, value)
        }
    }

    /// The usual packet: each code once, so that every fragment is copied where it stands.
    private func copied(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: storageBytes) { output in
            forEachFragment(bytes) { code, value in
                output.append(code)
                output.append(0)
                output.append(UInt8(truncatingIfNeeded: value.length))
                for index in value.start..<(value.start + value.length) { output.append(bytes[index]) }
            }
        }
    }

    /// RFC 3396: lengths first, then every fragment goes to the end of what its code has so far. Linear in the
    /// size of the packet, however often a code is repeated.
    private func joined(_ bytes: Span<UInt8>) -> [UInt8] {
        var lengths = InlineArray<256, Int>(repeating: 0)
        forEachFragment(bytes) { code, value in lengths[Int(code)] += value.length }
        var storage = [UInt8](repeating: 0, count: storageBytes)
        var cursors = InlineArray<256, Int>(repeating: -1)
        var next = 0
        forEachFragment(bytes) { code, value in
            let index = Int(code)
            if cursors[index] < 0 {
                storage[next] = code
                storage[next + 1] = UInt8(truncatingIfNeeded: lengths[index] >> 8)
                storage[next + 2] = UInt8(truncatingIfNeeded: lengths[index])
                cursors[index] = next + 3
                next += 3 + lengths[index]
            }
            for offset in 0..<value.length { storage[cursors[index] + offset] = bytes[value.start + offset] }
            cursors[index] += value.length
        }
        return storage
    }
}

/// One step through a field that holds options.
enum OptionStep {
    struct Value {
        var start: Int
        var length: Int
    }

    /// An option whose octets all lie within the field.
    case fragment(UInt8, Value)
    /// The field ends within this option.
    case truncated(UInt8)
    /// End, or nothing more.
    case end

    /// Reads at `offset` and moves it behind what was read; pads are passed over. `limit` is within `bytes`.
    @inline(__always)
    init(_ bytes: Span<UInt8>, _ offset: inout Int, _ limit: Int) {
        while offset < limit, bytes[offset] == DHCPOptionCode.pad.rawValue { offset += 1 }
        guard offset < limit, bytes[offset] != DHCPOptionCode.end.rawValue else { self = .end; return }
        let code = bytes[offset]
        let start = offset + 2
        guard start <= limit, limit - start >= Int(bytes[start - 1]) else { self = .truncated(code); return }
        let length = Int(bytes[start - 1])
        offset = start + length
        self = .fragment(code, Value(start: start, length: length))
    }
}

/// A set of option codes, without an allocation.
struct OptionCodeSet {
    private var words = InlineArray<4, UInt64>(repeating: 0)

    func contains(_ code: UInt8) -> Bool { words[Int(code >> 6)] & 1 << UInt64(code & 63) != 0 }

    /// False when it was in already.
    mutating func insert(_ code: UInt8) -> Bool {
        let bit: UInt64 = 1 << UInt64(code & 63)
        defer { words[Int(code >> 6)] |= bit }
        return words[Int(code >> 6)] & bit == 0
    }
}
