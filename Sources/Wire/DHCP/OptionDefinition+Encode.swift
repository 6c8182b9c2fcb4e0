// SPDX-License-Identifier: Apache-2.0

import Addresses

extension OptionDefinition {
    /// The most octets that a setting may have, so that a reply can carry it beside what every reply needs.
    public static let valueBytesMax = 1024

    /// The octets of a setting. Kinds that hold several values take several items, or one item with commas; every
    /// kind takes "hex:01ff" as its one item, which is sent as it is.
    public func encode(_ items: [String]) throws(OptionValueError) -> [UInt8] {
        let bytes: [UInt8]
        if items.count == 1, items[0].hasPrefix(Self.hexPrefix) {
            bytes = try hex(items[0].dropFirst(Self.hexPrefix.count), of: items[0])
        } else {
            guard items.contains(where: { !$0.isEmpty }) else {
                throw OptionValueError("expected \(kind.phrase), got nothing", hint: example)
            }
            bytes = try octets(items)
        }
        guard bytes.count <= Self.valueBytesMax else {
            throw OptionValueError(
                "the value has \(bytes.count) octets; no reply can carry more than \(Self.valueBytesMax)",
                hint: "shorten the value of \(name)")
        }
        return bytes
    }

    static let hexPrefix = "hex:"

    private func octets(_ items: [String]) throws(OptionValueError) -> [UInt8] {
        switch kind {
        case .ipv4: return try address(single(items)).bytes
        case .ipv4List: return try each(items) { (item) throws(OptionValueError) in try address(item).bytes }
        case .ipv4Pairs: return try each(items) { (item) throws(OptionValueError) in try pair(item) }
        case .uint8: return [try integer(single(items), UInt8.self)]
        case .uint16: return try bigEndian(integer(single(items), UInt16.self))
        case .uint32: return try bigEndian(integer(single(items), UInt32.self))
        case .int32: return try bigEndian(integer(single(items), Int32.self))
        case .uint8List: return try each(items) { (item) throws(OptionValueError) in [try integer(item, UInt8.self)] }
        case .uint16List:
            return try each(items) { (item) throws(OptionValueError) in try bigEndian(integer(item, UInt16.self)) }
        case .boolean: return [try boolean(single(items))]
        case .text, .unknown: return try text(single(items))
        case .domainName:
            _ = try domainName(single(items))
            return try text(single(items))
        case .encodedDomainName: return DomainNames.encode([try domainName(single(items))], compressed: false)
        case .encodedDomainNames: return DomainNames.encode(try domainNames(items), compressed: false)
        case .searchList: return DomainNames.encode(try domainNames(items), compressed: true)
        case .classlessRoutes: return try each(items) { (item) throws(OptionValueError) in try route(item) }
        case .bytes: return try hex(single(items)[...], of: items[0])
        }
    }

    private func single(_ items: [String]) throws(OptionValueError) -> String {
        guard items.count <= 1 else {
            throw OptionValueError("\(name) takes one value, got \(items.count)", hint: example)
        }
        return items.first ?? ""
    }

    private func each(
        _ items: [String], _ octets: (Substring) throws(OptionValueError) -> [UInt8]
    ) throws(OptionValueError) -> [UInt8] {
        var bytes: [UInt8] = []
        for item in Self.split(items) { bytes += try octets(item) }
        return bytes
    }

    private static func split(_ items: [String]) -> [Substring] {
        items.flatMap { item in item.split(separator: ",", omittingEmptySubsequences: false).map(trimmed) }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: { $0 == " " })
        while text.last == " " { text.removeLast() }
        return text
    }

    private func address(_ item: some StringProtocol) throws(OptionValueError) -> IPv4Address {
        guard let address = IPv4Address(item) else { throw expected("an IPv4 address such as 10.0.0.1", item) }
        return address
    }

    private func pair(_ item: Substring) throws(OptionValueError) -> [UInt8] {
        let words = item.split(separator: " ")
        guard words.count == 2, let first = IPv4Address(words[0]), let second = IPv4Address(words[1]) else {
            throw expected(kind.phrase, item)
        }
        return first.bytes + second.bytes
    }

    private func integer<Value: FixedWidthInteger>(
        _ item: some StringProtocol, _ type: Value.Type
    ) throws(OptionValueError) -> Value {
        guard let value = Value(item) else {
            throw expected("a whole number from \(Value.min) to \(Value.max)", item)
        }
        return value
    }

    private func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        let width = value.bitWidth
        return stride(from: width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private func boolean(_ item: String) throws(OptionValueError) -> UInt8 {
        switch item {
        case "true": return 1
        case "false": return 0
        default: throw expected(kind.phrase, item)
        }
    }

    private func text(_ item: String) throws(OptionValueError) -> [UInt8] {
        guard item.utf8.allSatisfy(isPrintable) else { throw expected(kind.phrase, item) }
        return Array(item.utf8)
    }

    private func domainName(_ item: some StringProtocol) throws(OptionValueError) -> [String] {
        guard let labels = DomainNames.labels(item) else { throw expected("a domain name such as lab.example", item) }
        return labels
    }

    private func domainNames(_ items: [String]) throws(OptionValueError) -> [[String]] {
        var names: [[String]] = []
        for item in Self.split(items) { names.append(try domainName(item)) }
        return names
    }

    /// RFC 3442: the prefix length, the octets of the destination that it covers, the router.
    private func route(_ item: Substring) throws(OptionValueError) -> [UInt8] {
        let words = item.split(separator: " ")
        guard words.count == 2, let router = IPv4Address(words[1]) else { throw expected(kind.phrase, item) }
        guard let destination = IPv4Subnet(words[0]) else {
            throw expected("a destination without host bits, such as 10.0.0.0/8", words[0])
        }
        let covered = destination.address.bytes.prefix((destination.prefixLength + 7) / 8)
        return [UInt8(truncatingIfNeeded: destination.prefixLength)] + covered + router.bytes
    }

    private func hex(_ digits: Substring, of item: String) throws(OptionValueError) -> [UInt8] {
        guard let bytes = hexBytes(digits) else { throw expected("hex digits in pairs, such as hex:01ff", item) }
        return bytes
    }

    private func expected(_ what: String, _ item: some StringProtocol) -> OptionValueError {
        let shown = item.unicodeScalars.prefix(Self.shownCharactersMax).map { scalar in
            UInt8(exactly: scalar.value).map(isPrintable) == true ? Character(scalar) : "?"
        }
        return OptionValueError("expected \(what), got '\(String(shown))'", hint: example)
    }

    private var example: String { "write it as `\(name): \(kind.example)`" }
}

extension OptionKind {
    /// What a value of this kind is, after "expected".
    fileprivate var phrase: String {
        switch self {
        case .ipv4: "an IPv4 address such as 10.0.0.1"
        case .ipv4List: "IPv4 addresses such as 10.0.0.1"
        case .ipv4Pairs: "two IPv4 addresses such as '10.1.0.0 10.0.0.1'"
        case .uint8, .uint16, .uint32, .int32: "a whole number"
        case .uint8List, .uint16List: "whole numbers"
        case .boolean: "true or false"
        case .text: "text in printable ASCII"
        case .domainName, .encodedDomainName: "a domain name such as lab.example"
        case .encodedDomainNames, .searchList: "domain names such as lab.example"
        case .classlessRoutes: "a destination and a router such as '10.0.0.0/8 10.1.1.1'"
        case .bytes: "hex digits in pairs, such as hex:01ff"
        case .unknown: "hex digits such as hex:01ff, or text in printable ASCII"
        }
    }

    /// A value as it stands in YAML.
    fileprivate var example: String {
        switch self {
        case .ipv4: "10.0.0.1"
        case .ipv4List: "[10.0.0.1, 10.0.0.2]"
        case .ipv4Pairs: "[\"10.1.0.0 10.0.0.1\"]"
        case .uint8: "64"
        case .uint16: "1500"
        case .uint32, .int32: "3600"
        case .uint8List: "[1, 3, 6]"
        case .uint16List: "[68, 1500]"
        case .boolean: "true"
        case .text: "\"some text\""
        case .domainName, .encodedDomainName: "lab.example"
        case .encodedDomainNames, .searchList: "[lab.example, example.org]"
        case .classlessRoutes: "[\"10.0.0.0/8 10.1.1.1\"]"
        case .bytes, .unknown: "\"hex:01ff\""
        }
    }
}
