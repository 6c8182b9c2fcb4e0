// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Ports
import Synchronization

/// How the site's changes reach the packet path.
extension DHCPEngine {
    /// Boot loaders that can be served from here. What was answered lately is forgotten only if that changes anything.
    public func setLoaders(_ loaders: Set<String>) {
        state.withLock { state in
            guard state.facts.loaders != loaders else { return }
            state.facts.loaders = loaders
            state.cache.removeAll()
        }
    }

    func replaceSite(_ site: CompiledSite) {
        let now = clock.now()
        state.withLock { state in
            let (isShared, confirmed) = (state.isShared, state.confirmed)
            state.site = site
            state.cache.removeAll()
            state.books = state.books.filter { site.networks[$0.key] != nil }
            for (name, compiled) in site.networks {
                state.books[name, default: State.newBook(compiled, isShared: isShared, confirmed: confirmed, now: now)]
                    .reconfigure(
                        network: compiled.network, reserved: compiled.reservedAddresses.keys, now: now)
            }
        }
    }

    func replaceNetwork(_ name: String, with compiled: CompiledNetwork?) {
        let now = clock.now()
        state.withLock { state in
            let (isShared, confirmed) = (state.isShared, state.confirmed)
            state.site.replaceNetwork(name, with: compiled)
            state.cache.removeAll()
            guard let compiled else {
                state.books[name] = nil
                state.terms[name] = nil
                return
            }
            state.books[name, default: State.newBook(compiled, isShared: isShared, confirmed: confirmed, now: now)]
                .reconfigure(
                    network: compiled.network, reserved: compiled.reservedAddresses.keys, now: now)
        }
    }

    func setMachines(_ machines: [String: Machine]) {
        state.withLock { state in
            state.site.setMachines(machines)
            state.cache.removeAll()
        }
    }

    func setEnvironments(_ environments: [String: BootEnvironment]) {
        state.withLock { state in
            state.site.setEnvironments(environments)
            state.cache.removeAll()
        }
    }

    func setStatus(_ status: BootStatus?, machine: String) {
        state.withLock { state in
            state.site.setStatus(status, machine: machine)
            state.cache.removeAll()
        }
    }

    /// A network's leases as the store has them. One that cannot be read is reported, and its address is kept from
    /// everybody: giving it away could double it.
    func loadLeases(_ records: [StoreRecord], network: String) {
        let now = clock.now()
        var unreadable: [StoreRecord] = []
        var latest = Instant(milliseconds: 0)
        state.withLock { state in
            guard var book = state.books.removeValue(forKey: network) else { return }
            book.reserveCapacity(records.count)
            for record in records {
                guard let address = StoreKeys.leaseAddress(record.key) else { continue }
                do {
                    let lease = try LeaseRecord.decode(record.value, address: address)
                    latest = max(latest, lease.since)
                    book.record(lease, revision: record.revision.value, now: now)
                } catch {
                    unreadable.append(record)
                    let mark = LeaseChange.quarantine(
                        network: network, address, reportedBy: .mac(MACAddress(bits: 0)), mac: nil, before: nil,
                        now: now)
                    book.record(mark.lease, revision: record.revision.value, now: now)
                }
            }
            state.books[network] = book
        }
        // Among others it is they who know the time: who comes to them asks them first.
        let isShared = state.withLock { state in
            state.latestSeen = max(state.latestSeen, latest)
            return state.isShared
        }
        if !isShared { clock.raise(to: latest) }
        for record in unreadable {
            timeline.add(
                Event(.system, .error, network: network, .text("\(record.key) cannot be read: address kept back")))
        }
    }
}
