// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// What must be written to a target so that it holds what the source does.
struct StoreCopyPlan {
    /// Each is to be written before the next one begins.
    private(set) var steps: [[StoreWrite]] = []
    /// What the target holds of something else than this source.
    private(set) var foreign = StoreCopyRefusal.Holdings()
    private(set) var report = StoreCopy.Report()

    var writesCount: Int { steps.reduce(0) { $0 + $1.count } }

    private static let networkPrefix = StoreKeys.site(.network, "")

    init(source: [StoreRecord], target: [StoreRecord]) throws(StoreCopyRefusal) {
        // By the keys' bytes: Swift holds texts equal that differ in bytes, and no database does.
        var there: [[UInt8]: StoreRecord] = [:]
        for record in target { there[Array(record.key.utf8)] = record }
        var leases: [StoreWrite] = []
        var terms: [StoreWrite] = []
        var site: [StoreWrite] = []
        var networks: [StoreWrite] = []
        for record in source {
            let old = there.removeValue(forKey: Array(record.key.utf8))
            count(record.key)
            if record.key.hasPrefix(StoreKeys.termPrefix) {
                if let value = try Self.term(record, old) { terms.append(.put(key: record.key, value: value)) }
                continue
            }
            if old?.value == record.value { continue }
            if old != nil { foreign.count(record.key) }
            let write = StoreWrite.put(key: record.key, value: record.value)
            if record.key.hasPrefix(StoreKeys.leasePrefix) {
                leases.append(write)
            } else if record.key.hasPrefix(Self.networkPrefix) {
                networks.append(write)
            } else {
                site.append(write)
            }
        }
        // Terms stay: should that network come again, its epoch goes on from there.
        let surplus = there.values.map(\.key).filter { !$0.hasPrefix(StoreKeys.termPrefix) }.sorted()
        for key in surplus { foreign.count(key) }
        let gone = surplus.filter { !$0.hasPrefix(Self.networkPrefix) }
        var closing = surplus.filter { $0.hasPrefix(Self.networkPrefix) }
        if !(gone.isEmpty && leases.isEmpty && terms.isEmpty && site.isEmpty) {
            closing = target.map(\.key).filter { $0.hasPrefix(Self.networkPrefix) }
            networks = source.filter { $0.key.hasPrefix(Self.networkPrefix) }.map { .put(key: $0.key, value: $0.value) }
        }
        steps = [closing.map { .delete(key: $0) }, gone.map { .delete(key: $0) }, leases, terms, site, networks]
    }

    /// The key of the first record that was changed, added or taken away in between.
    static func firstDifference(_ before: [StoreRecord], _ after: [StoreRecord]) -> String? {
        if let pair = zip(before, after).first(where: { $0 != $1 }) { return pair.0.key }
        if before.count == after.count { return nil }
        return before.count > after.count ? before[after.count].key : after[before.count].key
    }

    /// The term as the target needs it; nil where what it has will do. Nobody holds it there, and its epoch goes on
    /// from the larger one: an epoch that went back would be taken for a store restored from a backup.
    private static func term(_ record: StoreRecord, _ old: StoreRecord?) throws(StoreCopyRefusal) -> [UInt8]? {
        let network = String(record.key.dropFirst(StoreKeys.termPrefix.count))
        var term = try decode(record, network, .source)
        if let old, try decode(old, network, .target).epoch >= term.epoch { return nil }
        term.holder.incarnation = 0
        term.cause = .start
        return TermRecord.encode(term)
    }

    private static func decode(
        _ record: StoreRecord, _ network: String, _ side: StoreCopyRefusal.Side
    ) throws(StoreCopyRefusal) -> Term {
        do throws(RecordError) { return try TermRecord.decode(record.value, network: network) } catch {
            throw .store(side, .corrupt("\(record.key): \(error)"))
        }
    }

    private mutating func count(_ key: String) {
        if key.hasPrefix(StoreKeys.leasePrefix) {
            report.leases += 1
        } else if key.hasPrefix(StoreKeys.termPrefix) {
            report.terms += 1
        } else if key.hasPrefix(StoreKeys.bootPrefix) {
            report.bootStates += 1
        } else if key.hasPrefix(StoreKeys.contentPrefix) {
            report.images += 1
        } else {
            report.siteObjects += 1
        }
    }
}

/// Why a copy was not begun, or not finished. Its description is a sentence for an operator.
public enum StoreCopyRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Side: String, Hashable, Sendable { case source, target }

    /// Records of the target that the source does not have, or has otherwise.
    public struct Holdings: Hashable, Sendable {
        public var siteObjects = 0
        public var bootStates = 0
        public var images = 0
        public var leases = 0
        var isEmpty: Bool { siteObjects + bootStates + images + leases == 0 }

        mutating func count(_ key: String) {
            if key.hasPrefix(StoreKeys.leasePrefix) {
                leases += 1
            } else if key.hasPrefix(StoreKeys.bootPrefix) {
                bootStates += 1
            } else if key.hasPrefix(StoreKeys.contentPrefix) {
                images += 1
            } else {
                siteObjects += 1
            }
        }
    }

    case running([String], Side)
    case sourceIsEmpty
    case targetHolds(Holdings)
    case store(Side, StoreError)
    case sourceChanged(String)
    case targetDiffers(String)

    public var description: String {
        switch self {
        case .running(let nodes, let side):
            return "the \(side.rawValue) is in use by \(nodes.joined(separator: ", ")): stop OnDeck there first "
                + "(systemctl stop ondeck), then copy again"
        case .sourceIsEmpty:
            return "the source holds no site and no lease: there is nothing to copy. Is it the right one?"
        case .targetHolds(let holdings):
            return "the target holds something else already (of its records, \(holdings.siteObjects) site objects, "
                + "\(holdings.bootStates) boot states, \(holdings.images) images and \(holdings.leases) leases "
                + "are not the source's). "
                + "With --replace they are given up and it becomes what the source is; nothing has been written"
        case .store(let side, let error):
            return "the \(side.rawValue): \(error.sentence). When that is mended, copy again: it goes on where it was"
        case .sourceChanged(let key):
            return "the source was written to meanwhile (\(key)): see that no ondeck runs on it, then copy again"
        case .targetDiffers(let key):
            return "the target was written to meanwhile (\(key) is not what was copied): see that no ondeck runs on "
                + "it, then copy again"
        }
    }
}
