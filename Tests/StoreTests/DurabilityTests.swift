// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreSQLite
import Testing

/// What SQLiteStore owes to those whom it has told "it is written".
@Suite(.serialized) struct DurabilityTests {
    /// Kills a process in the middle of its commits, again and again on one database. Each round goes on where the last
    /// one was cut off.
    @Test func whatWasAcknowledgedSurvivesKill9() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            var acknowledged = 0
            for round in 1...40 where round <= 12 || acknowledged < 100 {
                let child = try ChildProcess.probe("endless", path)
                async let output = child.finish()
                try await Task.sleep(for: .milliseconds(Int.random(in: 150...700)))
                child.kill()
                let lines = await output.lines
                let last = lines.last.flatMap { Int($0.dropFirst("acknowledged ".count)) } ?? acknowledged
                #expect(last >= acknowledged)
                acknowledged = last

                let store = try SQLiteStore(path: path)
                let each = try await store.read(prefix: "each/").records
                // The commit after the last acknowledged one may have reached the disk; nothing further can.
                #expect(each.count == acknowledged || each.count == acknowledged + 1, "round \(round)")
                let numbers = Set(each.map { String(decoding: $0.value, as: UTF8.self) })
                #expect(numbers == Set((0..<each.count).map { "\($0 + 1)" }))
                #expect(each.allSatisfy { $0.key == "each/" + String(decoding: $0.value, as: UTF8.self) })
                let last200 = try await store.read(prefix: "last/").records
                #expect(last200.count == (each.isEmpty ? 0 : 200))
                #expect(last200.allSatisfy { $0.value == Array("\(each.count)".utf8) })
                #expect(try await store.read(prefix: "").revision == Revision(Int64(each.count)))
                await store.close()
                acknowledged = each.count
            }
            #expect(acknowledged >= 100)
        }
    }

    /// GRDB sets synchronous to NORMAL by itself, and then no commit is synced at all.
    @Test func everyCommitIsSynced() async throws {
        try await withTemporaryFolder { folder in
            let (path, trace) = (folder + "/ondeck.sqlite", folder + "/trace")
            let commits = 200
            let run = try await ChildProcess.run(
                "strace", "-f", "-e", "trace=fdatasync,fsync", "-o", trace, ChildProcess.probePath(), "commits", path,
                "\(commits)")
            #expect(run.status == 0, "\(run.errors)")
            let syncs = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
                .count { $0.contains("sync(") && !$0.contains("resumed") }
            // Besides the commits' own: creation, and the checkpoint at the end.
            #expect(syncs >= commits && syncs < commits + 40, "\(syncs) syncs")
        }
    }

    /// Needs root, for a file system of its own that nobody else sees.
    @Test func aFullDiskLosesNothingAndHealsItself() async throws {
        try #require(getuid() == 0, "this test mounts a small file system: run it as root")
        try await withTemporaryFolder { folder in
            let mounting = "mount -t tmpfs -o size=16m tmpfs \"$1\" && exec \"$2\" full \"$1/ondeck.sqlite\""
            let run = try await ChildProcess.run(
                "unshare", "-m", "sh", "-c", mounting, "sh", folder, ChildProcess.probePath())
            #expect(run.errors == "")
            #expect(
                run.lines == [
                    "with space, records are overwritten: 300 of 300",
                    "without a free byte, records are overwritten: 1000 of 1000",
                    "a new record is refused: full, naming the file: true",
                    "refusals are quick: true",
                    "what was acknowledged is there, and nothing else: true",
                    "with space again, new records are taken: true",
                    "after a restart all is there: true",
                ])
            #expect(run.status == 0)
        }
    }
}
