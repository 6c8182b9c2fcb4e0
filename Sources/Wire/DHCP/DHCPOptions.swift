// SPDX-License-Identifier: Apache-2.0

import Addresses

/// The options of one message, in order, already split (RFC 3396) into one value a code: what was repeated on the
/// wire is joined here, what is longer than 255 octets is split again when it is sent.
///
/// One allocation: entries stand one after another as code, two length octets, value.
public struct DHCPOptions: Hashable, Sendable {
    @usableFromInline var storage: [UInt8] = []

    public init() {}

    /// Takes entries as they stand in `storage`.
    init(storage: [UInt8]) { self.storage = storage }

    public init(_ entries: [(DHCPOptionCode, [UInt8])]) {
        for (code, value) in entries { append(code, value) }
    }

    public var isEmpty: Bool { storage.isEmpty }

    public mutating func append(_ code: DHCPOptionCode, _ value: some Collection<UInt8>) {
        append(code, Array(value)[...])
    }

    public mutating func append(_ code: DHCPOptionCode, _ value: [UInt8]) { append(code, value[...]) }

    /// The one that the packet path uses: concrete, so that no generic code runs there.
    public mutating func append(_ code: DHCPOptionCode, _ value: ArraySlice<UInt8>) {
        let value = value.count <= Int(UInt16.max) ? value : value.prefix(Int(UInt16.max))
        storage.append(code.rawValue)
        storage.append(uint16: UInt16(value.count))
        storage.append(contentsOf: value)
    }

    /// Makes room once for a whole reply's options.
    public mutating func reserveCapacity(bytes: Int) { storage.reserveCapacity(bytes) }

    public mutating func append(_ code: DHCPOptionCode, _ address: IPv4Address) {
        storage.append(code.rawValue)
        storage.append(uint16: 4)
        storage.append(uint32: address.bits)
    }

    public mutating func append(_ code: DHCPOptionCode, uint32 value: UInt32) {
        append(code, IPv4Address(bits: value))
    }

    public mutating func append(_ code: DHCPOptionCode, uint8 value: UInt8) {
        storage.append(code.rawValue)
        storage.append(uint16: 1)
        storage.append(value)
    }

    public func contains(_ code: DHCPOptionCode) -> Bool { range(of: code) != nil }

    /// The value's octets, without a copy; nil when the option is absent (an empty value is not nil).
    public subscript(code: DHCPOptionCode) -> ArraySlice<UInt8>? {
        guard let range = range(of: code) else { return nil }
        return storage[range]
    }

    public func bytes(_ code: DHCPOptionCode) -> [UInt8]? { self[code].map(Array.init) }

    public func address(_ code: DHCPOptionCode) -> IPv4Address? { uint32(code).map(IPv4Address.init(bits:)) }

    /// Nil when absent or not exactly four octets long.
    public func uint32(_ code: DHCPOptionCode) -> UInt32? {
        guard let range = range(of: code), range.count == 4 else { return nil }
        return storage[range].reduce(0) { $0 << 8 | UInt32($1) }
    }

    public func uint16(_ code: DHCPOptionCode) -> UInt16? {
        guard let range = range(of: code), range.count == 2 else { return nil }
        return storage[range].reduce(0) { $0 << 8 | UInt16($1) }
    }

    public func uint8(_ code: DHCPOptionCode) -> UInt8? {
        guard let range = range(of: code), range.count == 1 else { return nil }
        return storage[range.lowerBound]
    }

    func range(of code: DHCPOptionCode) -> Range<Int>? {
        var i = 0
        while i < storage.count {
            let length = Int(storage[i + 1]) << 8 | Int(storage[i + 2])
            if storage[i] == code.rawValue { return (i + 3)..<(i + 3 + length) }
            i += 3 + length
        }
        return nil
    }
}

/// The entries in order.
extension DHCPOptions: Sequence {
    public struct Iterator: IteratorProtocol {
        private let storage: [UInt8]
        private var offset = 0

        init(_ storage: [UInt8]) { self.storage = storage }

        public mutating func next() -> (code: DHCPOptionCode, value: ArraySlice<UInt8>)? {
            guard offset < storage.count else { return nil }
            let code = DHCPOptionCode(rawValue: storage[offset])
            let start = offset + 3
            offset = start + (Int(storage[offset + 1]) << 8 | Int(storage[offset + 2]))
            return (code, storage[start..<offset])
        }
    }

    public func makeIterator() -> Iterator { Iterator(storage) }
}
