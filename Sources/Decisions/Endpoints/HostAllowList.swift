// SPDX-License-Identifier: Apache-2.0

/// The names under which clients may reach this node. A `Host` header is the client's word: only a name that the
/// operator has written down is ever put into a URL.
public struct HostAllowList: Hashable, Sendable {
    private let names: Set<String>

    /// "boot.example.com": on any port; "boot.example.com:8443": on that one. Case does not matter.
    public init(_ names: [String] = []) { self.names = Set(names.map { $0.lowercased() }) }

    public var isEmpty: Bool { names.isEmpty }

    public func allows(_ host: HostName) -> Bool { names.contains(host.name) || names.contains(host.description) }

    /// The header's host, if it is on the list.
    public func accept(_ header: String) -> HostName? { HostName(header).flatMap { allows($0) ? $0 : nil } }
}

/// The host of a URL, with its port where one is written (RFC 3986 3.2). Names and IPv4 addresses only.
public struct HostName: Hashable, Sendable, CustomStringConvertible {
    private static let bytesMax = 255

    /// In lower case.
    public let name: String
    public var port: UInt16?

    /// Nil for anything but letters, digits, hyphens, dots and underscores, and a port.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = halves.first?.lowercased(), !name.isEmpty, name.utf8.count <= Self.bytesMax,
            name.utf8.allSatisfy(Self.isPart), name.utf8.contains(where: { $0 != UInt8(ascii: ".") })
        else { return nil }
        self.name = name
        guard halves.count > 1 else { return }
        guard let port = Self.port(halves[1]) else { return nil }
        self.port = port
    }

    public var description: String { port.map { "\(name):\($0)" } ?? name }

    /// Digits only: `UInt16` alone would take "+80".
    public static func port(_ text: some StringProtocol) -> UInt16? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt16(text).flatMap { $0 == 0 ? nil : $0 }
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
