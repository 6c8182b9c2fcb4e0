// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Synchronization

/// Sends the replies of one interface, from any thread. Outlives the interface's sockets: while there are none,
/// replies are counted as unsent; the next sockets serve replies to requests that came by the previous ones.
final class ReplySender: Sendable {
    private let interface: String
    private let counters: DHCPCounters
    private let telemetry: Telemetry
    private let way = Mutex(Way())
    /// Buffers that nobody is sending with at the moment.
    private let spares = Mutex<[SendBatch]>([])

    /// What replies leave by.
    struct Way {
        var sockets: PacketSockets?
        var addresses: [InterfaceAddress] = []
    }

    init(interface: String, counters: DHCPCounters, telemetry: Telemetry) {
        self.interface = interface
        self.counters = counters
        self.telemetry = telemetry
    }

    var port: ReplyPort { ReplyPort { self.send($0) } }

    /// From now on replies leave by these; nil: not at all.
    func use(_ sockets: PacketSockets?) { way.withLock { $0.sockets = sockets } }

    /// The interface's own addresses, as they are now.
    func use(_ addresses: [InterfaceAddress]) { way.withLock { $0.addresses = addresses } }

    func send(_ replies: [OutgoingReply]) {
        guard !replies.isEmpty else { return }
        let way = way.withLock { $0 }
        guard let sockets = way.sockets else {
            counters.update { $0.unsent[0, default: 0] += replies.count }
            telemetry.fault(.send(errno: 0), on: interface)
            return
        }
        let batch = spares.withLock { $0.popLast() } ?? SendBatch()
        var next = replies.startIndex
        while next < replies.endIndex {
            let end = min(next + Limits.sendBatchMax, replies.endIndex)
            report(batch.send(replies[next..<end], by: sockets, addresses: way.addresses))
            next = end
        }
        spares.withLock { if $0.count < Self.sparesMax { $0.append(batch) } }
    }

    /// The receiving thread's and the committer's.
    private static let sparesMax = 2

    private func report(_ result: SendResult) {
        counters.update { result.add(to: &$0) }
        if result.sourceFallbacks > 0 { telemetry.fault(.foreignSource, on: interface) }
        if result.refusedUnicasts > 0 { telemetry.fault(.neighboursFull, on: interface) }
        for errno in Set(result.errors) { telemetry.fault(.send(errno: errno), on: interface) }
    }
}
