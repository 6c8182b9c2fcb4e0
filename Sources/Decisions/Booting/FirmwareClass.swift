// SPDX-License-Identifier: Apache-2.0

import Model
import Wire

/// What kind of boot client a request comes from.
public enum FirmwareClass: Hashable, Sendable, CustomStringConvertible {
    /// No network boot: an operating system, an installer, a telephone.
    case none
    /// Option 60 "PXEClient": it loads files by TFTP.
    case pxe(ClientArchitecture)
    /// Option 60 "HTTPClient" (UEFI 2.5): it loads a URL.
    case httpBoot(ClientArchitecture)
    /// iPXE of any origin. The architecture is nil where option 93 says nothing that is known.
    case ipxe(IPXEClient)
    /// A boot client of an architecture that IANA has not assigned; nil: it names none at all.
    case unknown(code: UInt16?)

    public init(_ request: DHCPRequest) {
        let options = request.options
        let vendorClass = options[.vendorClass] ?? []
        let isPXE = vendorClass.starts(with: Self.pxeClient)
        let isHTTP = vendorClass.starts(with: Self.httpClient)
        if let client = IPXEClient(options) {
            self = .ipxe(client)
        } else if isPXE || isHTTP {
            let named = ArchitectureList(options, vendorClass: vendorClass)
            guard let architecture = named.firstKnown else { self = .unknown(code: named.first); return }
            self = isHTTP ? .httpBoot(architecture) : .pxe(architecture)
        } else {
            self = .none
        }
    }

    static let pxeClient = Array("PXEClient".utf8)
    static let httpClient = Array("HTTPClient".utf8)

    /// The architecture, where it is known.
    public var architecture: ClientArchitecture? {
        switch self {
        case .pxe(let architecture), .httpBoot(let architecture): architecture
        case .ipxe(let client): client.architecture
        case .none, .unknown: nil
        }
    }

    public var description: String {
        switch self {
        case .none: "no network boot"
        case .pxe(let architecture): "PXE, \(architecture)"
        case .httpBoot(let architecture): "HTTP boot, \(architecture)"
        case .ipxe(let client): client.description
        case .unknown(let code?): "a boot client of the unknown architecture \(code)"
        case .unknown(nil): "a boot client that does not name its architecture"
        }
    }
}

/// What iPXE tells about itself: options 77, 93 and 175.
public struct IPXEClient: Hashable, Sendable, CustomStringConvertible {
    public var architecture: ClientArchitecture?
    public var features: IPXEFeatures
    /// It sends our own user class: a build of the operator's that is known to be able.
    public var isOwn = false

    public init(architecture: ClientArchitecture?, features: IPXEFeatures, isOwn: Bool = false) {
        self.architecture = architecture
        self.features = features
        self.isOwn = isOwn
    }

    static let userClass = Array("iPXE".utf8)
    static let ownUserClass = Array("OnDeck".utf8)

    /// Nil when the options are not iPXE's. A build with a user class of its own still sends option 175.
    init?(_ options: DHCPOptions) {
        let userClass = options[.userClass]
        let encapsulated = options[.ipxeEncapsulated]
        let isOwn = userClass.map { UserClass.contains(Self.ownUserClass, in: $0) } ?? false
        let features = encapsulated.map(IPXEFeatures.init) ?? IPXEFeatures()
        let isNamed = userClass.map { UserClass.contains(Self.userClass, in: $0) } ?? false
        guard isOwn || isNamed || encapsulated != nil else { return nil }
        self.init(
            architecture: ArchitectureList(options, vendorClass: options[.vendorClass] ?? []).firstKnown,
            features: features, isOwn: isOwn)
    }

    public var description: String {
        "iPXE, \(architecture.map { "\($0)" } ?? "unknown architecture"), features \(features)"
    }
}

/// Option 77. RFC 3004 wants a list of length-prefixed classes; iPXE sends the bare characters.
enum UserClass {
    static func contains(_ name: [UInt8], in value: ArraySlice<UInt8>) -> Bool {
        if value.elementsEqual(name) { return true }
        var rest = value
        while let length = rest.first {
            let item = rest.dropFirst().prefix(Int(length))
            guard item.count == Int(length) else { return false }
            if item.elementsEqual(name) { return true }
            rest = rest.dropFirst(1 + Int(length))
        }
        return false
    }
}

/// The features that iPXE lists in option 175 (its src/include/ipxe/features.h): one sub-option each, 0x10-0x3f here.
public struct IPXEFeatures: Hashable, Sendable, CustomStringConvertible {
    private var bits: UInt64 = 0

    public init() {}

    /// Reads sub-options until the value ends, also in the middle of one.
    public init(_ value: ArraySlice<UInt8>) {
        var rest = value
        while let code = rest.first, code != 0xff {
            if code == 0 { rest = rest.dropFirst(); continue }
            guard let length = rest.dropFirst().first, rest.count >= 2 + Int(length) else { return }
            if (0x10..<0x40).contains(code), length > 0, rest[rest.startIndex + 2] != 0 { bits |= 1 << UInt64(code) }
            rest = rest.dropFirst(2 + Int(length))
        }
    }

    public init(_ features: [Feature]) {
        for feature in features { bits |= 1 << UInt64(feature.rawValue) }
    }

    public enum Feature: UInt8, Sendable, CaseIterable {
        case pxeExtensions = 0x10, iscsi, aoe, http, https, tftp, ftp, dns, bzImage, multiboot, slam, srp
        case nbi = 0x20, pxe, elf, comboot, efi, fcoe, vlan, menu, sdi, nfs
    }

    public var isEmpty: Bool { bits == 0 }
    public func contains(_ feature: Feature) -> Bool { bits >> UInt64(feature.rawValue) & 1 == 1 }

    public var description: String {
        let names = Feature.allCases.filter(contains).map { "\($0)" }
        return names.isEmpty ? "none listed" : names.joined(separator: " ")
    }
}

/// Option 93's values in the client's order; without it, the one that option 60 spells out ("...:Arch:00007:...").
struct ArchitectureList {
    let first: UInt16?
    let firstKnown: ClientArchitecture?

    init(_ options: DHCPOptions, vendorClass: ArraySlice<UInt8>) {
        guard let value = options[.clientArchitecture], value.count >= 2 else {
            first = Self.spelled(vendorClass)
            firstKnown = first.flatMap(ClientArchitecture.init(code:))
            return
        }
        var codes = stride(from: value.startIndex, to: value.endIndex - 1, by: 2).lazy
            .map { UInt16(value[$0]) << 8 | UInt16(value[$0 + 1]) }.makeIterator()
        var code = codes.next()
        first = code
        while let candidate = code, ClientArchitecture(code: candidate) == nil { code = codes.next() }
        firstKnown = code.flatMap(ClientArchitecture.init(code:))
    }

    private static func spelled(_ vendorClass: ArraySlice<UInt8>) -> UInt16? {
        let fields = vendorClass.split(separator: UInt8(ascii: ":"))
        guard let label = fields.firstIndex(where: { $0.elementsEqual("Arch".utf8) }), label + 1 < fields.count else {
            return nil
        }
        return UInt16(String(decoding: fields[label + 1], as: UTF8.self))
    }
}
