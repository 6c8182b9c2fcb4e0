// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model
import Ports
import StoreSQLite
import Testing

/// The database as a file: who may have it, and what else may be found in its place.
@Suite struct SQLiteStoreTests {
    @Test func onlyItsOwnerReadsIt() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/ondeck.sqlite")
            try await store.put(["a": "1"])
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(files == ["ondeck.sqlite", "ondeck.sqlite-shm", "ondeck.sqlite-wal", "ondeck.sqlite.lock"])
            for file in files {
                let mode = try FileManager.default.attributesOfItem(atPath: folder + "/" + file)[.posixPermissions]
                #expect(mode as? Int == 0o600, "\(file)")
            }
            await store.close()
        }
    }

    @Test func aSecondOndeckIsToldWhoHasIt() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            let child = try ChildProcess.probe("endless", path)
            defer { child.kill() }
            try await eventually { FileManager.default.fileExists(atPath: path + "-wal") }
            let expected = StoreError.unavailable("\(path) is in use by another ondeck (process \(child.pid))")
            #expect(throws: expected) { try SQLiteStore(path: path) }
            // By another name it is the same file.
            try FileManager.default.createSymbolicLink(atPath: folder + "/alias", withDestinationPath: path)
            #expect(throws: expected) { try SQLiteStore(path: folder + "/alias") }
            child.kill()
            _ = await child.finish()
            await (try SQLiteStore(path: path)).close()
        }
    }

    @Test func aStoreThatIsForgottenFreesItsFile() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            do { try await (try SQLiteStore(path: path)).put(["a": "1"]) }
            try await eventually { (try? SQLiteStore(path: path)) != nil }
        }
    }

    @Test func whatIsNotOursIsRefused() async throws {
        try await withTemporaryFolder { folder in
            try refuses(folder + "/none/ondeck.sqlite", "unavailable", saying: "No such file or directory")
            try refuses(folder, "unavailable", saying: "Is a directory")
            try Data("not a database, and long enough to be seen as one".utf8)
                .write(to: URL(filePath: folder + "/text"))
            try refuses(folder + "/text", "corrupt", saying: "not a database")
            _ = try await sqlite(folder + "/foreign", "CREATE TABLE leases(a)")
            try refuses(folder + "/foreign", "corrupt", saying: "another program's database")

            let path = folder + "/ondeck.sqlite"
            await (try SQLiteStore(path: path)).close()
            _ = try await sqlite(path, "UPDATE meta SET value = 2 WHERE name = 'schema'")
            try refuses(path, "corrupt", saying: "has layout 2, and this OnDeck knows 1 only")
            // Refusing it must not have touched it, nor kept it locked.
            let mend = "UPDATE meta SET value = 1 WHERE name = 'schema'; SELECT changes()"
            #expect(try await sqlite(path, mend) == ["1"])
            await (try SQLiteStore(path: path)).close()
        }
    }

    @Test func aDamagedDatabaseIsSaidToBeSo() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            var store = try SQLiteStore(path: path)
            _ = try await store.commit(
                StoreBatch(writes: (0..<5_000).map { .put(key: "key/\($0)", value: [UInt8](repeating: 1, count: 90)) }))
            await store.close()
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            try handle.seek(toOffset: 8 * 2_048)
            try handle.write(contentsOf: Data(repeating: 0xa5, count: 100 * 2_048))
            try handle.close()
            store = try SQLiteStore(path: path)
            await #expect {
                _ = try await store.read(prefix: "")
            } throws: { error in
                guard case .corrupt(let why)? = error as? StoreError else { return false }
                return why.contains(path)
            }
            await store.close()
        }
    }

    /// An operator at three in the morning: looks, and mends. Whoever follows reads again, and guards see it.
    @Test func anOperatorMayLookAndMend() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            let store = try SQLiteStore(path: path)
            let first = try await store.put(["lease/a": "1\tbound", "lease/b": "1\tbound"])
            #expect(
                try await sqlite(path, "SELECT key, value FROM record") == ["lease/a|1\tbound", "lease/b|1\tbound"])
            let followed = try await store.changes(prefix: "", after: first)
            _ = try await sqlite(path, "DELETE FROM record WHERE key = 'lease/b'")

            await #expect(throws: StoreError.conflict(key: "lease/b")) {
                try await store.put(["lease/b": "2"], if: [.at(first, "lease/b")])
            }
            #expect(await followed.untilEnd().map(\.line) == [])
            #expect(await (try store.changes(prefix: "", after: first)).untilEnd().map(\.line) == [])

            let snapshot = try await store.read(prefix: "")
            #expect(snapshot.records.map(\.key) == ["lease/a"])
            #expect(snapshot.revision > first)
            let again = try await store.changes(prefix: "", after: snapshot.revision)
            let second = try await store.put(["lease/b": "3"], if: [.absent("lease/b")])
            #expect(await again.first(1).map(\.line) == ["\(second.value): lease/b=3"])
            await store.close()
        }
    }

    @Test func aHeldDatabaseFailsCommitsUntilItIsLetGo() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            let store = try SQLiteStore(path: path)
            try await store.put(["a": "1"])
            async let holder = sqlite(path, "BEGIN IMMEDIATE;", holdOn(folder), "ROLLBACK;")
            try await eventually { FileManager.default.fileExists(atPath: folder + "/holding") }
            await #expect {
                try await store.put(["a": "2"])
            } throws: { error in
                guard case .unavailable(let why)? = error as? StoreError else { return false }
                return why.contains("\(path) is locked by another program")
            }
            #expect(try await store.text("a") == "1")
            try letGo(folder)
            _ = try await holder
            try await store.put(["a": "3"])
            #expect(try await store.text("a") == "3")
            await store.close()
        }
    }

    /// A log that no checkpoint can empty, because somebody reads, grows; it is emptied when he is done.
    @Test func aLongReadHoldsUpNobody() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ondeck.sqlite"
            let store = try SQLiteStore(path: path)
            try await store.put(["large": "1"])
            let count = "SELECT count(*), sum(length(value)) FROM record;"
            async let reader = sqlite(path, "BEGIN;", count, holdOn(folder), count)
            try await eventually { FileManager.default.fileExists(atPath: folder + "/holding") }
            try await writeLarge(80, to: store)
            #expect(try logBytes(path) > 2 * Limits.storeLogBytes)
            try letGo(folder)
            #expect(try await reader == ["1|1", "1|1"])
            try await writeLarge(60, to: store)
            #expect(try logBytes(path) <= 2 * Limits.storeLogBytes)
            await store.close()
        }
    }

    private func writeLarge(_ count: Int, to store: SQLiteStore) async throws {
        // Each another value: SQLite does not write pages that stay the same.
        for number in 0..<count {
            let value = [UInt8](repeating: UInt8(number), count: 1 << 20)
            _ = try await store.commit(StoreBatch(writes: [.put(key: "large", value: value)]))
        }
    }

    /// For sqlite3: says that it has got so far, and waits for `letGo`; a minute at most.
    private func holdOn(_ folder: String) -> String {
        ".shell touch \(folder)/holding; for i in $(seq 1200); do [ -e \(folder)/go ] && break; sleep 0.05; done"
    }

    private func letGo(_ folder: String) throws { try Data().write(to: URL(filePath: folder + "/go")) }

    @Test func tooManyWaitingCommitsAreRefused() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/ondeck.sqlite")
            let commits = 3 * Limits.storeCommitsWaitingMax
            let value = [UInt8](repeating: 0, count: 20_000)
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<commits {
                    group.addTask {
                        let batch = StoreBatch(writes: [.put(key: "key/\(number)", value: value)])
                        do throws(StoreError) { _ = try await store.commit(batch) } catch {
                            if case .unavailable = error { return false }
                            Issue.record("\(error)")
                        }
                        return true
                    }
                }
                return await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(outcomes.contains(false))
            #expect(try await store.keys().count == outcomes.count { $0 })
            await store.close()
        }
    }

    // MARK: Helpers

    private func refuses(
        _ path: String, _ kind: String, saying text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(sourceLocation: sourceLocation) {
            _ = try SQLiteStore(path: path)
        } throws: { error in
            switch error as? StoreError {
            case .unavailable(let why)?: kind == "unavailable" && why.contains(path) && why.contains(text)
            case .corrupt(let why)?: kind == "corrupt" && why.contains(path) && why.contains(text)
            case .conflict?, .full?, nil: false
            }
        }
    }

    private func sqlite(_ path: String, _ commands: String...) async throws -> [String] {
        let run = try await ChildProcess.run("sqlite3", arguments: ["-batch", path] + commands)
        #expect(run.status == 0, "\(run.errors)")
        return run.lines
    }

    private func logBytes(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int ?? 0
    }

    private func eventually(_ isTrue: () throws -> Bool) async throws {
        for _ in 1...3_000 {
            if try isTrue() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("not within a minute")
    }
}
