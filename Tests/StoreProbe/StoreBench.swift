// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Foundation
import Model
import Ports
import StoreSQLite
import Synchronization

/// Commits and reads of lease records in a database with many of them. Run it in a release build, on the disk that
/// matters. CPU is the whole process's, the sync's share of the kernel included.
struct StoreBench {
    let path: String
    let count: Int

    /// CPU for each record in microseconds at which the run fails: about twice of what it took when it was written.
    private static let limits = [1: 250.0, 16: 50.0, 128: 30.0]

    func run() async throws {
        let store = try SQLiteStore(path: path)
        var numbers = Numbers(state: 1)
        try await fill(store)
        var isTooSlow = false
        for round in 1...2 {
            for size in [1, 16, 128] {
                let took = try await commits(store, batch: size, seconds: 3, &numbers)
                print("round \(round), \(took.text)")
                isTooSlow = isTooSlow || took.cpuMicroseconds / Double(took.records) > Self.limits[size] ?? 0
            }
            print("round \(round), \(try await together(store, committers: 32, &numbers).text)")
        }
        isTooSlow = try await reads(store) || isTooSlow
        await store.close()
        if isTooSlow { print("over a threshold") }
        exit(isTooSlow ? 1 : 0)
    }

    private func fill(_ store: SQLiteStore) async throws {
        let (usage, start) = (Usage.now(), ContinuousClock.now)
        for first in stride(from: 0, to: count, by: 10_000) {
            let writes = (first..<min(first + 10_000, count)).map { Self.write($0, version: 0) }
            _ = try await store.commit(StoreBatch(writes: writes))
        }
        print(Took("fill with \(count) records", batches: count / 10_000, records: count, usage, start).text)
    }

    private func commits(
        _ store: SQLiteStore, batch: Int, seconds: Int, _ numbers: inout Numbers
    ) async throws -> Took {
        let (usage, start) = (Usage.now(), ContinuousClock.now)
        var took: [Duration] = []
        let termGuard = StoreGuard(key: "term/rack1", revision: .none)
        while start.duration(to: .now) < .seconds(seconds) {
            let writes = (0..<batch).map { _ in Self.write(numbers.below(count), version: took.count) }
            let before = ContinuousClock.now
            _ = try await store.commit(StoreBatch(guards: [termGuard], writes: writes))
            took.append(before.duration(to: .now))
        }
        return Took("batch \(batch)", batches: took.count, records: took.count * batch, usage, start, each: took)
    }

    /// Many committers with a record each: what is left to the store's own grouping.
    private func together(_ store: SQLiteStore, committers: Int, _ numbers: inout Numbers) async throws -> Took {
        let (usage, start) = (Usage.now(), ContinuousClock.now)
        let seeds = (0..<committers).map { _ in numbers.next() }
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for seed in seeds {
                group.addTask {
                    var numbers = Numbers(state: seed)
                    var done = 0
                    while start.duration(to: .now) < .seconds(3) {
                        let write = Self.write(numbers.below(count), version: done)
                        _ = try await store.commit(StoreBatch(writes: [write]))
                        done += 1
                    }
                    return done
                }
            }
            return try await group.reduce(0, +)
        }
        return Took("batch 1, \(committers) committers", batches: total, records: total, usage, start)
    }

    /// True when one read took more than 0.1 s for 100,000 records.
    private func reads(_ store: SQLiteStore) async throws -> Bool {
        var best = Duration.seconds(60)
        for _ in 1...5 {
            let start = ContinuousClock.now
            // 0x0a00.... to 0x0a01....: 65,536 each
            let read =
                try await store.read(prefix: "lease/rack1/0a00").records.count
                + store.read(prefix: "lease/rack1/0a01").records.count
            let took = start.duration(to: .now) * 100_000 / max(read, 1)
            best = min(best, took)
            print("read \(read) records: \(took) for 100000")
        }
        return best > .milliseconds(100)
    }

    static func write(_ number: Int, version: Int) -> StoreWrite {
        let mac = MACAddress(bits: 0x5254_0000_0000 + UInt64(number))
        let lease = Lease(
            address: IPv4Address(bits: 0x0a00_0000 + UInt32(number)), state: .bound, identity: .mac(mac), mac: mac,
            hostname: "compute-node-\(number)", since: Instant(seconds: 1_763_800_000),
            until: Instant(seconds: 1_763_803_600 + Int64(version)))
        return .put(key: StoreKeys.lease("rack1", lease.address), value: LeaseRecord.encode(lease))
    }
}

/// How long something took, and what it cost.
struct Took {
    let text: String
    let records: Int
    let cpuMicroseconds: Double

    init(
        _ what: String, batches: Int, records: Int, _ usage: Usage, _ start: ContinuousClock.Instant,
        each: [Duration] = []
    ) {
        let seconds = Double(start.duration(to: .now) / .microseconds(1)) / 1e6
        cpuMicroseconds = Usage.now().microseconds - usage.microseconds
        self.records = records
        let (commitRate, recordRate) = (Int(Double(batches) / seconds), Int(Double(records) / seconds))
        let cpu = Self.rounded(cpuMicroseconds / Double(records))
        var text = "\(what): \(commitRate) commits/s, \(recordRate) records/s, CPU \(cpu) us/record"
        let sorted = each.sorted()
        if let longest = sorted.last {
            let milliseconds = [sorted[sorted.count / 2], sorted[sorted.count * 99 / 100], longest]
                .map { Self.rounded(Double($0 / .microseconds(1)) / 1000) }
            text += ", p50/p99/max \(milliseconds.map { "\($0)" }.joined(separator: "/")) ms"
        }
        self.text = text
    }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// The process's CPU time.
struct Usage {
    let microseconds: Double

    static func now() -> Usage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func microseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e6 + Double(time.tv_usec) }
        return Usage(microseconds: microseconds(usage.ru_utime) + microseconds(usage.ru_stime))
    }
}

struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
