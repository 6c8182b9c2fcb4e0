// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Foundation
import Glibc
import Model
import Testing

@Suite struct BlobStoreTests {
    private let workshop: BlobWorkshop
    private let store: BlobStore
    private let bytes = BlobWorkshop.bytes(300_000)

    init() throws {
        workshop = try BlobWorkshop()
        store = try workshop.open()
    }

    // MARK: Coming in and going

    @Test func theHashIsSHA256() {
        #expect(
            Digest.of(Array("abc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func whatIsAddedIsServedUnderItsDigest() throws {
        let (digest, count) = try store.add(bytes: bytes)
        #expect(digest == Digest.of(bytes))
        #expect(count == 300_000)
        let file = try #require(store.open(digest).file)
        #expect(file.content == bytes)
        #expect(file.version == digest.description)
        #expect(file.permissions == 0o444)
        #expect(store.holds(digest))
        #expect(store.bytesHeld == 300_000)
        #expect(store.blobs.map(\.digest) == [digest])
        #expect(try workshop.open().open(digest).file?.content == bytes)
    }

    @Test func theSameTwiceIsOne() throws {
        let first = try store.add(bytes: bytes)
        let second = try store.add(bytes: bytes)
        #expect(first == second)
        #expect(store.bytesHeld == 300_000)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.path + "/partial").isEmpty)
    }

    @Test(arguments: [false, true], [false, true])
    func filesAreCopiedOrMoved(moving: Bool, durably: Bool) throws {
        let source = workshop.path + "/source"
        try workshop.write(source, bytes)
        let (digest, count) = try store.add(path: source, moving: moving, durably: durably)
        try store.sync()
        #expect(digest == Digest.of(bytes) && count == 300_000)
        #expect(store.open(digest).file?.content == bytes)
        #expect(workshop.exists(source) != moving)
        let again = try workshop.open()
        #expect(again.countBeingChecked == 0)
        #expect(again.holds(digest))
    }

    @Test func aFileWithAnotherNameIsCopied() throws {
        let source = workshop.path + "/source"
        try workshop.write(source, bytes)
        #expect(link(source, workshop.path + "/other") == 0)
        let (digest, _) = try store.add(path: source, moving: true)
        try workshop.write(workshop.path + "/other", [1])
        #expect(store.open(digest).file?.content == bytes)
    }

    @Test func whatIsNoFileIsRefused() throws {
        #expect(symlink("/etc/passwd", workshop.path + "/link") == 0)
        for name in ["link", "blobs", "nothing"] {
            #expect(throws: BlobStoreError.self) { try store.add(path: workshop.path + "/" + name) }
        }
    }

    @Test func removalIsLastingAndLeavesReadersAlone() throws {
        let (digest, _) = try store.add(bytes: bytes)
        let file = try #require(store.open(digest).file)
        store.remove(digest)
        #expect(store.open(digest).word == "absent")
        #expect(!store.holds(digest) && store.bytesHeld == 0)
        #expect(file.content == bytes)
        #expect(try workshop.open().open(digest).word == "absent")
        #expect(workshop.damaged.isEmpty)
    }

    @Test func noDescriptorStaysOpen() throws {
        let (digest, _) = try store.add(bytes: bytes)
        func mine() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0) }
                .count { $0.hasPrefix(workshop.path) }
        }
        let before = try mine()
        for _ in 0..<20 {
            #expect(store.open(digest).file != nil)
            let other = BlobWorkshop.bytes(10)
            let partial = try store.begin(Digest.of(other), bytes: 10)
            try partial.append(other)
            try partial.publish()
            store.remove(Digest.of(other))
            _ = try store.add(bytes: [1, 2, 3])
        }
        #expect(try mine() == before)
    }

    // MARK: Use

    @Test func useIsNoted() throws {
        let (digest, _) = try store.add(bytes: bytes)
        let before = try #require(store.blobs.first).lastUsed
        sleep(1)
        _ = store.open(digest)
        let after = try #require(store.blobs.first).lastUsed
        #expect(after > before)
    }

    // MARK: Damage

    enum Harm: String, CaseIterable {
        case corrupt, truncate, extend, touch, swap, link, directory, delete
    }

    private func harm(_ harm: Harm, _ file: String) throws {
        BlobWorkshop.tick()
        switch harm {
        case .corrupt:
            chmod(file, 0o644)
            let descriptor = Glibc.open(file, O_WRONLY)
            #expect(pwrite(descriptor, "X", 1, 1000) == 1)
            close(descriptor)
        case .truncate: #expect(truncate(file, 1000) == 0)
        case .extend: #expect(truncate(file, 300_001) == 0)
        case .touch: #expect(utimes(file, nil) == 0)
        case .swap:
            unlink(file)
            try workshop.write(file, BlobWorkshop.bytes(300_000, seed: 2))
        case .link:
            try workshop.write(workshop.path + "/elsewhere", bytes)
            unlink(file)
            #expect(symlink(workshop.path + "/elsewhere", file) == 0)
        case .directory:
            unlink(file)
            #expect(mkdir(file, 0o755) == 0)
        case .delete: #expect(unlink(file) == 0)
        }
    }

    @Test(arguments: Harm.allCases)
    func whatChangedIsNotServed(_ kind: Harm) async throws {
        let (digest, _) = try store.add(bytes: bytes)
        let (other, _) = try store.add(bytes: [1, 2, 3])
        try harm(kind, workshop.blob(digest))
        #expect(store.open(digest).word == "damaged")
        #expect(workshop.damaged == [digest])
        #expect(!store.holds(digest))
        #expect(store.bytesHeld == 3)
        #expect(store.open(other).word == "file")
        #expect(["damaged", "absent"].contains(store.open(digest).word))
        #expect(workshop.damaged == [digest], "it is said once")
        await store.verify()
        // Only a touched file is still what it was.
        #expect(store.open(digest).word == (kind == .touch ? "file" : "absent"))
        #expect(store.countBeingChecked == 0)
        // It can come again.
        if kind != .touch {
            let partial = try store.begin(digest, bytes: 300_000)
            try partial.append(bytes)
            try partial.publish()
        }
        #expect(store.open(digest).file?.content == bytes)
        #expect(try workshop.open().open(digest).file?.content == bytes)
    }

    @Test(arguments: Harm.allCases)
    func whatChangedWhileWeWereAwayIsNotServed(_ kind: Harm) async throws {
        let (digest, _) = try store.add(bytes: bytes)
        try harm(kind, workshop.blob(digest))
        let again = try workshop.open()
        #expect(!again.holds(digest))
        #expect(["damaged", "absent"].contains(again.open(digest).word))
        await again.verify()
        #expect(again.open(digest).word == (kind == .touch ? "file" : "absent"))
        #expect(again.countBeingChecked == 0)
    }

    /// A disk that lies: the content is another, and nothing else is.
    @Test func theScrubFindsWhatNoTimeOfChangeTells() async throws {
        let (digest, _) = try store.add(bytes: bytes)
        let (whole, _) = try store.add(bytes: [1, 2, 3])
        try harm(.corrupt, workshop.blob(digest))
        var status = stat()
        #expect(stat(workshop.blob(digest), &status) == 0)
        let changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        var lines = String(decoding: try workshop.read(workshop.index), as: UTF8.self).split(separator: "\n")
        let index = try #require(lines.lastIndex { $0.hasPrefix(digest.description) })
        lines[index] = "\(digest) 300000 \(status.st_ino) \(changed) 100 100"
        try workshop.write(workshop.index, Array((lines.joined(separator: "\n") + "\n").utf8))

        let again = try workshop.open()
        #expect(again.open(digest).word == "file", "nothing tells it")
        await again.scrub(paceBytesPerSecond: 1 << 30, olderThanSeconds: 3600)
        #expect(workshop.damaged == [digest])
        #expect(again.open(digest).word == "absent")
        #expect(again.open(whole).word == "file")
    }

    @Test func theScrubNotesThatItWasThere() async throws {
        _ = try store.add(bytes: bytes)
        await store.scrub(paceBytesPerSecond: 1 << 30, olderThanSeconds: 0)
        #expect(workshop.damaged.isEmpty)
        let began = ContinuousClock.now
        await store.scrub(paceBytesPerSecond: 1_000_000, olderThanSeconds: 3600)
        #expect(began.duration(to: .now) < .milliseconds(200), "it was verified a moment ago")
        await store.scrub(paceBytesPerSecond: 1_000_000, olderThanSeconds: 0)
        #expect(began.duration(to: .now) > .milliseconds(250), "300 kB at 1 MB/s")
    }

    @Test func manyReadersWhileItIsScrubbed() async throws {
        let digest = Digest.of(bytes)
        _ = try store.add(bytes: bytes)
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { [store, bytes] in
                    (0..<300).count { _ in store.open(digest).file.map { $0.content == bytes } ?? false }
                }
            }
            group.addTask { [store] in
                for _ in 0..<20 { await store.scrub(paceBytesPerSecond: 1 << 40, olderThanSeconds: 0) }
                return 300
            }
            for await served in group { #expect(served == 300) }
        }
        #expect(workshop.damaged.isEmpty)
    }
}
