// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Foundation
import Glibc
import Model
import Testing

@Suite struct PartialBlobTests {
    private let workshop: BlobWorkshop
    private let store: BlobStore
    private let bytes = BlobWorkshop.bytes(3_000_000)
    private let digest: Digest

    init() throws {
        workshop = try BlobWorkshop()
        store = try workshop.open()
        digest = Digest.of(bytes)
    }

    @Test func nothingIsServedBeforeAllOfItIsVerified() async throws {
        let partial = try store.begin(digest, bytes: 3_000_000)
        for start in stride(from: 0, to: 3_000_000, by: 500_000) {
            #expect(store.open(digest).word == "absent")
            try partial.append(bytes[start..<(start + 500_000)])
        }
        #expect(store.open(digest).word == "absent")
        #expect(try await partial.arriving.available(beyond: 0) == 3_000_000 - Limits.arrivingTailBytes)
        try partial.publish()
        #expect(store.open(digest).file?.content == bytes)
        #expect(try await partial.arriving.available(beyond: 2_999_999) == 3_000_000)
        #expect(!workshop.exists(workshop.partial(digest)))
        var got = [UInt8](repeating: 0, count: 3_000_000)
        #expect(pread(partial.arriving.descriptor, &got, 3_000_000, 0) == 3_000_000 && got == bytes)
    }

    @Test func oneWriterAtATime() throws {
        let first = try store.begin(digest, bytes: 3_000_000)
        #expect(throws: BlobStoreError.busy) { try store.begin(digest, bytes: 3_000_000) }
        first.suspend()
        let second = try store.begin(digest, bytes: 3_000_000)
        #expect(throws: BlobStoreError.self) { try first.append([1]) }
        #expect(throws: BlobStoreError.self) { try first.publish() }
        try second.append(bytes)
        try second.publish()
        #expect(store.holds(digest))
    }

    @Test func aTransferGoesOnWhereItWas() async throws {
        var partial: PartialBlob? = try store.begin(digest, bytes: 3_000_000)
        try partial?.append(bytes[..<1_234_567])
        let arriving = try #require(partial?.arriving)
        // Dropped without a word: kept all the same.
        partial = nil
        await #expect(throws: ArrivingFile.Failure.self) { try await arriving.available(beyond: 2_000_000) }
        let again = try workshop.open()
        #expect(again.partials == [digest])
        let rest = try again.begin(digest, bytes: 3_000_000)
        #expect(rest.count == 1_234_567)
        #expect(try await rest.arriving.available(beyond: 0) == 1_234_567)
        try rest.append(bytes[1_234_567...])
        try rest.publish()
        #expect(again.open(digest).file?.content == bytes)
    }

    @Test func tooFewBytesCanBeGoneOnWith() throws {
        let partial = try store.begin(digest, bytes: 3_000_000)
        try partial.append(bytes[..<2_999_999])
        #expect(throws: BlobStoreError.incomplete(bytes: 2_999_999, of: 3_000_000)) { try partial.publish() }
        #expect(throws: BlobStoreError.surplus(bytes: 3_000_000)) { try partial.append([1, 2]) }
        try partial.append(bytes[2_999_999...])
        try partial.publish()
        #expect(store.holds(digest))
    }

    @Test func whatIsNotWhatItShouldBeIsThrownAway() async throws {
        let partial = try store.begin(digest, bytes: 3_000_000)
        let wrong = BlobWorkshop.bytes(3_000_000, seed: 9)
        try partial.append(wrong)
        #expect(throws: BlobStoreError.mismatch(expected: digest, found: Digest.of(wrong))) { try partial.publish() }
        #expect(!store.holds(digest) && !workshop.exists(workshop.partial(digest)))
        await #expect(throws: ArrivingFile.Failure.self) { try await partial.arriving.available(beyond: 2_999_000) }
        let again = try store.begin(digest, bytes: 3_000_000)
        #expect(again.count == 0)
    }

    @Test func anEmptyFileIsAFile() throws {
        let nothing = Digest.of([])
        try store.begin(nothing, bytes: 0).publish()
        #expect(store.open(nothing).file?.size == 0)
    }

    @Test func discardedIsGone() throws {
        let partial = try store.begin(digest, bytes: 3_000_000)
        try partial.append(bytes[..<1000])
        partial.discard()
        #expect(!workshop.exists(workshop.partial(digest)))
        #expect(try store.begin(digest, bytes: 3_000_000).count == 0)
    }

    @Test func partsThatNobodyWantsGo() throws {
        let other = Digest.of([1])
        try store.begin(digest, bytes: 3_000_000).append(bytes[..<1000])
        let busy = try store.begin(other, bytes: 2)
        try busy.append([1])
        store.removePartials(except: [])
        #expect(store.partials == [other])
        busy.suspend()
        store.removePartials(except: [other])
        #expect(store.partials == [other])
        store.removePartials(except: [])
        #expect(store.partials.isEmpty)
    }

    /// Room that was set aside for a transfer that no longer runs belongs to others.
    @Test func whatWasSetAsideIsGivenBack() throws {
        let partial = try store.begin(digest, bytes: 3_000_000)
        try partial.append(bytes[..<100_000])
        partial.suspend()
        var status = stat()
        #expect(stat(workshop.partial(digest), &status) == 0)
        #expect(status.st_size == 100_000)
        #expect(status.st_blocks * 512 < 1_000_000)
    }

    @Test func aFileThatDoesNotFitIsRefusedBeforeItComes() throws {
        let (held, _) = try store.add(bytes: bytes)
        let free = try #require(store.bytesFree)
        do {
            _ = try store.begin(Digest.of([7]), bytes: free + (1 << 30))
            Issue.record("it began")
        } catch { #expect({ if case .full = error { true } else { false } }(), "\(error)") }
        #expect(store.open(held).word == "file")
        // Nothing is left of it, and the writer's place is free again.
        #expect(store.partials.isEmpty)
        let small = try store.begin(Digest.of([7]), bytes: 1)
        try small.append([7])
        try small.publish()
    }

    // MARK: Killed at any instant

    @Test func killedWhileBytesCame() throws {
        try workshop.write(workshop.partial(digest), Array(bytes[..<777]))
        let again = try workshop.open()
        #expect(!again.holds(digest))
        let partial = try again.begin(digest, bytes: 3_000_000)
        #expect(partial.count == 777)
        try partial.append(bytes[777...])
        try partial.publish()
        #expect(again.open(digest).file?.content == bytes)
    }

    @Test func killedBeforeTheRename() throws {
        try workshop.write(workshop.partial(digest), bytes)
        chmod(workshop.partial(digest), 0o444)
        let again = try workshop.open()
        #expect(!again.holds(digest))
        let partial = try again.begin(digest, bytes: 3_000_000)
        #expect(partial.count == 3_000_000)
        try partial.publish()
        #expect(again.open(digest).file?.content == bytes)
    }

    @Test func killedBetweenRenameAndIndex() async throws {
        mkdir((workshop.blob(digest) as NSString).deletingLastPathComponent, 0o755)
        try workshop.write(workshop.blob(digest), bytes)
        let again = try workshop.open()
        #expect(!again.holds(digest) && again.isBeingChecked(digest))
        #expect(again.open(digest).word == "damaged")
        await again.verify()
        #expect(again.open(digest).file?.content == bytes)
        #expect(try workshop.open().holds(digest), "the index has it now")
    }

    /// A file whose bytes never reached the disk, though its name did.
    @Test func thePowerFailed() async throws {
        mkdir((workshop.blob(digest) as NSString).deletingLastPathComponent, 0o755)
        try workshop.write(workshop.blob(digest), [UInt8](repeating: 0, count: 3_000_000))
        try workshop.write(workshop.partial(Digest.of([5])), [6, 6, 6])
        try workshop.write(workshop.path + "/partial/add-7", [1])
        let again = try workshop.open()
        await again.verify()
        #expect(!again.holds(digest) && !workshop.exists(workshop.blob(digest)))
        #expect(workshop.damaged == [digest])
        #expect(try again.begin(Digest.of([5]), bytes: 1).count == 0, "a part that is too long is no part")
        #expect(!workshop.exists(workshop.path + "/partial/add-7"))
    }

    enum IndexHarm: CaseIterable { case lost, empty, torn, garbled, zeros, binary, foreign }

    @Test(arguments: IndexHarm.allCases)
    func aLostIndexCostsARehashAndNoMore(_ harm: IndexHarm) async throws {
        let (first, _) = try store.add(bytes: bytes)
        let (second, _) = try store.add(bytes: [1, 2, 3])
        let index = try workshop.read(workshop.index)
        switch harm {
        case .lost: unlink(workshop.index)
        case .empty: try workshop.write(workshop.index, [])
        case .torn: try workshop.write(workshop.index, index.dropLast(3))
        case .garbled: try workshop.write(workshop.index, index.map { $0 == 0x20 ? 0x2d : $0 })
        case .zeros: try workshop.write(workshop.index, [UInt8](repeating: 0, count: index.count))
        case .binary: try workshop.write(workshop.index, BlobWorkshop.bytes(5000))
        case .foreign: try workshop.write(workshop.index, Array("ondeck-blobs 9\n".utf8) + index.dropFirst(15))
        }
        let again = try workshop.open()
        #expect(again.countBeingChecked == (harm == .torn ? 1 : 2))
        await again.verify()
        #expect(again.open(first).file?.content == bytes)
        #expect(again.open(second).file?.content == [1, 2, 3])
        #expect(workshop.damaged.isEmpty)
        let third = try workshop.open()
        #expect(third.countBeingChecked == 0 && third.holds(first) && third.holds(second))
    }

    @Test func whatIsThereAlreadyIsOnTheDiskWhenItHasToBe() throws {
        func index() throws -> String { String(decoding: try workshop.read(workshop.index), as: UTF8.self) }
        _ = try store.add(bytes: bytes, durably: false)
        #expect(try !index().contains("\(digest)"))
        _ = try store.add(bytes: bytes)
        #expect(try index().contains("\(digest)"))
        #expect(try workshop.open().holds(digest))
    }

    @Test func timesThatCannotBeAreNotBelieved() throws {
        let (digest, _) = try store.add(bytes: bytes)
        let lines = String(decoding: try workshop.read(workshop.index), as: UTF8.self).split(separator: "\n")
        let fields = try #require(lines.last).split(separator: " ").dropLast().joined(separator: " ")
        let text = lines.dropLast().joined(separator: "\n") + "\n\(fields) \(Int64.max)\n"
        try workshop.write(workshop.index, Array(text.utf8))
        let again = try workshop.open()
        #expect(again.blobs.isEmpty && again.isBeingChecked(digest))
    }

    @Test func whatHasBeenUsedSinceStays() throws {
        let (digest, _) = try store.add(bytes: bytes)
        let lastUsed = try #require(store.blobs.first).lastUsed
        #expect(!store.remove(digest, unlessUsedAfter: lastUsed.adding(seconds: -1)))
        #expect(store.open(digest).file != nil)
        #expect(store.remove(digest, unlessUsedAfter: lastUsed))
        #expect(store.open(digest).file == nil)
    }

    @Test func theIndexStaysSmall() async throws {
        _ = try store.add(bytes: bytes)
        for number in 0..<700 {
            let (digest, _) = try store.add(bytes: [UInt8(number & 255), UInt8(number >> 8)], durably: false)
            try store.sync()
            store.remove(digest)
        }
        #expect(try workshop.read(workshop.index).count > 100_000)
        let running = Task { await store.run(scrubBytesPerSecond: 1 << 30) }
        for _ in 0..<200 where try workshop.read(workshop.index).count > 1_000 {
            try await Task.sleep(for: .milliseconds(10))
        }
        running.cancel()
        await running.value
        #expect(try workshop.read(workshop.index).count < 1_000)
        #expect(try workshop.open().holds(Digest.of(bytes)))
    }
}
