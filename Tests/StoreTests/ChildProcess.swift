// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A program that a test runs.
final class ChildProcess: Sendable {
    struct Output: Sendable {
        var lines: [String]
        var errors: String
        var status: Int32
    }

    private struct NotFound: Error, CustomStringConvertible {
        var description: String
    }

    private let process: Mutex<Process>
    private let output = Pipe()
    private let errors = Pipe()
    let pid: Int32

    init(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        pid = process.processIdentifier
        self.process = Mutex(process)
    }

    func kill(_ signal: Int32 = SIGKILL) { Foundation.kill(pid, signal) }

    /// Everything it wrote, once it has ended.
    func finish() async -> Output {
        async let lines = Self.text(output)
        async let errors = Self.text(errors)
        let text = await lines
        let status = process.withLock { process in
            process.waitUntilExit()
            return process.terminationStatus
        }
        return await Output(lines: text.split(separator: "\n").map(String.init), errors: errors, status: status)
    }

    /// On a thread of its own: reading waits.
    private static func text(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { done in
            Thread.detachNewThread {
                let data = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
                done.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }

    /// StoreProbe lies beside the tests' own executable.
    static func probe(_ arguments: String...) throws -> ChildProcess { try ChildProcess(try probePath(), arguments) }

    static func probePath() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: own).deletingLastPathComponent().appending(path: "StoreProbe").path
    }

    /// Runs a tool of the system to its end. A tool that is not installed fails the test: it would test nothing.
    static func run(_ tool: String, _ arguments: String...) async throws -> Output {
        try await run(tool, arguments: arguments)
    }

    static func run(_ tool: String, arguments: [String]) async throws -> Output {
        let folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        guard let path = folders.map({ "\($0)/\(tool)" }).first(where: FileManager.default.isExecutableFile) else {
            throw NotFound(description: "this test needs \(tool), which is not installed")
        }
        return try await ChildProcess(path, arguments).finish()
    }
}
