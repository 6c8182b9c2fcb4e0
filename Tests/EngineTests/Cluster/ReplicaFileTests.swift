// SPDX-License-Identifier: Apache-2.0

import CLinux
import Engine
import Foundation
import Glibc
import Model
import Ports
import Testing

/// A directory of its own for each test, removed with it.
private final class Scratch {
    let path: String
    var file: ReplicaFile { ReplicaFile(path: path + "/replica") }

    init() throws {
        var template = Array("/tmp/ondeck-replica-XXXXXX\0".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    var bytes: [UInt8] {
        get throws { Array(try Data(contentsOf: URL(filePath: file.path))) }
    }
    func put(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: file.path)) }
    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func content(records: Int, valueBytes: Int = 60) -> ReplicaFile.Content {
    ReplicaFile.Content(
        revision: 4_711, storeIdentity: "cluster-ä", clusterTime: Instant(milliseconds: 1_700_000_000_123),
        epochs: ["lab": 3, "rack": .max],
        records: (0..<records).map {
            StoreRecord(
                key: "lease/lab/\($0)", value: [UInt8](repeating: UInt8($0 & 255), count: valueBytes),
                revision: Revision(Int64($0)))
        })
}

@Suite struct ReplicaFileTests {
    @Test func whatIsWrittenIsRead() throws {
        let scratch = try Scratch()
        #expect(try scratch.file.read() == nil)
        var written = content(records: 3)
        written.records.append(StoreRecord(key: "", value: [], revision: Revision(-1)))
        try scratch.file.write(written)
        #expect(try scratch.file.read() == written)
        #expect(try scratch.names == ["replica"])
        let empty = ReplicaFile.Content(
            revision: 0, storeIdentity: "", clusterTime: Instant(milliseconds: -1), epochs: [:], records: [])
        try scratch.file.write(empty)
        #expect(try scratch.file.read() == empty)
    }

    /// Values and keys around and beyond the size of the buffers.
    @Test(arguments: [(256 << 10) - 60, 256 << 10, (256 << 10) + 1, 1 << 20]) func largeRecords(bytes: Int) throws {
        let scratch = try Scratch()
        var written = content(records: 3, valueBytes: bytes)
        written.records.append(
            StoreRecord(key: String(repeating: "k", count: bytes), value: [1], revision: Revision(1)))
        try scratch.file.write(written)
        #expect(try scratch.file.read() == written)
    }

    @Test func onlyItsOwnerMayReadIt() throws {
        let scratch = try Scratch()
        // A leftover of a crash, open to all, neither stops nor weakens it.
        try Data([1, 2, 3]).write(to: URL(filePath: scratch.file.path + ".new"))
        chmod(scratch.file.path + ".new", 0o666)
        try scratch.file.write(content(records: 1))
        var status = stat()
        #expect(stat(scratch.file.path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        #expect(try scratch.names == ["replica"])
    }

    @Test func aHundredThousandRecordsAreQuick() throws {
        let scratch = try Scratch()
        let written = content(records: 100_000)
        let clock = ContinuousClock()
        let took = try clock.measure { try scratch.file.write(written) }
        #expect(took < .seconds(5), "an unoptimised build on a busy machine; optimised it is a tenth of a second")
        #expect(try scratch.file.read() == written)
    }

    @Test func everyCutIsSeen() throws {
        let scratch = try Scratch()
        try scratch.file.write(content(records: 2, valueBytes: 5))
        let whole = try scratch.bytes
        for length in 0..<whole.count {
            try scratch.put(Array(whole.prefix(length)))
            #expect(throws: ReplicaFileError.self, "cut to \(length)") { try scratch.file.read() }
        }
        try scratch.put(whole + [0])
        #expect(throws: ReplicaFileError.self) { try scratch.file.read() }
        try scratch.put(whole)
        #expect(try scratch.file.read() != nil)
    }

    @Test func everyFlippedBitIsSeen() throws {
        let scratch = try Scratch()
        try scratch.file.write(content(records: 2, valueBytes: 5))
        let whole = try scratch.bytes
        for index in whole.indices {
            for bit in 0..<8 {
                var flipped = whole
                flipped[index] ^= 1 << bit
                try scratch.put(flipped)
                let error = #expect(throws: ReplicaFileError.self, "bit \(bit) of octet \(index)") {
                    try scratch.file.read()
                }
                #expect(error?.description.contains("\(scratch.path)/replica is damaged: ") == true)
            }
        }
    }

    /// A right checksum over wrong content: nothing in the file is believed.
    @Test func nonsenseWithARightChecksumNeverTraps() throws {
        let scratch = try Scratch()
        try scratch.file.write(content(records: 2, valueBytes: 5))
        let body = Array(try scratch.bytes.dropLast(4))
        var faulty = 0
        for _ in 0..<1_000 {
            var changed = body
            for _ in 0..<Int.random(in: 1...3) {
                changed[Int.random(in: 8..<changed.count)] = UInt8.random(in: 0...255)
            }
            if Bool.random() { changed.removeLast(Int.random(in: 0..<20)) }
            let sum = cl_crc32c(0, changed, changed.count)
            try scratch.put(changed + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt32($0))) })
            do {
                _ = try scratch.file.read()
            } catch {
                faulty += 1
                guard case .damaged = error else {
                    Issue.record(error)
                    continue
                }
            }
        }
        #expect(faulty > 250)
    }

    @Test func theChecksumIsCRC32C() {
        // RFC 3720 B.4
        #expect(cl_crc32c(0, [UInt8](repeating: 0, count: 32), 32) == 0x8a91_36aa)
        #expect(cl_crc32c(0, [UInt8](repeating: 0xff, count: 32), 32) == 0x62a8_ab43)
        #expect(cl_crc32c(0, Array("123456789".utf8), 9) == 0xe306_9283)
        #expect(cl_crc32c(cl_crc32c(0, Array("1234".utf8), 4), Array("56789".utf8), 5) == 0xe306_9283)
    }

    @Test func whatIsWrongIsSaid() throws {
        let scratch = try Scratch()
        func problem(_ bytes: [UInt8]) throws -> String {
            try scratch.put(bytes)
            let error = #expect(throws: ReplicaFileError.self) { try scratch.file.read() }
            return error.map {
                String($0.description.dropFirst("the replica file \(scratch.path)/replica is damaged: ".count))
            } ?? ""
        }
        let end = "; it is not used, and may be deleted"
        try scratch.file.write(content(records: 1))
        let whole = try scratch.bytes
        #expect(try problem([]) == "it has only 0 octets" + end)
        #expect(try problem(Array("SQLite format 3\0, and more".utf8)) == "it is not a replica file" + end)
        #expect(try problem(Array(whole.prefix(40))) == "it ends in the middle of: cluster time" + end)
        var later = whole
        later[7] = 2
        #expect(try problem(later) == "it has version 2, and this OnDeck reads 1" + end)
        var changed = whole
        changed[whole.count - 20] ^= 1
        #expect(try problem(changed) == "its checksum does not fit: some of it was changed" + end)
    }

    @Test func aWriteThatFailsLeavesTheOldFile() throws {
        let scratch = try Scratch()
        try scratch.file.write(content(records: 1))
        // Nothing can be created under the temporary name: a directory that is not empty has it.
        mkdir(scratch.file.path + ".new", 0o755)
        try Data().write(to: URL(filePath: scratch.file.path + ".new/x"))
        let error = #expect(throws: ReplicaFileError.self) { try scratch.file.write(content(records: 2)) }
        #expect(error == .unwritable(path: scratch.file.path, step: "open", errno: EEXIST))
        #expect(try scratch.file.read() == content(records: 1))
        let nowhere = ReplicaFile(path: scratch.path + "/none/replica")
        #expect(throws: ReplicaFileError.unwritable(path: nowhere.path, step: "open", errno: ENOENT)) {
            try nowhere.write(content(records: 1))
        }
        let directory = ReplicaFile(path: scratch.path)
        #expect(throws: ReplicaFileError.damaged(path: scratch.path, "it is not a file")) { try directory.read() }
    }

    @Test func writersAtTheSameTimeDoNotMix() async throws {
        let scratch = try Scratch()
        let file = scratch.file
        try await withThrowingTaskGroup(of: Void.self) { group in
            for size in 1...8 { group.addTask { try file.write(content(records: 500 * size)) } }
            try await group.waitForAll()
        }
        let count = try #require(try file.read()).records.count
        #expect(count % 500 == 0 && count > 0)
        #expect(try scratch.names == ["replica"])
    }
}
