// SPDX-License-Identifier: Apache-2.0

/// Domain names as octets (RFC 1035 3.1 and 4.1.4). Names are given and read in their usual text, without a dot at
/// the end; labels hold letters, digits, hyphens and underscores.
enum DomainNames {
    /// RFC 1035 2.3.4
    static let labelBytesMax = 63
    static let nameBytesMax = 255
    /// Where pointers can point to.
    private static let pointerOffsetMax = 0x3fff
    /// Compressed, a few octets can stand for many names; nobody needs this many.
    private static let namesMax = 64

    /// The labels of a name, or nil when it is none.
    static func labels(_ name: some StringProtocol) -> [String]? {
        var text = Substring(name)
        if text.hasSuffix(".") { text.removeLast() }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ isLabel($0.utf8) }) else { return nil }
        guard labels.reduce(1, { $0 + $1.utf8.count + 1 }) <= nameBytesMax else { return nil }
        return labels.map(String.init)
    }

    private static func isLabel(_ octets: some Collection<UInt8>) -> Bool {
        guard (1...labelBytesMax).contains(octets.count) else { return false }
        return octets.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }

    /// Names one after another; with compression a known ending is a pointer to where it first stands.
    static func encode(_ names: [[String]], compressed: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        var offsets: [[String]: Int] = [:]
        for labels in names {
            var rest = labels[...]
            var pointer: Int?
            while !rest.isEmpty, pointer == nil {
                let ending = Array(rest)
                pointer = compressed ? offsets[ending] : nil
                guard pointer == nil else { break }
                if bytes.count <= pointerOffsetMax { offsets[ending] = bytes.count }
                let label = Array(rest.removeFirst().utf8)
                bytes.append(UInt8(truncatingIfNeeded: label.count))
                bytes += label
            }
            if let pointer {
                bytes.append(0xc0 | UInt8(truncatingIfNeeded: pointer >> 8))
                bytes.append(UInt8(truncatingIfNeeded: pointer))
            } else {
                bytes.append(0)
            }
        }
        return bytes
    }

    /// Nil for anything that is not a list of whole names, and for names that their text could not give back.
    static func decode(_ bytes: [UInt8], compressed: Bool) -> [String]? {
        var names: [String] = []
        var offset = 0
        while offset < bytes.count {
            guard names.count < namesMax, let name = decodeName(bytes, &offset, compressed) else { return nil }
            names.append(name)
        }
        return names.isEmpty ? nil : names
    }

    /// Reads the name at `offset` and moves behind it. Each pointer must lead to before everything read so far, so
    /// that no chain of pointers has a loop.
    private static func decodeName(_ bytes: [UInt8], _ offset: inout Int, _ compressed: Bool) -> String? {
        var labels: [String] = []
        var wireBytes = 1
        var position = offset
        var pointerLimit = offset
        var end: Int?
        while position < bytes.count {
            let length = Int(bytes[position])
            if length == 0 {
                offset = end ?? position + 1
                return labels.isEmpty ? nil : labels.joined(separator: ".")
            }
            if length >= 0xc0 {
                guard compressed, position + 1 < bytes.count else { return nil }
                let target = (length & 0x3f) << 8 | Int(bytes[position + 1])
                guard target < pointerLimit else { return nil }
                end = end ?? position + 2
                pointerLimit = target
                position = target
                continue
            }
            guard length <= labelBytesMax, position + 1 + length <= bytes.count else { return nil }
            let label = bytes[(position + 1)..<(position + 1 + length)]
            wireBytes += 1 + length
            guard wireBytes <= nameBytesMax, isLabel(label) else { return nil }
            labels.append(String(decoding: label, as: UTF8.self))
            position += 1 + length
        }
        return nil
    }
}
