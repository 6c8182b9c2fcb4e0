// SPDX-License-Identifier: Apache-2.0

import Addresses

/// What an operator wants a machine to do at its next boot.
public enum BootIntent: Hashable, Sendable, CustomStringConvertible {
    /// Boot this environment until the machine reports that it is done, then boot from disk.
    case install(environment: String)
    /// Boot this environment every time.
    case always(environment: String)
    /// Boot from disk: an address, no boot file.
    case local
    /// Do nothing: an address, and a script that waits until the operator says otherwise.
    case hold

    public var environment: String? {
        switch self {
        case .install(let name), .always(let name): name
        case .local, .hold: nil
        }
    }

    /// "install debian-12", "always memtest", "local", "hold".
    public var description: String {
        switch self {
        case .install(let name): "install \(name)"
        case .always(let name): "always \(name)"
        case .local: "local"
        case .hold: "hold"
        }
    }

    public init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("install", 2): self = .install(environment: words[1])
        case ("always", 2): self = .always(environment: words[1])
        case ("local", 1): self = .local
        case ("hold", 1): self = .hold
        default: return nil
        }
    }
}

/// A machine that the operator knows by name.
public struct Machine: Hashable, Sendable {
    public var name: String
    public var macs: [MACAddress] = []
    public var uuid: MachineUUID?
    public var profiles: [String] = []
    public var intent: BootIntent = .local
    public var parameters: Parameters = [:]

    public init(name: String) { self.name = name }
}

/// What has come of a machine's intent; kept apart from the machine so that applying the same site file again does
/// not install the machine again.
public struct BootStatus: Hashable, Sendable {
    public var machine: String
    /// The intent that this status is about, as text; a status for another intent says nothing.
    public var intent: String
    /// When the machine reported that it was done; nil while it has not.
    public var doneAt: Instant?
    /// When the last boots of this intent began, oldest first; at most `Limits.bootAttemptsKept`.
    public var attempts: [Instant] = []

    public init(machine: String, intent: String) { self.machine = machine; self.intent = intent }
}

/// Parameters that machines share.
public struct Profile: Hashable, Sendable {
    public var name: String
    public var parameters: Parameters = [:]
    public init(name: String) { self.name = name }
}
