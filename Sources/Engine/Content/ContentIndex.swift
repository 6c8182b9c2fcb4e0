// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Synchronization

/// What the store says about images, in memory, on every node: loaded once, and then kept by the change feed alone.
public final class ContentIndex: Sendable {
    fileprivate struct State {
        var images: [String: ImageRecord] = [:]
        var revisions: [String: Revision] = [:]
        var holdings: [String: Holdings] = [:]
        var drainedTargets: Set<String> = []
        var policies: [String: ImagePolicy] = [:]
        /// By key: why a record cannot be read.
        var unreadable: [String: String] = [:]
    }

    private let state = Mutex(State())
    private let watchers = Mutex<[@Sendable () -> Void]>([])
    private let timeline: Timeline?

    /// `timeline`: where records that cannot be read are told of, each once.
    public init(timeline: Timeline? = nil) { self.timeline = timeline }

    // MARK: Taking in

    /// Everything under `content/`, `holds/` and `target/`; replaces what was known. Other records are passed over.
    public func replace(_ records: [StoreRecord]) {
        let (before, after) = state.withLock { state in
            let old = state
            state = State()
            state.policies = old.policies
            for record in records { state.put(record) }
            return (old.unreadable, state.unreadable)
        }
        note(after, before: before)
        tell()
    }

    /// The next change; those that are about something else are passed over.
    public func take(_ change: StoreChange) {
        let writes = change.writes.filter { write in Self.prefixes.contains { write.key.hasPrefix($0) } }
        guard !writes.isEmpty else { return }
        let (before, after) = state.withLock { state in
            let before = state.unreadable
            for write in writes {
                switch write {
                case .put(let key, let value):
                    state.put(StoreRecord(key: key, value: value, revision: change.revision))
                case .delete(let key): state.delete(key)
                }
            }
            return (before, state.unreadable)
        }
        note(after, before: before)
        tell()
    }

    private func note(_ unreadable: [String: String], before: [String: String]) {
        guard let timeline else { return }
        for (key, fault) in unreadable.sorted(by: { $0.key < $1.key }) where before[key] == nil {
            timeline.add(Event(.system, .error, .text("\(fault); it is as good as not there")))
        }
        for key in before.keys.sorted() where unreadable[key] == nil {
            timeline.add(Event(.system, .info, .text("\(key) can be read again, or is gone")))
        }
    }

    /// The prefixes of the records that belong here.
    private static let prefixes = [StoreKeys.contentPrefix, StoreKeys.holdsPrefix, StoreKeys.targetPrefix]

    /// The operator's word about images: site objects, which the site's cache has.
    public func setPolicies(_ policies: [String: ImagePolicy]) {
        let isNews = state.withLock { state in
            defer { state.policies = policies }
            return state.policies != policies
        }
        if isNews { tell() }
    }

    /// Called after each change, from the thread that brought it; several may register.
    public func onChange(_ call: @escaping @Sendable () -> Void) { watchers.withLock { $0.append(call) } }

    private func tell() { for call in watchers.withLock({ $0 }) { call() } }

    // MARK: Asking

    public var images: [String: ImageRecord] { state.withLock { $0.images } }
    public func image(_ name: String) -> ImageRecord? { state.withLock { $0.images[name] } }

    /// Of the image's record, for a guard; `.none` when there is no such record.
    public func revision(of image: String) -> Revision { state.withLock { $0.revisions[image] ?? .none } }

    /// By node.
    public var holdings: [String: Holdings] { state.withLock { $0.holdings } }
    public var drainedTargets: Set<String> { state.withLock { $0.drainedTargets } }

    public var policies: [String: ImagePolicy] { state.withLock { $0.policies } }

    /// Where the image is kept.
    public func placement(of image: String) -> Placement {
        state.withLock { $0.policies[image]?.placement } ?? .everywhere
    }

    /// Records that cannot be read, by key, and why: their objects are as good as not there.
    public var unreadable: [String: String] { state.withLock { $0.unreadable } }
}

extension ContentIndex.State {
    fileprivate mutating func put(_ record: StoreRecord) {
        let key = record.key
        unreadable[key] = nil
        do throws(RecordError) {
            if let name = Self.name(key, StoreKeys.contentPrefix) {
                revisions[name] = record.revision
                images[name] = nil
                images[name] = try ImageRecordText.decode(record.value, name: name)
            } else if let node = Self.name(key, StoreKeys.holdsPrefix) {
                holdings[node] = nil
                holdings[node] = try HoldingsText.decode(record.value, node: node)
            } else if let node = Self.name(key, StoreKeys.targetPrefix) {
                drainedTargets.insert(node)
            }
        } catch { unreadable[key] = "\(key) cannot be read: \(error)" }
    }

    fileprivate mutating func delete(_ key: String) {
        unreadable[key] = nil
        if let name = Self.name(key, StoreKeys.contentPrefix) {
            images[name] = nil
            revisions[name] = nil
        } else if let node = Self.name(key, StoreKeys.holdsPrefix) {
            holdings[node] = nil
        } else if let node = Self.name(key, StoreKeys.targetPrefix) {
            drainedTargets.remove(node)
        }
    }

    private static func name(_ key: String, _ prefix: String) -> String? {
        key.hasPrefix(prefix) ? String(key.dropFirst(prefix.count)) : nil
    }
}
