// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Ports
import Synchronization

/// Tells the others what this node holds: its record under `holds/`, rewritten when it changes and not too often, and a
/// line on the timeline where that matters to somebody.
final class HoldingsKeeper: Sendable {
    private struct State {
        var written: Holdings?
        var writtenAt = Int64.min / 2
        var lookedAt = Int64.min / 2
        /// As of the last look.
        var seen: Holdings?
    }

    private let node: String
    private let store: any StateStore
    private let index: ContentIndex
    private let timeline: Timeline
    private let state = Mutex(State())
    private static let lookMilliseconds: Int64 = 200

    init(_ parts: ContentParts) {
        node = parts.node
        store = parts.store
        index = parts.index
        timeline = parts.timeline
    }

    /// Whether it is time to look again at what is held, which takes a walk over all files.
    func isDue(_ now: Uptime) -> Bool {
        state.withLock { now.milliseconds - $0.lookedAt >= Self.lookMilliseconds }
    }

    /// What this node holds, as of the last look.
    var current: Holdings? { state.withLock { $0.seen } }

    func keep(_ holdings: Holdings, now: Uptime) async {
        let (before, written, age) = state.withLock { state in
            defer {
                state.seen = holdings
                state.lookedAt = now.milliseconds
            }
            return (state.seen, state.written, now.milliseconds - state.writtenAt)
        }
        say(before, holdings)
        // The record may have been removed, or come back with a backup; and an import on this node writes it, too.
        let stands = index.holdings[node].map(HoldingsText.encode)
        let isLost = age > Limits.holdingsProgressMilliseconds && stands != written.map(HoldingsText.encode)
        guard isLost || age >= Self.patience(written, holdings) else { return }
        do throws(StoreError) {
            _ = try await store.commit(
                StoreBatch(writes: [.put(key: StoreKeys.holds(node), value: HoldingsText.encode(holdings))]))
            state.withLock { $0.written = holdings }
        } catch {
            // Written again at the next turn that is due; the store's state is others' to complain about.
        }
        state.withLock { $0.writtenAt = now.milliseconds }
    }

    /// How old the record may be before `new` replaces it.
    private static func patience(_ old: Holdings?, _ new: Holdings) -> Int64 {
        guard let old else { return 0 }
        var patience = Int64.max
        for name in Set(old.images.keys).union(new.images.keys) {
            let (a, b) = (old.images[name], new.images[name])
            if a == b { continue }
            // What clients may be sent here for is told at once.
            if b?.state == .complete, a?.state != .complete { return lookMilliseconds }
            let isProgress = a?.manifest == b?.manifest && a?.state == b?.state
            patience = min(patience, isProgress ? Limits.holdingsProgressMilliseconds : Limits.holdingsMilliseconds)
        }
        return min(patience, isFarther(old.bytesFree, new.bytesFree) ? Limits.contentSweepMilliseconds : .max)
    }

    /// Free room changes all the time; a tenth is news.
    private static func isFarther(_ old: Int64?, _ new: Int64?) -> Bool {
        guard let old, let new else { return old != new }
        return abs(old - new) > max(old, new) / 10
    }

    private func say(_ before: Holdings?, _ after: Holdings) {
        for (image, holding) in after.images.sorted(by: { $0.key < $1.key }) {
            let old = before?.images[image]
            guard old?.state != holding.state || old?.manifest != holding.manifest else { continue }
            switch holding.state {
            case .complete where before != nil:
                say(.info, "image \(image) is complete on this node: \(holding.bytesTotal) bytes")
            case .failed(let reason):
                say(.warning, "image \(image) is not complete on this node: \(reason)")
            case .complete, .fetching, .some: break
            }
        }
    }

    private func say(_ level: Event.Level, _ text: String) { timeline.add(Event(.system, level, .text(text))) }
}
