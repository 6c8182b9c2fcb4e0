// SPDX-License-Identifier: Apache-2.0

/// The kinds of object that a site is made of. The raw value is the word in files, URLs, keys and commands.
public enum ObjectKind: String, Sendable, CaseIterable, Comparable {
    case location, network, reservation, profile, machine, environment, template, image
    /// Parameters for every machine; one object, named "global".
    case parameters

    /// The word in a site file and in an URL.
    public var plural: String {
        switch self {
        case .parameters: "parameters"
        default: rawValue + "s"
        }
    }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    public static func < (a: Self, b: Self) -> Bool { a.order < b.order }
}

/// One object of the site.
public enum SiteObject: Hashable, Sendable {
    case location(Location)
    case network(Network)
    case reservation(Reservation)
    case profile(Profile)
    case machine(Machine)
    case environment(BootEnvironment)
    case template(Template)
    case image(ImagePolicy)
    case parameters(Parameters)

    public var kind: ObjectKind {
        switch self {
        case .location: .location
        case .network: .network
        case .reservation: .reservation
        case .profile: .profile
        case .machine: .machine
        case .environment: .environment
        case .template: .template
        case .image: .image
        case .parameters: .parameters
        }
    }

    /// The name within its kind. A reservation's is "NETWORK/ADDRESS", which says what must be unique.
    public var name: String {
        switch self {
        case .location(let x): x.name
        case .network(let x): x.name
        case .reservation(let x): "\(x.network)/\(x.address)"
        case .profile(let x): x.name
        case .machine(let x): x.name
        case .environment(let x): x.name
        case .template(let x): x.name
        case .image(let x): x.name
        case .parameters: "global"
        }
    }
}

/// What an operator has described, object by object: the value of a site file, or of the whole store.
public struct Site: Hashable, Sendable {
    public var locations: [String: Location] = [:]
    public var networks: [String: Network] = [:]
    /// By "NETWORK/ADDRESS".
    public var reservations: [String: Reservation] = [:]
    public var profiles: [String: Profile] = [:]
    public var machines: [String: Machine] = [:]
    public var environments: [String: BootEnvironment] = [:]
    public var templates: [String: Template] = [:]
    public var images: [String: ImagePolicy] = [:]
    public var parameters: Parameters = [:]

    public init() {}

    public mutating func set(_ object: SiteObject) {
        switch object {
        case .location(let x): locations[x.name] = x
        case .network(let x): networks[x.name] = x
        case .reservation(let x): reservations[object.name] = x
        case .profile(let x): profiles[x.name] = x
        case .machine(let x): machines[x.name] = x
        case .environment(let x): environments[x.name] = x
        case .template(let x): templates[x.name] = x
        case .image(let x): images[x.name] = x
        case .parameters(let x): parameters = x
        }
    }

    public mutating func remove(_ kind: ObjectKind, _ name: String) {
        switch kind {
        case .location: locations[name] = nil
        case .network: networks[name] = nil
        case .reservation: reservations[name] = nil
        case .profile: profiles[name] = nil
        case .machine: machines[name] = nil
        case .environment: environments[name] = nil
        case .template: templates[name] = nil
        case .image: images[name] = nil
        case .parameters: parameters = [:]
        }
    }

    public func object(_ kind: ObjectKind, _ name: String) -> SiteObject? {
        switch kind {
        case .location: locations[name].map(SiteObject.location)
        case .network: networks[name].map(SiteObject.network)
        case .reservation: reservations[name].map(SiteObject.reservation)
        case .profile: profiles[name].map(SiteObject.profile)
        case .machine: machines[name].map(SiteObject.machine)
        case .environment: environments[name].map(SiteObject.environment)
        case .template: templates[name].map(SiteObject.template)
        case .image: images[name].map(SiteObject.image)
        case .parameters: name == "global" && !parameters.isEmpty ? .parameters(parameters) : nil
        }
    }

    /// Every object of a kind, by name.
    public func names(_ kind: ObjectKind) -> [String] {
        switch kind {
        case .location: locations.keys.sorted()
        case .network: networks.keys.sorted()
        case .reservation: reservations.keys.sorted()
        case .profile: profiles.keys.sorted()
        case .machine: machines.keys.sorted()
        case .environment: environments.keys.sorted()
        case .template: templates.keys.sorted()
        case .image: images.keys.sorted()
        case .parameters: parameters.isEmpty ? [] : ["global"]
        }
    }
}
