// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What the check of a whole site found.
public struct SiteFindings: Hashable, Sendable {
    /// With any of these the site is refused.
    public var problems: [SiteProblem] = []
    /// Allowed, but probably not what the operator wants.
    public var warnings: [SiteProblem] = []

    public init() {}

    /// Keeps what an operator can read, and counts the rest.
    fileprivate mutating func cut() {
        problems = Self.cut(problems)
        warnings = Self.cut(warnings)
    }

    private static func cut(_ list: [SiteProblem]) -> [SiteProblem] {
        guard list.count > Limits.fieldErrorsMax else { return list }
        let rest = SiteProblem(field: "", message: "and \(list.count - Limits.fieldErrorsMax) more")
        return list.prefix(Limits.fieldErrorsMax) + [rest]
    }
}

/// What must hold between the objects of a site, and what is likely a slip. The order of findings is that of the site
/// file. Linear in the site's size, but for sorting.
public enum SiteValidation {
    /// `builtIn` are the environments and templates that OnDeck brings along: they may be referred to. `storeIsShared`:
    /// other nodes use the store too, so that leases bridge more. `failingEndpoints`: base URLs of which this node
    /// knows that they do not answer now, and why ("connection refused"). `nodeAddresses`: the addresses of the nodes
    /// that are known, and whose they are.
    public static func check(
        _ site: Site, builtIn: Site = Site(), storeIsShared: Bool = false, failingEndpoints: [String: String] = [:],
        nodeAddresses: [IPv4Address: String] = [:]
    ) -> SiteFindings {
        var check = SiteCheck(
            site: site, builtIn: builtIn, storeIsShared: storeIsShared, failingEndpoints: failingEndpoints,
            nodeAddresses: nodeAddresses)
        check.locations()
        check.networks()
        check.reservations()
        check.profiles()
        check.machines()
        check.logins()
        check.environments()
        check.images()
        check.parameters(site.parameters, at: "parameters")
        check.findings.cut()
        return check.findings
    }
}

/// A check under way.
struct SiteCheck {
    let site: Site
    let builtIn: Site
    let storeIsShared: Bool
    let failingEndpoints: [String: String]
    let nodeAddresses: [IPv4Address: String]
    let reservationsByNetwork: [String: [Reservation]]
    let machineMACs: Set<MACAddress>
    var findings = SiteFindings()

    init(
        site: Site, builtIn: Site, storeIsShared: Bool, failingEndpoints: [String: String],
        nodeAddresses: [IPv4Address: String]
    ) {
        self.site = site
        self.builtIn = builtIn
        self.storeIsShared = storeIsShared
        self.failingEndpoints = failingEndpoints
        self.nodeAddresses = nodeAddresses
        reservationsByNetwork = Dictionary(grouping: site.reservations.values, by: \.network)
        machineMACs = Set(site.machines.values.lazy.flatMap(\.macs))
    }

    mutating func refuse(_ field: String, _ message: String, hint: String? = nil) {
        findings.problems.append(SiteProblem(field: field, message: message, hint: hint))
    }

    mutating func warn(_ field: String, _ message: String, hint: String? = nil) {
        findings.warnings.append(SiteProblem(field: field, message: message, hint: hint))
    }

    // MARK: References

    mutating func environment(_ name: String, at field: String) {
        guard site.environments[name] == nil, builtIn.environments[name] == nil else { return }
        let known = Array(site.environments.keys) + builtIn.environments.keys
        refuse(field, "there is no environment \(name)", hint: Self.hint(known))
    }

    mutating func template(_ name: String, at field: String) {
        guard site.templates[name] == nil, builtIn.templates[name] == nil else { return }
        let known = Array(site.templates.keys) + builtIn.templates.keys
        refuse(field, "there is no template \(name)", hint: Self.hint(known))
    }

    /// Templates have some names for themselves.
    mutating func parameters(_ parameters: Parameters, at field: String) {
        for name in parameters.keys.sorted() where TemplateContext.reservedNames.contains(name) {
            refuse(
                "\(field).\(name)", "templates have \(name) for something else", hint: "call the parameter otherwise")
        }
    }

    static func hint(_ known: [String]) -> String {
        let names = Set(known).sorted()
        switch names.count {
        case 0: return "there is none at all"
        case 1...12: return "known: \(names.joined(separator: ", "))"
        default: return "known are \(names.count), such as \(names.prefix(5).joined(separator: ", "))"
        }
    }

    // MARK: Machines

    mutating func profiles() {
        for name in site.names(.profile) {
            guard let profile = site.profiles[name] else { continue }
            parameters(profile.parameters, at: "profiles.\(name).parameters")
        }
    }

    mutating func machines() {
        var machineByMAC: [MACAddress: String] = [:]
        var machineByUUID: [MachineUUID: String] = [:]
        for name in site.names(.machine) {
            guard let machine = site.machines[name] else { continue }
            let field = "machines.\(name)"
            for (index, mac) in machine.macs.enumerated() {
                if let other = machineByMAC.updateValue(name, forKey: mac) {
                    refuse("\(field).macs[\(index)]", "\(mac) is a MAC address of machines.\(other) too")
                }
            }
            if let uuid = machine.uuid, let other = machineByUUID.updateValue(name, forKey: uuid) {
                refuse("\(field).uuid", "\(uuid) is the UUID of machines.\(other) too")
            }
            for (index, profile) in machine.profiles.enumerated() where site.profiles[profile] == nil {
                let hint = Self.hint(Array(site.profiles.keys))
                refuse("\(field).profiles[\(index)]", "there is no profile \(profile)", hint: hint)
            }
            if let environment = machine.intent.environment { self.environment(environment, at: "\(field).intent") }
            parameters(machine.parameters, at: "\(field).parameters")
            if machine.macs.isEmpty, machine.uuid == nil {
                warn(field, "has no MAC address and no UUID: no machine will ever be this one")
            }
        }
    }

    // MARK: Environments

    mutating func environments() {
        for name in site.names(.environment) {
            guard let environment = site.environments[name] else { continue }
            let field = "environments.\(name)"
            switch environment.kind {
            case .kernel(let files):
                for architecture in Architecture.allCases {
                    guard let files = files[architecture] else { continue }
                    self.files(files, at: "\(field).kernel.\(architecture.rawValue)")
                }
            case .script(let template): self.template(template, at: "\(field).script")
            case .local, .shell: break
            }
            for (answer, template) in environment.answers.sorted(by: { $0.key < $1.key }) {
                self.template(template, at: "\(field).answers.\(answer)")
            }
            parameters(environment.parameters, at: "\(field).parameters")
        }
    }

    private mutating func files(_ files: BootEnvironment.Files, at field: String) {
        if let problem = ContentName.problem(files.kernel) {
            refuse("\(field).kernel", problem, hint: ContentName.rule)
        }
        for (index, initrd) in files.initrds.enumerated() {
            guard let problem = ContentName.problem(initrd) else { continue }
            refuse("\(field).initrds[\(index)]", problem, hint: ContentName.rule)
        }
    }
}
