// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import Glibc
import Testing

/// Two processes on one content store.
@Suite struct ContentLockTests {
    private let directory: String

    init() throws {
        var template = Array("/tmp/ondeck-lock-XXXXXX\0".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) }) + "/content-store"
    }

    private func sentence() -> String? {
        do throws(ContentLock.Fault) {
            _ = try ContentLock(directory: directory)
            return nil
        } catch { return error.sentence }
    }

    @Test func theSecondIsRefusedAndToldWhoHasIt() throws {
        defer { try? FileManager.default.removeItem(atPath: directory + "/..") }
        var first: ContentLock? = try ContentLock(directory: directory)
        #expect(sentence() == "\(directory) is in use by another ondeck (process \(getpid()))")
        withExtendedLifetime(first) {}
        first = nil
        #expect(sentence() == nil, "whoever is gone leaves no lock behind, only its file")
        #expect(FileManager.default.fileExists(atPath: directory + "/lock"))
    }

    @Test func aFileInTheDirectorysPlaceIsSaid() throws {
        #expect(FileManager.default.createFile(atPath: directory, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(sentence()?.contains(directory) == true)
    }
}
