// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What fields of more than one object are made of.
extension FieldReader {
    /// The name of an object.
    public func name() -> String? {
        guard let text = text() else { return nil }
        if ObjectNames.isValid(text) { return text }
        fail("\(quoted(text)) is not a name", hint: ObjectNames.rule)
        return nil
    }

    public func address() -> IPv4Address? {
        parsed("an address such as 10.64.0.20") { IPv4Address($0) }
    }

    public func subnet() -> IPv4Subnet? {
        guard case .string(let text) = value.content else { failExpected("a subnet such as 10.64.0.0/24"); return nil }
        if let subnet = IPv4Subnet(text) { return subnet }
        failExpected("a subnet such as 10.64.0.0/24", hint: Self.subnetHint(text))
        return nil
    }

    /// "10.64.0.7/24" is most often a slip for its subnet.
    private static func subnetHint(_ text: String) -> String? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), let length = Int(parts[1]),
            (0...32).contains(length)
        else { return IPv4Address(text) == nil ? nil : "the prefix length is missing" }
        return "did you mean '\(IPv4Subnet(containing: address, prefixLength: length))'?"
    }

    public func range() -> IPv4Range? {
        parsed("a range such as 10.64.0.100-10.64.0.199, an address or a subnet") { IPv4Range($0) }
    }

    /// The address of one interface: neither zero nor a group's.
    public func mac() -> MACAddress? {
        guard let mac = parsed("a MAC address such as 52:54:00:12:34:56", { MACAddress($0) }) else { return nil }
        if mac.bits == 0 { fail("\(mac) names no machine"); return nil }
        if mac.isMulticast { fail("\(mac) is a multicast address, not a machine's"); return nil }
        return mac
    }

    public func uuid() -> MachineUUID? {
        let example = "00112233-4455-6677-8899-aabbccddeeff"
        guard let uuid = parsed("a UUID such as \(example)", { MachineUUID($0) }) else { return nil }
        if uuid.isIdentity { return uuid }
        fail("\(uuid) stands for \"not set\" and names no machine")
        return nil
    }

    /// Octets in hex, "hex:" before them or not.
    public func octets(max: Int) -> [UInt8]? {
        let bytes = parsed("hex digits such as 01:52:54:00:12:34:56") { text in
            hexBytes(text.hasPrefix("hex:") ? String(text.dropFirst(4)) : text)
        }
        guard let bytes else { return nil }
        guard (1...max).contains(bytes.count) else {
            fail("is \(bytes.count) octets long; 1 to \(max) are allowed")
            return nil
        }
        return bytes
    }

    /// Octets as text, or as "hex:01ff".
    public func opaque(max: Int) -> [UInt8]? {
        guard let text = text() else { return nil }
        if text.hasPrefix("hex:") { return octets(max: max) }
        guard (1...max).contains(text.utf8.count) else {
            fail("is \(text.utf8.count) octets long; 1 to \(max) are allowed")
            return nil
        }
        return Array(text.utf8)
    }

    /// A time: "90s", "30m", "1h", "7d", or seconds.
    public func seconds(in range: ClosedRange<UInt32>) -> UInt32? {
        let number: UInt64? =
            switch value.content {
            case .integer(let number): UInt64(exactly: number)
            case .string(let text): TimeSpan.seconds(text)
            default: nil
            }
        guard let number else {
            failExpected("a time such as 90s, 30m, 1h or 7d")
            return nil
        }
        guard let seconds = UInt32(exactly: number), range.contains(seconds) else {
            failExpected("\(TimeSpan.text(range.lowerBound)) to \(TimeSpan.text(range.upperBound))")
            return nil
        }
        return seconds
    }

    /// A Linux interface's name.
    public func interface() -> String? {
        guard let text = text() else { return nil }
        let isValid =
            (1...15).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
        if isValid { return text }
        failExpected("the name of an interface")
        return nil
    }

    /// A host name: labels of letters, digits and hyphens.
    public func hostname() -> String? {
        guard let text = text(bytesMax: Limits.hostnameBytesMax) else { return nil }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.allSatisfy(Self.isLabel) { return text }
        fail("\(quoted(text)) is not a host name", hint: "letters, digits and hyphens, in labels between dots")
        return nil
    }

    private static func isLabel(_ label: Substring) -> Bool {
        !label.isEmpty && label.first != "-" && label.last != "-"
            && label.utf8.allSatisfy { ObjectNames.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    }
}

/// How objects may be called.
public enum ObjectNames {
    public static let rule =
        "a name begins with a letter or digit, has letters, digits, '.', '_' and '-', and at most "
        + "\(Limits.nameBytesMax) of them"

    public static func isValid(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= Limits.nameBytesMax else { return false }
        return isLetterOrDigit(first)
            && text.utf8.allSatisfy {
                isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            }
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }
}

/// Times as operators write them.
public enum TimeSpan {
    private static let units: [(letter: String, seconds: UInt64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]

    /// Seconds of "90s", "30m", "1h", "7d" or "90"; nil for anything else.
    public static func seconds(_ text: String) -> UInt64? {
        let unit = units.first { text.hasSuffix($0.letter) }
        let digits = unit == nil ? Substring(text) : text.dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = UInt64(digits) else {
            return nil
        }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit?.seconds ?? 1)
        return overflow ? nil : seconds
    }

    /// In the largest unit that says it exactly: 3600 is "1h", 5400 is "90m".
    public static func text(_ seconds: UInt32) -> String {
        let unit = units.first { UInt64(seconds) % $0.seconds == 0 } ?? ("s", 1)
        return seconds == 0 ? "0s" : "\(UInt64(seconds) / unit.seconds)\(unit.letter)"
    }
}
