// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The connections of a listener. When there are too many, those that have asked nothing for the longest make room:
/// machines keep connections open for minutes, and an attacker does for as long as it is let.
final class IdleConnections: Sendable {
    /// One connection.
    final class Place: Sendable {
        fileprivate let channel: any Channel
        /// When it became idle, as a count of all that did; 0: a request is under way.
        fileprivate let idleSince = Atomic<UInt64>(0)
        fileprivate init(_ channel: any Channel) { self.channel = channel }

        func becomesBusy() { idleSince.store(0, ordering: .relaxed) }
    }

    /// Closed at once, so that the search for them is worth it.
    private static let closedAtOnce = 64

    private let most: Int
    private let turn = Atomic<UInt64>(0)
    private let places = Mutex<[ObjectIdentifier: Place]>([:])

    /// Beyond `most` connections the idle ones begin to go.
    init(most: Int) { self.most = most }

    /// How many connections have a request under way.
    var busyCount: Int {
        places.withLock { $0.values.count { $0.idleSince.load(ordering: .relaxed) == 0 } }
    }

    /// A new connection, which is idle.
    func open(_ channel: any Channel) -> Place {
        let place = Place(channel)
        becomesIdle(place)
        let surplus = places.withLock { places in
            places[ObjectIdentifier(place)] = place
            return places.count > most ? Self.longestIdle(places.values, except: place) : []
        }
        // Not under the lock: closing calls back here.
        for place in surplus { place.channel.close(promise: nil) }
        return place
    }

    func becomesIdle(_ place: Place) {
        place.idleSince.store(turn.wrappingAdd(1, ordering: .relaxed).newValue, ordering: .relaxed)
    }

    func closed(_ place: Place) { places.withLock { $0[ObjectIdentifier(place)] = nil } }

    private static func longestIdle(_ places: some Collection<Place>, except newest: Place) -> [Place] {
        let idle = places.compactMap { place -> (since: UInt64, place: Place)? in
            let since = place.idleSince.load(ordering: .relaxed)
            return since == 0 || place === newest ? nil : (since, place)
        }
        return idle.sorted { $0.since < $1.since }.prefix(closedAtOnce).map(\.place)
    }
}
