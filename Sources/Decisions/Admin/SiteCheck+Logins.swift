// SPDX-License-Identifier: Apache-2.0

import Model

/// An installed machine that nobody can log in to is found out about late.
extension SiteCheck {
    /// What lets somebody in, where the environments that come along know it. A late command may do so, too.
    private static let logins = ["ssh-keys", "user-password-hash", "root-password-hash", "late-command"]

    mutating func logins() {
        let everywhere = [site.parameters] + site.networks.values.map(\.parameters)
        guard !everywhere.contains(where: Self.letsSomebodyIn) else { return }
        let closed = site.names(.machine).filter { isClosed($0) }
        guard let first = closed.first, let environment = site.machines[first]?.intent.environment else { return }
        let others = closed.count == 1 ? "" : ", nor to \(closed.count - 1) others"
        warn(
            "machines.\(first).intent", "installs \(environment), and nobody could log in to it afterwards\(others)",
            hint: "give it, a profile or all machines the parameter ssh-keys or user-password-hash")
    }

    private func isClosed(_ machine: String) -> Bool {
        guard let machine = site.machines[machine], case .install(let name) = machine.intent,
            site.environments[name] == nil, let environment = builtIn.environments[name]
        else { return false }
        let takesLogins = environment.parameters["ssh-keys"] != nil
        // Whoever has answers of his own may let people in otherwise.
        let isOwn = environment.answers.values.contains { site.templates[$0] != nil }
        guard takesLogins, !isOwn else { return false }
        let profiles = machine.profiles.compactMap { site.profiles[$0]?.parameters }
        return !([environment.parameters, machine.parameters] + profiles).contains(where: Self.letsSomebodyIn)
    }

    private static func letsSomebodyIn(_ parameters: Parameters) -> Bool {
        logins.contains { name in
            switch parameters[name] {
            case nil, .string("")?, .list([])?: false
            case .string?, .integer?, .boolean?, .list?, .map?: true
            }
        }
    }
}
