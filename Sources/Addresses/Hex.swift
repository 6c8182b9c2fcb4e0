// SPDX-License-Identifier: Apache-2.0

/// The value of one hex digit, or nil.
@inlinable public func hexNibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x61 + 10
    case 0x41...0x46: byte - 0x41 + 10
    default: nil
    }
}

/// Lower-case hex digits, two an octet.
public func hexText(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// Octets from hex digits; colons, hyphens and spaces between octets are allowed. Nil for anything else.
public func hexBytes(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for byte in text.utf8 {
        if byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: " ") {
            guard high == nil else { return nil }
            continue
        }
        guard let nibble = hexNibble(byte) else { return nil }
        if let h = high { bytes.append(h << 4 | nibble); high = nil } else { high = nibble }
    }
    return high == nil ? bytes : nil
}
