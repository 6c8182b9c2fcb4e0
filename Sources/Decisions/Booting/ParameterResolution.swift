// SPDX-License-Identifier: Apache-2.0

import Model

/// Who gave a parameter its value, the strongest first: a machine beats its profiles, the profile that it lists first
/// beats the others, and an environment's own parameters are defaults.
public enum ParameterSource: Hashable, Sendable, CustomStringConvertible {
    case machine(String)
    case profile(String)
    case network(String)
    case global
    case environment(String)

    public var description: String {
        switch self {
        case .machine(let name): "machine \(name)"
        case .profile(let name): "profile \(name)"
        case .network(let name): "network \(name)"
        case .global: "parameters"
        case .environment(let name): "environment \(name)"
        }
    }
}

/// One parameter as templates see it, and what else was said about it.
public struct ResolvedParameter: Hashable, Sendable {
    /// What one source says.
    public struct Candidate: Hashable, Sendable {
        public var source: ParameterSource
        public var value: ParameterValue
        public init(source: ParameterSource, value: ParameterValue) {
            self.source = source
            self.value = value
        }
    }

    public var name: String
    public var winner: Candidate
    /// The strongest first.
    public var overridden: [Candidate]
}

/// The parameters of one machine in one environment.
public struct ParameterResolution: Hashable, Sendable {
    /// By name.
    public private(set) var parameters: [String: ResolvedParameter] = [:]

    /// `profiles` stand in the machine's order; those that do not exist are left out by the caller.
    public init(
        machine: Machine?, profiles: [Profile], network: Network?, global: Parameters, environment: BootEnvironment?
    ) {
        if let machine { add(machine.parameters, .machine(machine.name)) }
        for profile in profiles { add(profile.parameters, .profile(profile.name)) }
        if let network { add(network.parameters, .network(network.name)) }
        add(global, .global)
        if let environment { add(environment.parameters, .environment(environment.name)) }
    }

    private mutating func add(_ values: Parameters, _ source: ParameterSource) {
        for (name, value) in values {
            let candidate = ResolvedParameter.Candidate(source: source, value: value)
            if parameters[name] == nil {
                parameters[name] = ResolvedParameter(name: name, winner: candidate, overridden: [])
            } else {
                parameters[name]?.overridden.append(candidate)
            }
        }
    }

    public var values: Parameters { parameters.mapValues(\.winner.value) }
    /// In alphabetic order.
    public var list: [ResolvedParameter] { parameters.values.sorted { $0.name < $1.name } }
}
