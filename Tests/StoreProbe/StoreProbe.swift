// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreSQLite

/// A process that the store's tests kill, trace and measure.
@main struct StoreProbe {
    static let usage = """
        usage: StoreProbe endless PATH          commit for ever; a line "acknowledged N" follows each commit
               StoreProbe commits PATH COUNT    commit COUNT times, one after the other
               StoreProbe full PATH             what happens when PATH's small file system fills up
               StoreProbe bench PATH [RECORDS]  figures of commits and reads (default: 1000000 records); exits with 1
                                                when one is over its threshold
               StoreProbe records               figures of the stored lines
        """

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch (arguments.first, arguments.count) {
        case ("endless", 2): try await endless(path: arguments[1])
        case ("commits", 3): try await commits(path: arguments[1], count: Int(arguments[2]) ?? 0)
        case ("full", 2): try await FullDisk(path: arguments[1]).run()
        case ("bench", 2...3):
            let count = arguments.count == 3 ? Int(arguments[2]) : 1_000_000
            try await StoreBench(path: arguments[1], count: count ?? 1_000_000).run()
        case ("records", 1): try RecordBench.run()
        default:
            print(usage)
            exit(64)
        }
    }

    /// Each batch writes one new key and many that every batch writes, all with the number of the batch: most of the time
    /// it is in the middle of a transaction.
    static func endless(path: String) async throws {
        let store = try SQLiteStore(path: path)
        var number = try await store.read(prefix: "each/").records.count
        while true {
            number += 1
            let value = Array("\(number)".utf8)
            var writes = (0..<200).map { StoreWrite.put(key: "last/\($0)", value: value) }
            writes.append(.put(key: "each/\(number)", value: value))
            _ = try await store.commit(StoreBatch(writes: writes))
            // Straight to the pipe: what a killed process had buffered would be lost.
            let line = Array("acknowledged \(number)\n".utf8)
            _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
        }
    }

    static func commits(path: String, count: Int) async throws {
        let store = try SQLiteStore(path: path)
        for number in 0..<count {
            _ = try await store.commit(StoreBatch(writes: [.put(key: "key/\(number)", value: [1, 2, 3])]))
        }
        await store.close()
    }
}
