// SPDX-License-Identifier: Apache-2.0

import Addresses
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
        var hearing: (@Sendable (_ deaf: Set<String>, _ addresses: Set<IPv4Address>) -> Void)?
        var virtual: (@Sendable () -> Set<IPv4Address>)?
        var change: (@Sendable () -> Void)?
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

    /// The subnets that this machine has addresses in.
    var subnets: [IPv4Subnet] { interfaces.filter { !$0.isLoopback }.flatMap { $0.addresses.map(\.subnet) } }

    func onServe(_ serve: @escaping @Sendable ([ServedInterface]) -> Void) { state.withLock { $0.serve = serve } }

    /// Told which networks cannot be heard, and this machine's addresses, whenever they may have changed.
    func onHearing(_ tell: @escaping @Sendable (_ deaf: Set<String>, _ addresses: Set<IPv4Address>) -> Void) {
        state.withLock { $0.hearing = tell }
    }

    func onChange(_ tell: @escaping @Sendable () -> Void) { state.withLock { $0.change = tell } }

    /// Addresses that are not this machine's own, though they may be on its interfaces.
    func except(_ virtual: @escaping @Sendable () -> Set<IPv4Address>) { state.withLock { $0.virtual = virtual } }

    func siteChanged() { changed.yield() }

    func changed(_ interfaces: [InterfaceInfo]) {
        let tell = state.withLock { state in
            state.present = interfaces
            return state.change
        }
        changed.yield()
        tell?()
    }

    /// Runs until its task is cancelled.
    func run() async {
        for await _ in changes {
            let (present, serve, hearing) = state.withLock { ($0.present, $0.serve, $0.hearing) }
            let networks = engine.networks
            serve?(Self.served(networks, present: present, configured: configured))
            let addresses = Set(present.filter { !$0.isLoopback }.flatMap(\.ownAddresses))
            let virtual = state.withLock { $0.virtual }?() ?? []
            hearing?(Self.deaf(networks, present: present), addresses.subtracting(virtual))
        }
    }

    /// Networks whose own interface is missing or has no carrier. Behind a relay there is none.
    static func deaf(_ networks: [Network], present: [InterfaceInfo]) -> Set<String> {
        let working = Set(present.filter { $0.isUp && $0.isRunning }.map(\.name))
        let deaf = networks.filter { network in
            if let name = network.interface { return !working.contains(name) }
            let standing = present.filter { interface in
                interface.addresses.contains { network.subnet(containing: $0.address) != nil }
            }
            return !standing.isEmpty && standing.allSatisfy { !working.contains($0.name) }
        }
        return Set(deaf.map(\.name))
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
