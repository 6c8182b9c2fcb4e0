// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import DHCPService
import Decisions
import Engine
import HTTPService
import Model
import Synchronization

/// What ties the virtual addresses to the rest: site, terms and interfaces go in; the timeline, this node's beat and
/// its health say what has come of them. A site without any touches no interface.
final class VirtualAddressLink: Sendable {
    private let engine: DHCPEngine
    private let timeline: Timeline
    private let clock: Clock
    private let interfaces: InterfaceWatch
    private let node = Mutex<ClusterNode?>(nil)
    private let keeper = Mutex<VirtualAddressKeeper?>(nil)
    /// The site's networks that have one.
    private let networks = Mutex<[Network]>([])

    init(engine: DHCPEngine, interfaces: InterfaceWatch, clock: Clock, timeline: Timeline) {
        self.engine = engine
        self.interfaces = interfaces
        self.clock = clock
        self.timeline = timeline
        interfaces.except { [self] in virtualAddresses }
        interfaces.onChange { [self] in keeper.withLock { $0 }?.look() }
        engine.onTerm { [self] in termChanged($0) }
    }

    /// Removes what a killed process has left, before anything can take it for this machine's own.
    func begin() throws(StartFault) {
        do throws(VirtualAddresses.Fault) {
            for address in try VirtualAddresses.removeAll() { report(.removed(address, isLeftover: true)) }
        } catch { report(.failed("\(error)")) }
        do throws(DHCPServer.Fault) {
            let made = try VirtualAddressKeeper(
                VirtualAddressKeeper.Calls(
                    now: { [clock] in clock.uptime() }, plan: { [self] in plan }, report: { [self] in report($0) },
                    looked: { [self] in describe() }))
            keeper.withLock { $0 = made }
        } catch { throw StartFault(sentence: "cannot watch the virtual addresses: \(error)") }
    }

    func connect(_ node: ClusterNode) { self.node.withLock { $0 = node } }

    func run() async throws { try await keeper.withLock { $0 }?.run() }

    func siteChanged() {
        let found = engine.networks.filter { $0.virtualAddress != nil }
        networks.withLock { $0 = found }
        keeper.withLock { $0 }?.look()
    }

    /// A term begins with its address on the way, and is given away without it.
    private func termChanged(_ network: String) {
        guard networks.withLock({ $0.contains { $0.name == network } }), let keeper = keeper.withLock({ $0 }) else {
            return
        }
        if engine.isServing(network) { keeper.look() } else { keeper.lookNow() }
    }

    private var plan: VirtualAddressPlan {
        let (networks, interfaces) = (networks.withLock { $0 }, interfaces.interfaces)
        // None at all: they have not been looked at yet.
        guard !networks.isEmpty, !interfaces.isEmpty else { return VirtualAddressPlan() }
        let places = interfaces.filter { !$0.isLoopback }.map { interface in
            VirtualAddressPlan.Place(
                name: interface.name, addresses: interface.addresses.map { ($0.address, $0.prefixLength) })
        }
        return VirtualAddressPlan(
            networks, held: Set(networks.map(\.name).filter(engine.isServing)),
            doubtful: node.withLock { $0 }?.doubtfulNetworks ?? [], places: places)
    }

    private var virtualAddresses: Set<IPv4Address> {
        let present = keeper.withLock { $0 }?.present ?? []
        return Set(networks.withLock { $0 }.compactMap(\.virtualAddress)).union(present.map(\.address))
    }

    // MARK: What is said of it

    /// By network; empty when all is as it should be.
    var faults: [String: String] { keeper.withLock { $0 }?.faults ?? [:] }

    /// Nil: no network has one, and nothing is wrong.
    var readiness: ReadinessReport.Check? {
        let faults = faults
        guard faults.isEmpty else {
            let text = faults.sorted { $0.key < $1.key }.map(\.value).joined(separator: "; ")
            return .init(name: "vip", ready: false, text: text)
        }
        guard !networks.withLock({ $0.isEmpty }) else { return nil }
        let present = (keeper.withLock { $0 }?.present ?? []).sorted().map { "\($0)" }.joined(separator: ", ")
        return .init(name: "vip", ready: true, text: present.isEmpty ? "none is here" : present)
    }

    /// This node knows more of itself than the others do.
    func complete(_ report: inout ClusterReport) {
        let faults = faults
        for index in report.networks.indices where report.networks[index].holder == report.node {
            report.networks[index].vipFault = faults[report.networks[index].name]
        }
    }

    private func describe() {
        let known = Set(networks.withLock { $0 }.map(\.name))
        let missing = known.intersection(faults.keys)
        node.withLock { $0 }?.describe { if $0.vipless != missing { $0.vipless = missing } }
    }

    private func report(_ news: VirtualAddressKeeper.News) {
        switch news {
        case .added(let address): add(.info, address, "virtual address \(address) added, and announced")
        case .removed(let address, isLeftover: false): add(.info, address, "virtual address \(address) removed")
        case .removed(let address, isLeftover: true):
            add(.warning, address, "virtual address \(address) removed: a process that was killed had left it")
        case .failed(let text): timeline.add(Event(.system, .error, .text(text)))
        case .claimed(let address, let mac):
            add(
                .warning, address,
                "virtual address \(address) is claimed by \(mac) too: a node that hangs, or "
                    + "somebody else's machine; announced again")
        case .yielded(let address, let mac):
            add(
                .warning, address,
                "virtual address \(address) is left to \(mac), which has announced it while this "
                    + "node was cut off from the store")
        }
    }

    private func add(_ level: Event.Level, _ address: VirtualAddress, _ text: String) {
        let network = networks.withLock { $0.first { $0.virtualAddress == address.address }?.name }
        timeline.add(Event(.system, level, address: address.address, network: network, .text(text)))
    }
}
