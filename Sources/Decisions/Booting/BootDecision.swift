// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Which of a boot client's conversations the answer belongs to.
public enum BootExchange: Hashable, Sendable {
    /// With the address: OFFER, ACK or BOOTREPLY on port 67.
    case lease
    /// Beside another server's address: an OFFER on port 67 without one (PXE 2.1, "proxyDHCP").
    case proxyOffer
    /// The ACK to a request on port 4011.
    case bootServer
}

/// Everything that decides what a client is to boot.
public struct BootQuestion: Sendable {
    public let request: DHCPRequest
    public let firmware: FirmwareClass
    public var exchange: BootExchange
    public var permission: BootPermission
    public var network: Network
    /// The environment that the permission names; nil when it does not exist, or when it names none.
    public var environment: BootEnvironment?
    public var endpoint: BootEndpoint
    /// Content names of the boot loaders that can be served from here, out of `ClientArchitecture.everyLoader`.
    public var loaders: Set<String>
    /// Makes the token for a script's URL (`BootGate.tokenIntent` is what it is bound to); called only when the answer
    /// is a script. Nil: no token.
    public var mintToken: (@Sendable () -> String)?

    public init(
        request: DHCPRequest, exchange: BootExchange = .lease, permission: BootPermission, network: Network,
        environment: BootEnvironment?, endpoint: BootEndpoint, loaders: Set<String>
    ) {
        self.request = request
        firmware = FirmwareClass(request)
        self.exchange = exchange
        self.permission = permission
        self.network = network
        self.environment = environment
        self.endpoint = endpoint
        self.loaders = loaders
    }
}

public enum BootAnswer: Hashable, Sendable {
    /// No boot file; the reply stays as it is.
    case none(NoBoot)
    /// A program that then asks again.
    case loader(BootReply)
    /// The machine's iPXE script.
    case script(BootReply)

    public var reply: BootReply? {
        switch self {
        case .none: nil
        case .loader(let reply), .script(let reply): reply
        }
    }
}

/// Why a client gets no boot file.
public enum NoBoot: Hashable, Sendable, CustomStringConvertible {
    case notABootClient
    case local(BootGate.Reason)
    case refused(BootGate.Reason)
    /// The environment is "from disk".
    case environmentIsLocal(String)
    case environmentMissing(String)
    /// The environment has no files for such a machine.
    case environmentLacks(String, ClientArchitecture)
    case noHardwareAddress
    case raspberryPi
    case unknownArchitecture(UInt16?)
    /// There is no loader for such a machine anywhere.
    case noLoader(ClientArchitecture)
    /// There is one, and no content set of this node has it.
    case loaderMissing([String])

    public var description: String {
        switch self {
        case .notABootClient: "it is not a boot client"
        case .local(let reason), .refused(let reason): "\(reason)"
        case .environmentIsLocal(let name): "environment \(name) is the machine's own disk"
        case .environmentMissing(let name): "there is no environment \(name)"
        case .environmentLacks(let name, let architecture): "environment \(name) has no files for \(architecture)"
        case .noHardwareAddress: "it has no MAC address to make a URL of"
        case .raspberryPi: "a Raspberry Pi boots in a way of its own, which is not supported yet"
        case .unknownArchitecture(let code?): "architecture \(code) is not assigned; is the firmware newer than this?"
        case .unknownArchitecture(nil): "it does not say what architecture it has (option 93)"
        case .noLoader(let architecture): "there is no boot loader for \(architecture)"
        case .loaderMissing(let names): "no content set has a loader for it: \(names.joined(separator: " or "))"
        }
    }
}

/// What to boot, decided in the order of the rules; each step that was taken goes to `trace`.
public enum BootDecision {
    public static func decide(_ question: BootQuestion, trace: inout [BootStep]?) -> BootAnswer {
        trace?.append(.firmware(question.firmware))
        guard question.firmware != .none else { return refuse(.notABootClient, &trace) }
        trace?.append(.gate(question.permission))
        if let reason = obstacle(question) { return refuse(reason, &trace) }
        if let environment = question.environment { trace?.append(.environment(environment.name)) }
        guard let mac = question.request.mac else { return refuse(.noHardwareAddress, &trace) }
        let paths = BootPaths(endpoint: question.endpoint, mac: mac)
        switch question.firmware {
        case .none: return refuse(.notABootClient, &trace)
        case .unknown(let code): return refuse(.unknownArchitecture(code), &trace)
        case .ipxe(let client): return ipxe(client, question, paths, &trace)
        case .httpBoot(let architecture):
            return loader(architecture, question, &trace) { .http(paths.loaderURL($0)) }
        case .pxe(let architecture):
            return loader(architecture, question, &trace) { .tftp(paths.loaderName($0), architecture) }
        }
    }

    private static func refuse(_ reason: NoBoot, _ trace: inout [BootStep]?) -> BootAnswer {
        trace?.append(.nothing(reason))
        return .none(reason)
    }

    /// What the gate, the environment and the kind of machine have against a boot; nil: nothing.
    private static func obstacle(_ question: BootQuestion) -> NoBoot? {
        switch question.permission {
        case .local(let reason): return .local(reason)
        case .refuse(let reason): return .refused(reason)
        case .hold: break
        case .boot(let name, _):
            guard let environment = question.environment else { return .environmentMissing(name) }
            if environment.kind == .local { return .environmentIsLocal(name) }
            if let architecture = question.firmware.architecture, !environment.suits(architecture) {
                return .environmentLacks(name, architecture)
            }
        }
        return Quirk.raspberryPi.applies(to: question) ? .raspberryPi : nil
    }

    /// iPXE gets its script as soon as it can load one. It never gets the loader that it may itself be, so that no
    /// two loaders start each other for ever.
    private static func ipxe(
        _ client: IPXEClient, _ question: BootQuestion, _ paths: BootPaths, _ trace: inout [BootStep]?
    ) -> BootAnswer {
        if client.isOwn || client.features.contains(.http) {
            var paths = paths
            paths.token = question.mintToken?()
            let reply = BootReply(.script(paths.scriptURL), question, &trace)
            trace?.append(.script(paths.scriptURL))
            return .script(reply)
        }
        guard let architecture = client.architecture else { return refuse(.unknownArchitecture(nil), &trace) }
        return loader(architecture, question, &trace) { .chain(paths.loaderTFTPURL($0)) }
    }

    private static func loader(
        _ architecture: ClientArchitecture, _ question: BootQuestion, _ trace: inout [BootStep]?,
        file: (String) -> BootFile
    ) -> BootAnswer {
        var wanted = architecture.loaders
        if Quirk.undionlyOnROM.applies(to: question) {
            trace?.append(.quirk(.undionlyOnROM))
            wanted.removeAll { $0.hasPrefix("ipxe/undionly") }
        }
        guard !wanted.isEmpty else { return refuse(.noLoader(architecture), &trace) }
        guard let name = wanted.first(where: question.loaders.contains) else {
            return refuse(.loaderMissing(wanted), &trace)
        }
        trace?.append(.loader(name))
        return .loader(BootReply(file(name), question, &trace))
    }
}

extension BootEnvironment {
    /// Whether such a machine can boot it. Scripts decide for themselves.
    public func suits(_ architecture: ClientArchitecture) -> Bool {
        guard case .kernel(let files) = kind else { return true }
        return architecture.bootableArchitectures.contains { files[$0] != nil }
    }

    /// The kernel and the initrds that such a machine fetches, as they are named; nil: a machine of any architecture.
    public func fileNames(for architecture: ClientArchitecture?) -> [String] {
        guard case .kernel(let files) = kind else { return [] }
        let wanted = architecture.map(\.bootableArchitectures) ?? Architecture.allCases
        let sets = wanted.compactMap { files[$0] }
        return (architecture == nil ? sets : Array(sets.prefix(1))).flatMap { [$0.kernel] + $0.initrds }
    }
}
