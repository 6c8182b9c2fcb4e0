// SPDX-License-Identifier: Apache-2.0

import Addresses

/// What can stand in a log line and in a setting as it is.
func isPrintable(_ octet: UInt8) -> Bool { (0x20...0x7e).contains(octet) }

extension OptionDefinition {
    /// The items that `encode` makes these octets of. Octets that are no value of this kind are one item of hex, so
    /// that nothing is lost; names of a search list may come out of other octets than `encode` makes.
    public func format(_ value: some Collection<UInt8>) -> [String] {
        let bytes = Array(value)
        return items(bytes) ?? [Self.hexPrefix + hexText(bytes)]
    }

    private func items(_ bytes: [UInt8]) -> [String]? {
        switch kind {
        case .ipv4: bytes.count == 4 ? [Self.address(bytes[...])] : nil
        case .ipv4List: Self.chunks(bytes, of: 4)?.map(Self.address)
        case .ipv4Pairs:
            Self.chunks(bytes, of: 8)?.map { "\(Self.address($0.prefix(4))) \(Self.address($0.suffix(4)))" }
        case .uint8: Self.integer(bytes, UInt8.self)
        case .uint16: Self.integer(bytes, UInt16.self)
        case .uint32: Self.integer(bytes, UInt32.self)
        case .int32: bytes.count == 4 ? ["\(Int32(truncatingIfNeeded: Self.number(bytes[...])))"] : nil
        case .uint8List: bytes.isEmpty ? nil : bytes.map(String.init)
        case .uint16List: Self.chunks(bytes, of: 2)?.map { "\(Self.number($0))" }
        case .boolean: bytes == [1] ? ["true"] : bytes == [0] ? ["false"] : nil
        case .text: Self.text(bytes)
        case .domainName: Self.text(bytes).flatMap { DomainNames.labels($0[0]) == nil ? nil : $0 }
        case .encodedDomainName: DomainNames.decode(bytes, compressed: false).flatMap { $0.count == 1 ? $0 : nil }
        case .encodedDomainNames: DomainNames.decode(bytes, compressed: false)
        case .searchList: DomainNames.decode(bytes, compressed: true)
        case .classlessRoutes: Self.routes(bytes)
        case .bytes: nil
        case .unknown: bytes.count >= Self.unknownTextBytesMin ? Self.text(bytes) : nil
        }
    }

    /// A shorter value of an unknown option is more often a number that happens to be printable.
    private static let unknownTextBytesMin = 4

    private static func chunks(_ bytes: [UInt8], of size: Int) -> [ArraySlice<UInt8>]? {
        guard !bytes.isEmpty, bytes.count.isMultiple(of: size) else { return nil }
        return stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<($0 + size)] }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    private static func address(_ bytes: ArraySlice<UInt8>) -> String {
        IPv4Address(bits: number(bytes)).description
    }

    private static func integer<Value: FixedWidthInteger>(_ bytes: [UInt8], _ type: Value.Type) -> [String]? {
        bytes.count * 8 == Value.bitWidth ? ["\(number(bytes[...]))"] : nil
    }

    private static func text(_ bytes: [UInt8]) -> [String]? {
        guard !bytes.isEmpty, bytes.allSatisfy(isPrintable) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix(hexPrefix) ? nil : [text]
    }

    private static func routes(_ bytes: [UInt8]) -> [String]? {
        var routes: [String] = []
        var offset = 0
        while offset < bytes.count {
            let prefixLength = Int(bytes[offset])
            let covered = (prefixLength + 7) / 8
            let end = offset + 1 + covered + 4
            guard prefixLength <= 32, end <= bytes.count else { return nil }
            let octets = bytes[(offset + 1)..<(offset + 1 + covered)] + [UInt8](repeating: 0, count: 4 - covered)
            let destination = IPv4Address(bits: number(octets))
            let subnet = IPv4Subnet(containing: destination, prefixLength: prefixLength)
            guard subnet.address == destination else { return nil }
            routes.append("\(subnet) \(address(bytes[(end - 4)..<end]))")
            offset = end
        }
        return routes.isEmpty ? nil : routes
    }
}
