// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Reads a stored line field by field; each getter takes the next one. Never traps, whatever the bytes are.
struct RecordReader {
    private let bytes: [UInt8]
    /// Where the next field begins; past the end when there is none.
    private var next = 0

    init(_ bytes: [UInt8], version: UInt8) throws(RecordError) {
        self.bytes = bytes
        let field = try take("version")
        guard field.count == 1, bytes[field.lowerBound] == version else {
            throw .unknownVersion(Self.excerpt(bytes[field]))
        }
    }

    /// Every byte must be accounted for.
    func end() throws(RecordError) {
        guard next > bytes.count else { throw .surplus(text: Self.excerpt(bytes[next...])) }
    }

    // MARK: Fields

    mutating func word(_ name: String) throws(RecordError) -> Range<Int> { try take(name) }

    func matches(_ field: Range<Int>, _ word: StaticString) -> Bool {
        guard field.count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<field.count where bytes[field.lowerBound + offset] != word.utf8Start[offset] { return false }
        return true
    }

    mutating func text(_ name: String) throws(RecordError) -> String {
        let field = try take(name)
        guard !isDash(field) else { return "" }
        guard !field.isEmpty, let text = bytes[field].contains(RecordLine.percent) ? unescape(field) : string(field)
        else { throw invalid(name, field) }
        return text
    }

    mutating func instant(_ name: String) throws(RecordError) -> Instant {
        let field = try take(name)
        guard let instant = parseInstant(field) else { throw invalid(name, field) }
        return instant
    }

    /// "-" is nil.
    mutating func optionalInstant(_ name: String) throws(RecordError) -> Instant? {
        let field = try take(name)
        guard !isDash(field) else { return nil }
        guard let instant = parseInstant(field) else { throw invalid(name, field) }
        return instant
    }

    mutating func instants(_ name: String) throws(RecordError) -> [Instant] {
        try list(name) { reader, item in reader.parseInstant(item) }
    }

    mutating func number(_ name: String) throws(RecordError) -> UInt64 {
        let field = try take(name)
        guard let number = parseNumber(field) else { throw invalid(name, field) }
        return number
    }

    /// "-" is nil.
    mutating func mac(_ name: String) throws(RecordError) -> MACAddress? {
        let field = try take(name)
        guard !isDash(field) else { return nil }
        guard let mac = parseMAC(field) else { throw invalid(name, field) }
        return mac
    }

    mutating func identity(_ name: String, mac: MACAddress? = nil) throws(RecordError) -> ClientIdentity {
        let field = try take(name)
        guard let identity = parseIdentity(field, mac: mac) else { throw invalid(name, field) }
        return identity
    }

    mutating func options(_ name: String) throws(RecordError) -> [OptionSetting] {
        try list(name) { reader, item in reader.parseOption(item) }
    }

    func invalid(_ name: String, _ field: Range<Int>) -> RecordError {
        .invalid(field: name, text: Self.excerpt(bytes[field]))
    }

    // MARK: Cutting

    private mutating func take(_ name: String) throws(RecordError) -> Range<Int> {
        guard next <= bytes.count else { throw .missing(field: name) }
        let start = next
        var end = start
        while end < bytes.count, bytes[end] != RecordLine.tab { end += 1 }
        next = end + 1
        return start..<end
    }

    private mutating func list<Value>(
        _ name: String, _ parse: (RecordReader, Range<Int>) -> Value?
    ) throws(RecordError) -> [Value] {
        let field = try take(name)
        guard !isDash(field) else { return [] }
        var values: [Value] = []
        var start = field.lowerBound
        while start <= field.upperBound {
            let end = firstIndex(of: RecordLine.comma, in: start..<field.upperBound) ?? field.upperBound
            guard let value = parse(self, start..<end) else { throw invalid(name, field) }
            values.append(value)
            start = end + 1
        }
        return values
    }

    private func firstIndex(of byte: UInt8, in field: Range<Int>) -> Int? {
        for index in field where bytes[index] == byte { return index }
        return nil
    }

    private func isDash(_ field: Range<Int>) -> Bool {
        field.count == 1 && bytes[field.lowerBound] == RecordLine.dash
    }

    // MARK: Values

    private func string(_ field: Range<Int>) -> String? { String(validating: bytes[field], as: UTF8.self) }

    private func unescape(_ field: Range<Int>) -> String? {
        var plain: [UInt8] = []
        plain.reserveCapacity(field.count)
        var index = field.lowerBound
        while index < field.upperBound {
            guard bytes[index] == RecordLine.percent else {
                plain.append(bytes[index])
                index += 1
                continue
            }
            guard index + 3 <= field.upperBound, let octet = octet(at: index + 1) else { return nil }
            plain.append(octet)
            index += 3
        }
        return String(validating: plain, as: UTF8.self)
    }

    private func parseNumber(_ field: Range<Int>) -> UInt64? {
        guard !field.isEmpty else { return nil }
        var value: UInt64 = 0
        for index in field {
            let digit = bytes[index] &- RecordLine.zero
            guard digit <= 9 else { return nil }
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeNow) = tens.addingReportingOverflow(UInt64(digit))
            guard !isTooLarge, !isTooLargeNow else { return nil }
            value = sum
        }
        return value
    }

    private func parseInstant(_ field: Range<Int>) -> Instant? {
        if matches(field, "never") { return .distantFuture }
        guard let first = field.first else { return nil }
        let isNegative = bytes[first] == RecordLine.dash
        let digits = field.dropFirst(isNegative ? 1 : 0)
        let point = firstIndex(of: RecordLine.point, in: digits) ?? digits.upperBound
        guard let seconds = parseNumber(digits.lowerBound..<point), seconds <= UInt64(Int64.max / 1000) else {
            return nil
        }
        var milliseconds = Int64(seconds) * 1000
        if point < digits.upperBound {
            guard digits.upperBound - point == 4, let rest = parseNumber(point + 1..<digits.upperBound) else {
                return nil
            }
            let (sum, isTooLarge) = milliseconds.addingReportingOverflow(Int64(rest))
            // The least Instant has no positive twin.
            guard !isTooLarge || (isNegative && sum == .min) else { return nil }
            milliseconds = sum
        }
        return Instant(milliseconds: isNegative ? 0 &- milliseconds : milliseconds)
    }

    private func parseMAC(_ field: Range<Int>) -> MACAddress? {
        guard field.count == 17 else { return nil }
        var bits: UInt64 = 0
        for position in 0..<6 {
            let index = field.lowerBound + 3 * position
            guard let octet = octet(at: index), position == 5 || bytes[index + 2] == RecordLine.colon else {
                return nil
            }
            bits = bits << 8 | UInt64(octet)
        }
        return MACAddress(bits: bits)
    }

    private func parseIdentity(_ field: Range<Int>, mac: MACAddress?) -> ClientIdentity? {
        if matches(field, "mac") { return mac.map(ClientIdentity.mac) }
        guard let equals = firstIndex(of: RecordLine.equals, in: field) else { return nil }
        let (kind, value) = (field.lowerBound..<equals, equals + 1..<field.upperBound)
        if matches(kind, "mac") { return parseMAC(value).map(ClientIdentity.mac) }
        if matches(kind, "client-id") { return parseHex(value).map(ClientIdentity.clientIdentifier) }
        if matches(kind, "uuid") { return parseUUID(value).map(ClientIdentity.uuid) }
        if matches(kind, "circuit") { return parseHex(value).map(ClientIdentity.circuit) }
        return nil
    }

    private func parseUUID(_ field: Range<Int>) -> MachineUUID? {
        guard field.count == 36 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(16)
        var index = field.lowerBound
        while index < field.upperBound {
            if [8, 13, 18, 23].contains(index - field.lowerBound) {
                guard bytes[index] == RecordLine.dash else { return nil }
                index += 1
            }
            guard let octet = octet(at: index) else { return nil }
            octets.append(octet)
            index += 2
        }
        return octets.count == 16 ? MachineUUID(textOrder: octets) : nil
    }

    private func parseOption(_ field: Range<Int>) -> OptionSetting? {
        guard let equals = firstIndex(of: RecordLine.equals, in: field),
            let code = parseNumber(field.lowerBound..<equals).flatMap({ UInt8(exactly: $0) }),
            let value = parseHex(equals + 1..<field.upperBound)
        else { return nil }
        return OptionSetting(code: code, value: value)
    }

    private func parseHex(_ field: Range<Int>) -> [UInt8]? {
        guard field.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(field.count / 2)
        for index in stride(from: field.lowerBound, to: field.upperBound, by: 2) {
            guard let octet = octet(at: index) else { return nil }
            octets.append(octet)
        }
        return octets
    }

    /// The octet that two hex digits at `index` are; nil also where the line ends before them.
    private func octet(at index: Int) -> UInt8? {
        guard index + 1 < bytes.count, let high = hexNibble(bytes[index]), let low = hexNibble(bytes[index + 1])
        else { return nil }
        return high << 4 | low
    }

    /// What an error shows of a line: enough to find it, never a flood.
    private static func excerpt(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes.prefix(40), as: UTF8.self)
        return text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }.joined()
    }
}
