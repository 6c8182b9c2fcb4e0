// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Builds a stored line: fields with tabs in between, the format's version first, no line end. One value has one
/// line. Made to be read in a shell: `select key, value from record`, or `cut -f`.
struct RecordWriter {
    private(set) var bytes: [UInt8] = []

    init(version: UInt8, capacity: Int = 128) {
        bytes.reserveCapacity(capacity)
        bytes.append(version)
    }

    /// A word that needs no escaping.
    mutating func field(word: StaticString) {
        bytes.append(RecordLine.tab)
        append(word)
    }

    /// Any text. Control characters, DEL and "%" become %XX; empty text becomes "-", and a lone "-" %2D.
    mutating func field(text: String) {
        bytes.append(RecordLine.tab)
        guard !text.isEmpty else { return bytes.append(RecordLine.dash) }
        guard text.utf8.count > 1 || text.utf8.first != RecordLine.dash else { return escape(RecordLine.dash) }
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7f || byte == RecordLine.percent { escape(byte) } else { bytes.append(byte) }
        }
    }

    mutating func field(_ instant: Instant) {
        bytes.append(RecordLine.tab)
        append(instant)
    }

    mutating func field(_ number: UInt64) {
        bytes.append(RecordLine.tab)
        append(number)
    }

    mutating func field(_ mac: MACAddress?) {
        bytes.append(RecordLine.tab)
        if let mac { append(mac) } else { bytes.append(RecordLine.dash) }
    }

    /// `mac` alone is "the hardware address of this very line", which is what nearly every lease has.
    mutating func field(_ identity: ClientIdentity, mac: MACAddress? = nil) {
        bytes.append(RecordLine.tab)
        switch identity {
        case .mac(let own):
            append("mac")
            guard own != mac else { return }
            bytes.append(RecordLine.equals)
            append(own)
        case .clientIdentifier(let octets):
            append("client-id=")
            append(hex: octets)
        case .uuid(let uuid):
            append("uuid=")
            append(uuid)
        case .circuit(let octets):
            append("circuit=")
            append(hex: octets)
        }
    }

    /// Values with commas in between; "-" for none.
    mutating func field<Value>(list: [Value], _ append: (inout RecordWriter, Value) -> Void) {
        bytes.append(RecordLine.tab)
        if list.isEmpty { bytes.append(RecordLine.dash) }
        for (index, value) in list.enumerated() {
            if index > 0 { bytes.append(RecordLine.comma) }
            append(&self, value)
        }
    }

    // MARK: Parts of fields

    mutating func append(_ word: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    mutating func append(_ option: OptionSetting) {
        append(UInt64(option.code))
        bytes.append(RecordLine.equals)
        append(hex: option.value)
    }

    /// Whole seconds since 1970, as `date -d @` takes them; ".123" only where there are milliseconds.
    mutating func append(_ instant: Instant) {
        guard instant != .distantFuture else { return append("never") }
        if instant.milliseconds < 0 { bytes.append(RecordLine.dash) }
        let (seconds, milliseconds) = instant.milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        append(seconds)
        guard milliseconds > 0 else { return }
        bytes.append(RecordLine.point)
        for divisor: UInt64 in [100, 10, 1] { bytes.append(RecordLine.zero + UInt8(milliseconds / divisor % 10)) }
    }

    mutating func append(_ number: UInt64) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(RecordLine.zero + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private mutating func append(_ mac: MACAddress) {
        for index in 0..<6 {
            if index > 0 { bytes.append(RecordLine.colon) }
            append(hex: UInt8(truncatingIfNeeded: mac.bits >> UInt64(8 * (5 - index))))
        }
    }

    private mutating func append(_ uuid: MachineUUID) {
        for (index, octet) in uuid.textOrder.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { bytes.append(RecordLine.dash) }
            append(hex: octet)
        }
    }

    private mutating func append(hex octets: [UInt8]) { for octet in octets { append(hex: octet) } }

    private mutating func append(hex octet: UInt8) {
        bytes.append(RecordLine.digit(octet >> 4))
        bytes.append(RecordLine.digit(octet & 15))
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(RecordLine.percent)
        append(hex: byte)
    }
}

/// The characters that stored lines are made of.
enum RecordLine {
    static let tab = UInt8(ascii: "\t")
    static let percent = UInt8(ascii: "%")
    static let dash = UInt8(ascii: "-")
    static let equals = UInt8(ascii: "=")
    static let comma = UInt8(ascii: ",")
    static let colon = UInt8(ascii: ":")
    static let point = UInt8(ascii: ".")
    static let zero = UInt8(ascii: "0")

    static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? zero + nibble : UInt8(ascii: "a") + nibble - 10 }
}
