// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// A machine at the moment when it asks for a script or an answer file: who it is, where it is, and where we are.
public struct BootSubject: Sendable {
    public var mac: MACAddress
    /// Nil for a machine that no object names.
    public var machine: Machine?
    /// The machine's profiles, in its order.
    public var profiles: [Profile] = []
    public var network: Network?
    /// Its address in that network, from its reservation or lease.
    public var address: IPv4Address?
    /// Empty: not known.
    public var hostname = ""
    /// Parameters for every machine.
    public var global: Parameters = [:]
    public var endpoint: BootEndpoint
    /// For the script's URL, and for those of answers and reports. Nil: none.
    public var token: String?
    public var stageToken: String?

    public init(mac: MACAddress, endpoint: BootEndpoint) {
        self.mac = mac
        self.endpoint = endpoint
    }

    public var paths: BootPaths {
        BootPaths(endpoint: endpoint, mac: mac, token: token, stageToken: stageToken)
    }
    /// For the console: its name, or its MAC address.
    public var title: String { machine?.name ?? mac.description }
}

/// What templates see: parameters by their names, and the maps `machine`, `network`, `environment` and `url`, which no
/// parameter can hide. What is not known is not there.
public struct TemplateContext: Sendable {
    /// Where a text is used, and so how its URLs begin.
    public enum Use: Hashable, Sendable {
        /// In a script of ours: URLs follow the base that works, which iPXE has in its setting `base`.
        case kernelArguments
        /// Everywhere else: URLs are those of the first base.
        case text
    }

    /// How URLs begin in kernel arguments.
    public static let scriptBase = "${base}"

    public let values: Parameters
    public let resolution: ParameterResolution

    /// Names that parameters cannot have.
    public static let reservedNames: Set<String> = ["machine", "network", "environment", "url"]

    public init(_ subject: BootSubject, environment: BootEnvironment, for use: Use = .text) {
        resolution = ParameterResolution(
            machine: subject.machine, profiles: subject.profiles, network: subject.network, global: subject.global,
            environment: environment)
        let facts: Parameters = [
            "machine": .map(Self.machine(subject)),
            "network": .map(Self.network(subject)),
            "environment": .map(["name": .string(environment.name)]),
            "url": .map(Self.urls(subject.paths, use)),
        ]
        values = resolution.values.merging(facts) { $1 }
    }

    private static func machine(_ subject: BootSubject) -> Parameters {
        var map: Parameters = ["mac": .string("\(subject.mac)")]
        if let machine = subject.machine {
            map["name"] = .string(machine.name)
            if let uuid = machine.uuid { map["uuid"] = .string("\(uuid)") }
        }
        if let address = subject.address { map["address"] = .string("\(address)") }
        let hostname = subject.hostname.isEmpty ? subject.machine?.name ?? "" : subject.hostname
        if !hostname.isEmpty { map["hostname"] = .string(hostname) }
        return map
    }

    private static func network(_ subject: BootSubject) -> Parameters {
        guard let network = subject.network else { return [:] }
        var map: Parameters = ["name": .string(network.name)]
        let subnet =
            subject.address.flatMap(network.subnet(containing:))
            ?? (network.subnets.count == 1 ? network.subnets[0] : nil)
        if let subnet {
            map["netmask"] = .string("\(subnet.subnet.mask)")
            map["prefix"] = .integer(subnet.subnet.prefixLength)
            map["subnet"] = .string("\(subnet.subnet)")
        }
        func option(_ code: DHCPOptionCode) -> [UInt8]? {
            for options in [subnet?.options ?? [], network.options] {
                if let setting = options.first(where: { $0.code == code.rawValue }) { return setting.value }
            }
            return nil
        }
        let routers = addresses(option(.routers))
        if let first = routers.first { map["gateway"] = .string("\(first)") }
        let servers = addresses(option(.domainNameServers)).map { "\($0)" }
        if let first = servers.first {
            map["nameserver"] = .string(first)
            map["dns"] = .string(servers.joined(separator: " "))
            map["dnsServers"] = .list(servers.map(ParameterValue.string))
        }
        if let domain = option(.domainName) { map["domain"] = .string(String(decoding: domain, as: UTF8.self)) }
        return map
    }

    private static func addresses(_ value: [UInt8]?) -> [IPv4Address] {
        guard let value else { return [] }
        return stride(from: 0, to: value.count - 3, by: 4).map {
            IPv4Address(value[$0], value[$0 + 1], value[$0 + 2], value[$0 + 3])
        }
    }

    private static func urls(_ paths: BootPaths, _ use: Use) -> Parameters {
        let base = use == .kernelArguments ? scriptBase : paths.endpoint.base
        return [
            "base": .string(base),
            // All bases, whole, for those who can try one after the other; what comes behind them are the paths.
            "bases": .list(paths.endpoint.allBases.map(ParameterValue.string)),
            "path": .string(paths.stagePath),
            "scriptPath": .string(paths.scriptPath),
            "script": .string("\(base)/\(paths.scriptPath)"),
            "answers": .string("\(base)/\(paths.stagePath)/a"),
            "done": .string("\(base)/\(paths.stagePath)/done"),
            "progress": .string("\(base)/\(paths.stagePath)/p"),
            "content": .string(base),
        ]
    }
}
