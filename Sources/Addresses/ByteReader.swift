// SPDX-License-Identifier: Apache-2.0

/// Bytes ended before the format did.
public struct ShortInput: Error, Equatable, Sendable {
    public init() {}
}

/// Bounds-checked big-endian reads at an offset of a span: every access that could leave the input throws.
extension Span where Element == UInt8 {
    public func byte(at offset: Int) throws(ShortInput) -> UInt8 {
        guard offset >= 0, offset < count else { throw ShortInput() }
        return self[offset]
    }

    public func uint16(at offset: Int) throws(ShortInput) -> UInt16 {
        guard offset >= 0, offset <= count - 2 else { throw ShortInput() }
        return UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    public func uint32(at offset: Int) throws(ShortInput) -> UInt32 {
        guard offset >= 0, offset <= count - 4 else { throw ShortInput() }
        return UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16
            | UInt32(self[offset + 2]) << 8 | UInt32(self[offset + 3])
    }

    /// A copy of `length` octets from `offset`.
    public func bytes(at offset: Int, length: Int) throws(ShortInput) -> [UInt8] {
        guard offset >= 0, length >= 0, offset <= count - length else { throw ShortInput() }
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
            for i in 0..<length { buffer[i] = self[offset + i] }
            initialized = length
        }
    }
}

extension [UInt8] {
    public mutating func append(uint16 value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    public mutating func append(uint32 value: UInt32) {
        append(uint16: UInt16(truncatingIfNeeded: value >> 16))
        append(uint16: UInt16(truncatingIfNeeded: value))
    }
}
