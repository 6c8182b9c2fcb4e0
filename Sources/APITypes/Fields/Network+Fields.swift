// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension Network {
    private static let keys = [
        "mode", "nodes", "interface", "lease", "lease-max", "reserve", "authoritative", "identity", "unknown", "probe",
        "vip", "server-id", "boot-server", "location", "endpoints", "compatibility", "options", "parameters", "subnets",
    ]

    /// Words that other servers have for what is ours by another name.
    private static let advice = [
        "gateway": "set it in 'options': routers: [10.64.0.254]",
        "routers": "it goes into 'options'",
        "dns": "set it in 'options': domain-name-servers: [10.64.0.1]",
        "domain-name-servers": "it goes into 'options'",
        "domain-name": "it goes into 'options'",
        "endpoint": "did you mean 'endpoints'?",
        "site": "did you mean 'location'?",
        "next-server": "did you mean 'boot-server'?",
        "virtual-address": "did you mean 'vip'?",
        "virtual-ip": "did you mean 'vip'?",
        "valid-lifetime": "did you mean 'lease'?",
        "lease-time": "did you mean 'lease'?",
        "default-lease-time": "did you mean 'lease'?",
        "max-lease-time": "did you mean 'lease-max'?",
        "node": "write a list: nodes: [rack1-a, rack1-b]",
        "preferred-nodes": "did you mean 'nodes'?",
        "pools": "pools belong to a subnet: subnets: [{subnet: ..., pools: [...]}]",
        "subnet": "write a list: subnets: [{subnet: ...}]",
        "reservations": "reservations are a section of their own, each with its 'network'",
    ]

    init(name: String, _ reader: FieldReader) {
        self.init(name: name)
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return }
        fields.read("mode", into: &mode) { $0.choice() }
        fields.read("nodes", into: &preferredNodes) { $0.nodes() }
        fields.read("interface", into: &interface) { $0.interface() }
        readLease(fields)
        fields.read("reserve", into: &reserveSeconds) { $0.seconds(in: 0...Limits.leaseSecondsMax) }
        fields.read("authoritative", into: &authoritative) { $0.boolean() }
        fields.read("identity", into: &identity) { $0.choice() }
        fields.read("unknown", into: &unknown) { $0.name().map(UnknownPolicy.init(word:)) }
        fields.read("probe", into: &probe) { $0.boolean() }
        fields.read("vip", into: &virtualAddress) { $0.hostAddress() }
        fields.read("server-id", into: &serverIdentity) { $0.serverIdentity() }
        fields.read("boot-server", into: &bootServer) { $0.hostAddress() }
        fields.read("location", into: &location) { $0.name() }
        fields.read("endpoints", into: &endpoints) { $0.endpoints() }
        fields.read("compatibility", into: &compatibility) { list in
            list.list { $0.choice(Compatibility.self) }.map { Set($0) }
        }
        fields.read("options", into: &options) { $0.options() }
        fields.read("parameters", into: &parameters) { $0.parameters() }
        fields.read("subnets", into: &subnets) { $0.subnets() }
    }

    /// `lease-max` is `lease` unless it is given.
    private mutating func readLease(_ fields: FieldReader.Fields) {
        let allowed = Limits.leaseSecondsMin...Limits.leaseSecondsMax
        fields.read("lease", into: &leaseSeconds) { $0.seconds(in: allowed) }
        leaseSecondsMax = leaseSeconds
        guard let reader = fields["lease-max"], let longest = reader.seconds(in: allowed) else { return }
        leaseSecondsMax = longest
        guard longest < leaseSeconds else { return }
        reader.fail("\(TimeSpan.text(longest)) is shorter than lease, \(TimeSpan.text(leaseSeconds))")
        leaseSecondsMax = leaseSeconds
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("mode", mode, unless: .dynamic)
        map.write("nodes", list: preferredNodes)
        map.write("interface", interface)
        if leaseSeconds != Limits.leaseSecondsDefault { map.write("lease", TimeSpan.text(leaseSeconds)) }
        if leaseSecondsMax != leaseSeconds { map.write("lease-max", TimeSpan.text(leaseSecondsMax)) }
        map.write("reserve", reserveSeconds.map(TimeSpan.text))
        map.write("authoritative", authoritative, unless: true)
        map.write("identity", identity, unless: .mac)
        if unknown != .ignore { map.write("unknown", unknown.word) }
        map.write("probe", probe, unless: true)
        map.write("vip", virtualAddress)
        map.write("server-id", serverIdentity.word)
        map.write("boot-server", bootServer)
        map.write("location", location)
        map.write("endpoints", list: endpoints.map(\.word))
        map.write("compatibility", list: Compatibility.allCases.filter(compatibility.contains).map(\.rawValue))
        map.write("options", map: FieldMap(options: options))
        map.write("parameters", map: FieldMap(parameters))
        if !subnets.isEmpty { map.write("subnets", .list(subnets.map(\.fields))) }
        return .map(map)
    }
}

extension UnknownPolicy {
    /// Environments cannot have these names.
    static let words = ["ignore", "lease"]

    init(word: String) {
        switch word {
        case "ignore": self = .ignore
        case "lease": self = .lease
        default: self = .environment(word)
        }
    }

    var word: String {
        switch self {
        case .ignore: "ignore"
        case .lease: "lease"
        case .environment(let name): name
        }
    }
}

extension ServerIdentity {
    /// Nil: the default, which is not written.
    fileprivate var word: String? {
        switch self {
        case .node: nil
        case .vip: "vip"
        case .address(let address): "\(address)"
        }
    }
}

extension FieldReader {
    fileprivate func serverIdentity() -> ServerIdentity? {
        switch value.content {
        case .string("node"): return .node
        case .string("vip"): return .vip
        case .string(let text) where IPv4Address(text) != nil: return hostAddress().map { .address($0) }
        default:
            failExpected("node, vip or an address such as 10.64.0.20")
            return nil
        }
    }

    fileprivate func subnets() -> [Subnet]? {
        guard let elements = elements() else { return nil }
        guard elements.count <= Limits.subnetsPerNetworkMax else {
            fail("has \(elements.count) subnets; at most \(Limits.subnetsPerNetworkMax) are allowed")
            return nil
        }
        return elements.compactMap(Subnet.init)
    }

    /// An address that one host can have.
    fileprivate func hostAddress() -> IPv4Address? {
        guard let address = address() else { return nil }
        if address.isAny || address.isBroadcast || address.isMulticast {
            fail("\(address) is not the address of a host")
            return nil
        }
        return address
    }
}
