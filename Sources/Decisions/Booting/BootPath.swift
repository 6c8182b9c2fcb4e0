// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// A machine, and what the one who asks shows for being it.
public struct BootVisitor: Hashable, Sendable {
    public var mac: MACAddress
    /// As it stands in the path: nothing has been checked but its form.
    public var token: String?

    public init(mac: MACAddress, token: String? = nil) {
        self.mac = mac
        self.token = token
    }

    /// "52-54-00-12-34-56" or "52-54-00-12-34-56.TOKEN"; firmware may shout.
    init?(_ segment: String) {
        let parts = segment.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let mac = MACAddress(parts[0]), mac.hyphenated == parts[0].lowercased() else { return nil }
        let token = parts.count > 1 ? parts[1].lowercased() : nil
        guard token.map({ BootTokenText.isToken($0) }) ?? true else { return nil }
        self.init(mac: mac, token: token)
    }
}

/// What a path of the boot plane stands for. One parser for HTTP and TFTP.
public enum BootPath: Hashable, Sendable {
    /// A loader of the content set "ipxe", under a machine's own directory.
    case loader(MACAddress, ContentPath)
    /// "autoexec.ipxe" beside a machine's loader: the same script.
    case autoexec(BootVisitor)
    case script(BootVisitor)
    case answer(BootVisitor, name: String)
    case done(BootVisitor)
    case progress(BootVisitor, step: String)
    case content(ContentPath)
    /// "c/DIGEST": a file by its content, as nodes ask each other for it.
    case blob(Digest)
    /// The script that leads every machine to its own.
    case firstStage
    /// A small file that says that somebody serves here.
    case probe

    static let loaderSet = "ipxe/"
    private static let autoexecName = "autoexec.ipxe"
    public static let probeName = "probe"

    /// `path` is decoded and has no query; slashes at its beginning are ignored.
    public init(_ path: some StringProtocol) throws(ContentPath.Refusal) {
        let path = Substring(path)
        let name = try ContentPath(path[(path.utf8.firstIndex { $0 != UInt8(ascii: "/") } ?? path.endIndex)...])
        let segments = name.segments
        guard segments[0] != "b" else { self = try Self.machine(segments); return }
        if segments == [Self.autoexecName] || segments == ["boot.ipxe"] { self = .firstStage; return }
        if segments == [Self.probeName] { self = .probe; return }
        if segments.count == 2, segments[0] == "c", let digest = Digest(segments[1]) { self = .blob(digest); return }
        guard segments.count > 1 else { throw .noSet }
        self = .content(name)
    }

    private static func machine(_ segments: [String]) throws(ContentPath.Refusal) -> BootPath {
        guard segments.count > 1, let visitor = BootVisitor(segments[1]) else { throw .notAMachine }
        let rest = segments.dropFirst(3).joined(separator: "/")
        switch (segments.count, segments.count > 2 ? segments[2] : "") {
        case (2, _): return .script(visitor)
        case (3, "done"): return .done(visitor)
        case (4..., "a"): return .answer(visitor, name: rest)
        case (4..., "p"): return .progress(visitor, step: rest)
        default:
            if segments.last == autoexecName { return .autoexec(visitor) }
            return .loader(visitor.mac, try ContentPath(loaderSet + segments.dropFirst(2).joined(separator: "/")))
        }
    }

    /// The machine that the path belongs to; nil for what is everybody's.
    public var mac: MACAddress? {
        switch self {
        case .loader(let mac, _): mac
        case .autoexec(let visitor), .script(let visitor), .answer(let visitor, _), .done(let visitor),
            .progress(let visitor, _):
            visitor.mac
        case .content, .blob, .firstStage, .probe: nil
        }
    }
}

/// Tokens as they stand in paths.
public enum BootTokenText {
    /// Five bits a character, lower-case: no path has to be quoted for it, and it can be read out loud.
    public static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    static func isToken(_ text: some StringProtocol) -> Bool {
        text.utf8.count == Limits.bootTokenCharacters && text.utf8.allSatisfy { value($0) != nil }
    }

    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a")
        case UInt8(ascii: "2")...UInt8(ascii: "7"): byte - UInt8(ascii: "2") + 26
        default: nil
        }
    }

    /// For logs and timelines, which are shown to many and pasted into tickets: the text with "b/MAC.TOKEN" cut down
    /// to "b/MAC", whatever stands in the token's place.
    public static func removed(from text: String) -> String {
        // The MAC address in the path: twelve digits and five hyphens.
        let macBytes = 17
        guard text.utf8.contains(UInt8(ascii: ".")) else { return text }
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let dot = index + 2 + macBytes
            let isMachine =
                dot < bytes.count && bytes[dot] == UInt8(ascii: ".") && bytes[index] | 0x20 == UInt8(ascii: "b")
                && bytes[index + 1] == UInt8(ascii: "/") && (index == 0 || bytes[index - 1] == UInt8(ascii: "/"))
                && MACAddress(String(decoding: bytes[index + 2..<dot], as: UTF8.self)) != nil
            guard isMachine else {
                kept.append(bytes[index])
                index += 1
                continue
            }
            kept += bytes[index..<dot]
            index = dot + 1
            while index < bytes.count, isTokenByte(bytes[index]) { index += 1 }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
