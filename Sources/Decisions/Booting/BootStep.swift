// SPDX-License-Identifier: Apache-2.0

/// One step of a boot decision, for `explain`. Its text is made only when somebody reads it.
public enum BootStep: Hashable, Sendable, CustomStringConvertible {
    case firmware(FirmwareClass)
    case gate(BootPermission)
    /// The environment exists, and has files for such a machine.
    case environment(String)
    case quirk(Quirk)
    case loader(String)
    case script(String)
    case nothing(NoBoot)

    public var question: String {
        switch self {
        case .firmware: "firmware"
        case .gate: "boot gate"
        case .environment: "environment"
        case .quirk: "quirk"
        case .loader: "boot loader"
        case .script: "boot script"
        case .nothing: "boot file"
        }
    }

    public var answer: String {
        switch self {
        case .firmware(let firmware): "\(firmware)"
        case .gate(let permission): "\(permission)"
        case .environment(let name): "\(name) suits the machine"
        case .quirk(let quirk): "\(quirk.rawValue): \(quirk.entry.effect)"
        case .loader(let name): name
        case .script(let url): BootTokenText.removed(from: url)
        case .nothing(let reason): "none: \(reason)"
        }
    }

    public var description: String { "\(question): \(answer)" }
}
