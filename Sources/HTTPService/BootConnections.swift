// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The connections of the boot listener: a table, so that one of ten thousand goes as cheaply as one of ten.
///
/// When there are too many, those that have asked nothing for the longest make room: machines keep connections open
/// for minutes, and an attacker does for as long as it is let.
final class BootConnections: Sendable {
    /// What a connection is told, as an event of its pipeline.
    enum Notice: Sendable {
        /// The service stops: the answer that is under way is the last one.
        case stopping
        /// Close, unless a request has come meanwhile.
        case leave
    }

    /// One connection.
    final class Place: Sendable {
        fileprivate let channel: any Channel
        /// When it became idle, as the event loops count; 0: a request is under way.
        fileprivate let idleSince: Atomic<UInt64>
        fileprivate let isLeaving = Atomic(false)

        fileprivate init(_ channel: any Channel) {
            self.channel = channel
            idleSince = Atomic(NIODeadline.now().uptimeNanoseconds)
        }

        func becomesBusy() { idleSince.store(0, ordering: .relaxed) }
        func becomesIdle() { idleSince.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed) }

        /// True once: it has not been told before.
        fileprivate func leaves() -> Bool { !isLeaving.exchange(true, ordering: .relaxed) }
    }

    private struct Book {
        var places: [ObjectIdentifier: Place] = [:]
        /// Of these, so many have been told to leave.
        var leaving = 0
        var isStopping = false
        /// Waits until the last one has gone.
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Closed at once, so that the search for them is worth it.
    private static let closedAtOnce = 64

    private let most: Int
    private let book = Mutex(Book())

    /// Beyond `most` connections the idle ones begin to go.
    init(most: Int) { self.most = most }

    /// How many connections have a request under way.
    var busyCount: Int {
        book.withLock { $0.places.values.count { $0.idleSince.load(ordering: .relaxed) == 0 } }
    }

    // MARK: One connection

    /// A new connection, which is idle. Nil when nobody new is served any more.
    func open(_ channel: any Channel) -> Place? {
        let place = Place(channel)
        let surplus = book.withLock { book -> [Place]? in
            guard !book.isStopping else { return nil }
            book.places[ObjectIdentifier(place)] = place
            guard book.places.count - book.leaving > most else { return [] }
            let surplus = Self.longestIdle(book.places.values, except: place)
            book.leaving += surplus.count
            return surplus
        }
        guard let surplus else { return nil }
        // Not under the lock: it may call back here.
        for place in surplus { Self.tell(place, .leave) }
        return place
    }

    /// It was told to leave, and has been asked for something before that.
    func stays(_ place: Place) {
        guard place.isLeaving.exchange(false, ordering: .relaxed) else { return }
        book.withLock { $0.leaving -= 1 }
    }

    func closed(_ place: Place) {
        let waiter = book.withLock { book -> CheckedContinuation<Void, Never>? in
            guard book.places.removeValue(forKey: ObjectIdentifier(place)) != nil else { return nil }
            if place.isLeaving.load(ordering: .relaxed) { book.leaving -= 1 }
            guard book.places.isEmpty else { return nil }
            defer { book.waiter = nil }
            return book.waiter
        }
        waiter?.resume()
    }

    // MARK: All of them

    /// Closes those that have been idle for so long.
    func closeIdle(longerThan limit: TimeAmount) {
        let now = NIODeadline.now()
        let gone = book.withLock { book -> [Place] in
            let gone = book.places.values.filter { place in
                let since = place.idleSince.load(ordering: .relaxed)
                return since > 0 && now - .uptimeNanoseconds(since) >= limit && place.leaves()
            }
            book.leaving += gone.count
            return gone
        }
        for place in gone { Self.tell(place, .leave) }
    }

    /// From now on nobody new is let in, and the others go after the answer that is under way.
    func stop() {
        let places = book.withLock { book in
            book.isStopping = true
            return Array(book.places.values)
        }
        for place in places { Self.tell(place, .stopping) }
    }

    /// Nobody new is let in, and all are closed now, whatever they are at.
    func breakOff() {
        let places = book.withLock { book in
            book.isStopping = true
            return Array(book.places.values)
        }
        for place in places { place.channel.close(promise: nil) }
    }

    /// Waits until all have gone, which `stop` or `breakOff` is to see to. For one caller.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = book.withLock { book in
                book.isStopping = true
                if !book.places.isEmpty { book.waiter = continuation }
                return book.places.isEmpty
            }
            if isOver { continuation.resume() }
        }
    }

    private static func tell(_ place: Place, _ notice: Notice) {
        place.channel.pipeline.fireUserInboundEventTriggered(notice)
    }

    /// Those that are told to leave already are none of them.
    private static func longestIdle(_ places: some Collection<Place>, except newest: Place) -> [Place] {
        let idle = places.compactMap { place -> (since: UInt64, place: Place)? in
            let since = place.idleSince.load(ordering: .relaxed)
            let stays = since == 0 || place === newest || place.isLeaving.load(ordering: .relaxed)
            return stays ? nil : (since, place)
        }
        return idle.sorted { $0.since < $1.since }.prefix(closedAtOnce).map(\.place).filter { $0.leaves() }
    }
}
