// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// The file that a client is told to load.
enum BootFile {
    /// A name on our TFTP server, for firmware.
    case tftp(String, ClientArchitecture)
    /// A URL, for firmware that boots by HTTP.
    case http(String)
    /// A tftp URL, for an iPXE that cannot do HTTP.
    case chain(String)
    /// The script's URL, for iPXE.
    case script(String)

    var text: String {
        switch self {
        case .tftp(let text, _), .http(let text), .chain(let text), .script(let text): text
        }
    }
}

/// The boot data of one reply: fields and options (rules: where each kind of client looks for them).
public struct BootReply: Hashable, Sendable {
    /// "siaddr"; GRUB and shim read it in the ACK.
    public var nextServer: IPv4Address
    /// The file's name or URL, without a NUL.
    public var bootFile: String
    /// Options 60, 43, 66, 67, 97 and 175, as far as this client needs them.
    public var options: DHCPOptions

    /// Puts the boot data into a reply, in place of what it had of the same options.
    public func apply(to reply: inout DHCPReply) {
        reply.nextServer = nextServer
        if bootFile.utf8.count <= Self.fileBytesMax { reply.bootFile = Array(bootFile.utf8) }
        var merged = DHCPOptions()
        for (code, value) in reply.options where !options.contains(code) { merged.append(code, value) }
        for (code, value) in options { merged.append(code, value) }
        reply.options = merged
    }

    /// The `file` field has 128 octets, the last of them NUL (RFC 2131 2).
    static let fileBytesMax = 127

    init(_ file: BootFile, _ question: BootQuestion, _ trace: inout [BootStep]?) {
        nextServer = question.endpoint.address
        bootFile = file.text
        options = DHCPOptions()
        let asked = question.request.parameterRequestList
        appendVendor(file, question, &trace)
        if asked.contains(DHCPOptionCode.tftpServerName.rawValue) {
            options.append(.tftpServerName, "\(nextServer)".utf8)
        }
        appendFileName(file, isAsked: asked.contains(DHCPOptionCode.bootFileName.rawValue), question, &trace)
        // RFC 4578 2.3 and PXE 2.1: the server sends back what identified the client.
        if let uuid = question.request.options[.clientUUID] { options.append(.clientUUID, uuid) }
        appendIPXE(file, question.exchange)
    }

    /// Options 60 and 43, which only make sense together.
    private mutating func appendVendor(_ file: BootFile, _ question: BootQuestion, _ trace: inout [BootStep]?) {
        if case .http = file {
            options.append(.vendorClass, FirmwareClass.httpClient)
            return
        }
        let isPaired = Quirk.biosDiscoveryOff.applies(to: question)
        if isPaired { trace?.append(.quirk(.biosDiscoveryOff)) }
        if Quirk.uefiNeedsNoVendorClass.applies(to: question) {
            trace?.append(.quirk(.uefiNeedsNoVendorClass))
            return
        }
        guard isPaired || question.exchange != .lease else { return }
        options.append(.vendorClass, FirmwareClass.pxeClient)
        let isSwitchedOn = question.exchange == .proxyOffer && question.network.allows(.proxyBootServerDiscoveryOff)
        let item = question.exchange == .bootServer ? PXEVendorOptions.bootItem(question.request) : nil
        if isPaired || isSwitchedOn || item != nil {
            options.append(
                .vendorInformation, PXEVendorOptions.encode(isDiscoveryOff: isPaired || isSwitchedOn, bootItem: item))
        }
    }

    private mutating func appendFileName(
        _ file: BootFile, isAsked: Bool, _ question: BootQuestion, _ trace: inout [BootStep]?
    ) {
        let isTooLong = bootFile.utf8.count > Self.fileBytesMax
        if case .http = file {
            options.append(.bootFileName, bootFile.utf8)
        } else if Quirk.nulAfterBootFileName.applies(to: question) {
            guard isAsked || isTooLong else { return }
            trace?.append(.quirk(.nulAfterBootFileName))
            options.append(.bootFileName, Array(bootFile.utf8) + [0])
        } else if isAsked || isTooLong {
            options.append(.bootFileName, bootFile.utf8)
        }
    }

    /// iPXE prefers the offer with the higher priority, and waits 2 s for a proxy unless the offer that brings the
    /// address says that there is none (its src/net/udp/dhcp.c).
    private mutating func appendIPXE(_ file: BootFile, _ exchange: BootExchange) {
        switch file {
        case .tftp, .http: return
        case .chain, .script: break
        }
        let priority: [UInt8] = [0x01, 1, 1]
        let isWithoutProxy: [UInt8] = exchange == .lease ? [0xb0, 1, 1] : []
        options.append(.ipxeEncapsulated, priority + isWithoutProxy)
    }
}

/// Option 43 as PXE 2.1 uses it (table 2-2).
enum PXEVendorOptions {
    private static let discoveryControl: UInt8 = 6
    private static let bootItem: UInt8 = 71

    /// `isDiscoveryOff`: "use the boot file that came with this, and look for no boot server".
    static func encode(isDiscoveryOff: Bool, bootItem item: [UInt8]?) -> [UInt8] {
        var bytes: [UInt8] = []
        if isDiscoveryOff { bytes += [discoveryControl, 1, 8] }
        if let item { bytes += [bootItem, UInt8(item.count)] + item }
        return bytes + [0xff]
    }

    /// The boot item that a client asks a boot server for; the answer repeats it.
    static func bootItem(_ request: DHCPRequest) -> [UInt8]? {
        var rest = request.options[.vendorInformation] ?? []
        while let code = rest.first, code != 0xff {
            if code == 0 { rest = rest.dropFirst(); continue }
            guard let length = rest.dropFirst().first, rest.count >= 2 + Int(length) else { return nil }
            if code == bootItem { return Array(rest.dropFirst(2).prefix(Int(length))) }
            rest = rest.dropFirst(2 + Int(length))
        }
        return nil
    }
}
