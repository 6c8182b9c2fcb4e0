// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Synchronization

/// What next-boot targets need of the packet path.
extension DHCPEngine {
    /// From now on answers name these. What was answered lately is forgotten: it may name a node that is gone.
    public func setTargets(_ table: TargetTable) {
        state.withLock { state in
            state.facts.targets = table
            state.cache.removeAll()
        }
    }

    /// Makes the tokens of boot URLs; nil: they have none.
    public func setTokenMint(_ mint: (@Sendable (MACAddress, _ intent: String, Instant) -> String)?) {
        state.withLock { $0.facts.mintToken = mint }
    }

    /// The network that a client is in, and the environment that it would boot now; nil where there is none. `address`:
    /// what it asks from. `network`: in which it is, where that is known.
    func bootClient(
        mac: MACAddress?, address: IPv4Address?, network named: String? = nil
    ) -> (network: Network?, environment: String?) {
        let now = clock.now()
        return state.withLock { state in
            let compiled =
                named.flatMap { state.site.networks[$0] } ?? address.flatMap { state.site.network(of: $0) }
            let machine = mac.flatMap { state.site.machine(mac: $0, uuid: nil) }
            let permission = BootGate.permission(
                machine: machine, network: compiled?.network, status: machine.flatMap { state.site.statuses[$0.name] },
                now: now, isReserved: mac.map { compiled?.reservations[.mac($0)] != nil } ?? false)
            guard case .boot(let name, _) = permission, state.site.environments[name] != nil else {
                return (compiled?.network, nil)
            }
            return (compiled?.network, name)
        }
    }
}
