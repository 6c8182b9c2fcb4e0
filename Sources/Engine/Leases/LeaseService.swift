// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Ports

/// Leases as operators see them.
public struct LeaseService: Sendable {
    private let engine: DHCPEngine
    private let clock: Clock

    public init(engine: DHCPEngine, clock: Clock) {
        self.engine = engine
        self.clock = clock
    }

    public func list(network: String?, mac: MACAddress?) -> [LeaseReport] {
        let now = clock.now()
        return engine.leases(network: network)
            .filter { mac == nil || $0.lease.mac == mac }
            .map { Self.report($0.lease, network: $0.network, now: now) }
    }

    /// Forgets the record. Its client keeps using the address until it renews; then it is told that nobody knows it.
    public func delete(network: String, _ address: IPv4Address) async throws(Problem) {
        guard let lease = engine.lease(network: network, at: address) else {
            throw .notFound("lease of \(address) in network \(network)")
        }
        guard engine.isServing(network) else {
            throw Problem(
                title: "not here", status: 409,
                detail: "another node is up to bat for network \(network) ('ondeck cluster' says which): ask it")
        }
        let failure = await withCheckedContinuation { done in
            engine.delete(lease, network: network) { done.resume(returning: $0) }
        }
        if let failure { throw Problem(failure) }
    }

    private static func report(_ lease: Lease, network: String, now: Instant) -> LeaseReport {
        let state =
            switch lease.state {
            case .bound: lease.isHeld(at: now) ? "bound" : "expired"
            case .declined: lease.isHeld(at: now) ? "declined" : "expired"
            case .released: "released"
            }
        return LeaseReport(
            network: network, address: "\(lease.address)", state: state, client: "\(lease.identity)",
            mac: lease.mac.map { "\($0)" }, hostname: lease.hostname.isEmpty ? nil : lease.hostname,
            since: TimeText.iso8601(lease.since),
            until: lease.promisedUntil == .distantFuture ? nil : TimeText.iso8601(lease.promisedUntil))
    }
}
