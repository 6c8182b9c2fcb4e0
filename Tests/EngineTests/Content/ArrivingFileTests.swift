// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc
import Model
import Testing

@Suite struct ArrivingFileTests {
    private static let tail = Limits.arrivingTailBytes

    private static func file(_ size: Int) -> ArrivingFile {
        ArrivingFile(descriptor: Glibc.open("/dev/null", O_RDONLY), size: size, version: "v")
    }

    @Test func readersGetWhatIsWrittenButForTheTail() async throws {
        let file = Self.file(Self.tail + 100)
        file.advance(to: 60)
        #expect(try await file.available(beyond: 0) == 60)
        file.advance(to: Self.tail + 100)
        #expect(try await file.available(beyond: 60) == 100)
        #expect(!file.isFinished)
        file.finish()
        #expect(try await file.available(beyond: 100) == Self.tail + 100)
        #expect(try await file.available(beyond: Self.tail + 100) == Self.tail + 100)
        #expect(file.isFinished)
    }

    @Test func nothingOfASmallFileComesBeforeItIsVerified() async throws {
        let file = Self.file(1_000)
        file.advance(to: 1_000)
        let reader = Task { try await file.available(beyond: 0) }
        try await Task.sleep(for: .milliseconds(20))
        file.fail("its SHA-256 is another")
        await #expect(throws: ArrivingFile.Failure(reason: "its SHA-256 is another")) { try await reader.value }
        // What is over stays so.
        file.finish()
        await #expect(throws: ArrivingFile.Failure.self) { try await file.available(beyond: 0) }
    }

    @Test func anEmptyFileIsThereWhenItIsFinished() async throws {
        let file = Self.file(0)
        file.finish()
        #expect(try await file.available(beyond: 0) == 0)
    }

    @Test func manyReadersAreWokenEachAtItsOffset() async throws {
        let size = Self.tail + 1_000
        let file = Self.file(size)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<50 {
                group.addTask {
                    var offset = reader * 20
                    while offset < size {
                        let next = try await file.available(beyond: offset)
                        #expect(next > offset)
                        offset = next
                    }
                }
            }
            for count in stride(from: 0, through: size, by: 977) {
                file.advance(to: count)
                await Task.yield()
            }
            file.finish()
            try await group.waitForAll()
        }
    }

    @Test func aReaderThatIsCancelledDoesNotWait() async {
        let file = Self.file(1_000)
        let reader = Task { try await file.available(beyond: 0) }
        try? await Task.sleep(for: .milliseconds(10))
        reader.cancel()
        await #expect(throws: ArrivingFile.Failure.self) { try await reader.value }
    }
}
