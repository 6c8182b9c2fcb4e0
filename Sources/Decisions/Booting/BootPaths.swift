// SPDX-License-Identifier: Apache-2.0

import Addresses

/// The names and URLs under which one machine finds its boot files. `BootPath` reads them again.
public struct BootPaths: Hashable, Sendable {
    public var endpoint: BootEndpoint
    public var mac: MACAddress

    public init(endpoint: BootEndpoint, mac: MACAddress) {
        self.endpoint = endpoint
        self.mac = mac
    }

    /// "b/52-54-00-12-34-56"
    public var directory: String { "b/\(mac.hyphenated)" }
    /// The machine's iPXE script.
    public var scriptURL: String { "\(endpoint.base)/\(directory)" }
    public var answersURL: String { "\(scriptURL)/a" }
    public var doneURL: String { "\(scriptURL)/done" }
    /// Where progress is reported; a step's name follows after a slash.
    public var progressURL: String { "\(scriptURL)/p" }
    public func contentURL(_ name: String) -> String { "\(endpoint.base)/\(name)" }

    /// A loader's name by TFTP, in a directory of the machine's own: a newer iPXE then finds its autoexec.ipxe there,
    /// and needs no second DHCP round.
    func loaderName(_ content: String) -> String { "\(directory)/\(content.dropFirst(BootPath.loaderSet.count))" }
    func loaderURL(_ content: String) -> String { "\(endpoint.base)/\(loaderName(content))" }
    func loaderTFTPURL(_ content: String) -> String { "tftp://\(endpoint.address)/\(loaderName(content))" }
}

/// What a path of the boot plane stands for. One parser for HTTP and TFTP.
public enum BootPath: Hashable, Sendable {
    /// A loader of the content set "ipxe", under a machine's own directory.
    case loader(MACAddress, ContentPath)
    /// "autoexec.ipxe" beside a machine's loader: the same script.
    case autoexec(MACAddress)
    case script(MACAddress)
    case answer(MACAddress, name: String)
    case done(MACAddress)
    case progress(MACAddress, step: String)
    case content(ContentPath)
    /// The script that leads every machine to its own.
    case firstStage

    static let loaderSet = "ipxe/"
    private static let autoexecName = "autoexec.ipxe"

    /// `path` is decoded and has no query; slashes at its beginning are ignored.
    public init(_ path: some StringProtocol) throws(ContentPath.Refusal) {
        let name = try ContentPath(path.drop { $0 == "/" })
        let segments = name.segments
        guard segments[0] != "b" else { self = try Self.machine(segments); return }
        if segments == [Self.autoexecName] || segments == ["boot.ipxe"] { self = .firstStage; return }
        guard segments.count > 1 else { throw .noSet }
        self = .content(name)
    }

    private static func machine(_ segments: [String]) throws(ContentPath.Refusal) -> BootPath {
        guard segments.count > 1, let mac = MACAddress(segments[1]), mac.hyphenated == segments[1].lowercased() else {
            throw .notAMachine
        }
        let rest = segments.dropFirst(3).joined(separator: "/")
        switch (segments.count, segments.count > 2 ? segments[2] : "") {
        case (2, _): return .script(mac)
        case (3, "done"): return .done(mac)
        case (4..., "a"): return .answer(mac, name: rest)
        case (4..., "p"): return .progress(mac, step: rest)
        default:
            if segments.last == autoexecName { return .autoexec(mac) }
            return .loader(mac, try ContentPath(loaderSet + segments.dropFirst(2).joined(separator: "/")))
        }
    }

    /// The machine that the path belongs to; nil for content that is everybody's.
    public var mac: MACAddress? {
        switch self {
        case .loader(let mac, _), .autoexec(let mac), .script(let mac), .answer(let mac, _), .done(let mac),
            .progress(let mac, _):
            mac
        case .content, .firstStage: nil
        }
    }
}
