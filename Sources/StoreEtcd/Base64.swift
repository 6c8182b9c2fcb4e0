// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// RFC 4648 section 4, as etcd's JSON carries keys and values.
enum Base64 {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")
    private static let invalid: UInt8 = 0xff
    /// The value of each letter.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: invalid, count: 256)
        for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    static func write(_ bytes: [UInt8], to buffer: inout ByteBuffer) {
        let length = (bytes.count + 2) / 3 * 4
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { text in
            bytes.withUnsafeBufferPointer { bytes in
                letters.withUnsafeBufferPointer { letters in encode(bytes, text, letters) }
            }
            return length
        }
    }

    private static func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ text: UnsafeMutableRawBufferPointer,
        _ letters: UnsafeBufferPointer<UInt8>
    ) {
        var (from, to) = (0, 0)
        while from < bytes.count {
            let second = from + 1 < bytes.count ? bytes[from + 1] : 0
            let third = from + 2 < bytes.count ? bytes[from + 2] : 0
            text[to] = letters[Int(bytes[from] >> 2)]
            text[to + 1] = letters[Int((bytes[from] & 3) << 4 | second >> 4)]
            text[to + 2] = letters[Int((second & 15) << 2 | third >> 6)]
            text[to + 3] = letters[Int(third & 63)]
            from += 3
            to += 4
        }
        if bytes.count % 3 != 0 { text[to - 1] = padding }
        if bytes.count % 3 == 1 { text[to - 2] = padding }
    }

    /// Nil for anything but whole groups of four letters, the last one padded where it must be.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var letters = text
        while letters.count > text.count - 2, letters.last == padding { letters.removeLast() }
        var isValid = true
        let decoded = [UInt8](unsafeUninitializedCapacity: letters.count * 3 / 4) { bytes, count in
            letters.withUnsafeBufferPointer { letters in
                values.withUnsafeBufferPointer { values in isValid = decode(letters, bytes, values) }
            }
            count = letters.count * 3 / 4
        }
        return isValid ? decoded : nil
    }

    private static func decode(
        _ letters: UnsafeBufferPointer<UInt8>, _ bytes: UnsafeMutableBufferPointer<UInt8>,
        _ values: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        var (bits, bitCount, to) = (UInt32(0), UInt32(0), 0)
        var all: UInt8 = 0
        for letter in letters {
            let value = values[Int(letter)]
            all |= value
            bits = bits << 6 | UInt32(value & 63)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes[to] = UInt8(truncatingIfNeeded: bits >> bitCount)
            to += 1
        }
        return all < 64
    }
}
