// SPDX-License-Identifier: Apache-2.0

import DHCPService
import Decisions
import Engine
import Model
import Synchronization

/// Which interfaces DHCP is served on: those that the configuration names, or those that the site's networks stand
/// on. With no network that is none, and there is no socket.
final class InterfaceWatch: Sendable {
    private struct State {
        var present: [InterfaceInfo] = []
        var serve: (@Sendable ([ServedInterface]) -> Void)?
    }

    private let state = Mutex(State())
    private let configured: [String]?
    private let engine: DHCPEngine
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    init(configured: [String]?, engine: DHCPEngine) {
        self.configured = configured
        self.engine = engine
        (changes, changed) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var interfaces: [InterfaceInfo] { state.withLock { $0.present } }

    func onServe(_ serve: @escaping @Sendable ([ServedInterface]) -> Void) { state.withLock { $0.serve = serve } }

    func siteChanged() { changed.yield() }

    func changed(_ interfaces: [InterfaceInfo]) {
        state.withLock { $0.present = interfaces }
        changed.yield()
    }

    /// Runs until its task is cancelled.
    func run() async {
        for await _ in changes {
            let (present, serve) = state.withLock { ($0.present, $0.serve) }
            serve?(Self.served(engine.networks, present: present, configured: configured))
        }
    }

    static func served(
        _ networks: [Network], present: [InterfaceInfo], configured: [String]?
    ) -> [ServedInterface] {
        guard !networks.isEmpty else { return [] }
        let answersBootPort = networks.contains { $0.mode == .proxy }
        let names = configured ?? names(networks, present: present)
        return names.map { ServedInterface(name: $0, answersBootPort: answersBootPort) }
    }

    /// Every interface that a network names or has an address of; and where a network has none, because a relay
    /// stands before it, every interface that packets from outside can come in on.
    private static func names(_ networks: [Network], present: [InterfaceInfo]) -> [String] {
        var names: [String] = []
        var hasRelayed = false
        for network in networks {
            let standing =
                network.interface.map { [$0] }
                ?? present.filter { interface in
                    interface.addresses.contains { network.subnet(containing: $0.address) != nil }
                }.map(\.name)
            if standing.isEmpty { hasRelayed = true }
            names += standing
        }
        if hasRelayed { names += present.filter { !$0.isLoopback && $0.isUp && !$0.addresses.isEmpty }.map(\.name) }
        return Array(Set(names)).sorted()
    }
}
