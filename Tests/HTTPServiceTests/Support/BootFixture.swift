// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Foundation
import Logging
import NIOCore
import Synchronization

@testable import HTTPService

/// A directory of files, removed with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("ondeck-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    }

    /// A file of zeros that takes no space.
    func writeSparse(_ name: String, bytes: Int) throws {
        guard FileManager.default.createFile(atPath: file(name), contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        guard truncate(file(name), bytes) == 0 else { throw CocoaError(.fileWriteOutOfSpace) }
    }
}

/// What a listener has asked of its engine and told it.
final class Journal: Sendable {
    let asked = Mutex<[BootRequest]>([])
    let outcomes = Mutex<[BootOutcome]>([])

    /// Waits until the n-th outcome is known.
    func outcome(_ number: Int) async throws -> BootOutcome {
        for _ in 0..<1000 {
            if let outcome = outcomes.withLock({ $0.count > number ? $0[number] : nil }) { return outcome }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RawClient.Failed(description: "no outcome \(number)")
    }
}

/// A boot listener whose engine serves a directory's files, "script" as a text, and the other answers by their names.
func withBootListener<Value: Sendable>(
    _ directory: TemporaryDirectory, idleLimit: TimeAmount = .seconds(120), journal: Journal = Journal(),
    trust: ProxyTrust = ProxyTrust(), connectionsMax: Int = 10_000, arriving: [String: ArrivingFile] = [:],
    _ body: @escaping @Sendable (UInt16) async throws -> Value
) async throws -> Value {
    let listener = try bootListener(
        directory, idleLimit: idleLimit, journal: journal, trust: trust, connectionsMax: connectionsMax,
        arriving: arriving)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            try await listener.run()
            return nil
        }
        group.addTask {
            guard let port = await listener.boundPort else { throw RawClient.Failed(description: "not listening") }
            return try await body(port)
        }
        defer { group.cancelAll() }
        while let value = try await group.next() {
            if let value { return value }
        }
        throw RawClient.Failed(description: "the listener ended")
    }
}

func bootListener(
    _ directory: TemporaryDirectory, idleLimit: TimeAmount, journal: Journal, trust: ProxyTrust = ProxyTrust(),
    connectionsMax: Int = 10_000, drainLimit: Duration = .seconds(60), arriving: [String: ArrivingFile] = [:]
) throws -> BootListener {
    guard let content = ContentDirectory(path: directory.path) else { throw CocoaError(.fileNoSuchFile) }
    let calls = BootPlaneCalls(
        get: { request in
            journal.asked.withLock { $0.append(request) }
            if let file = arriving[request.path] { return .arriving(file, contentType: "text/x-arriving") }
            return answer(request, content)
        },
        getNow: { request in
            // Half of the names are waited for, so that both ways are gone.
            guard request.path.utf8.count.isMultiple(of: 2), arriving[request.path] == nil else { return nil }
            journal.asked.withLock { $0.append(request) }
            return answer(request, content)
        },
        served: { _, outcome in journal.outcomes.withLock { $0.append(outcome) } })
    var logger = Logger(label: "boot")
    logger.logLevel = .critical
    return BootListener(
        listen: .loopback, port: 0, trust: trust, calls: calls, idleLimit: idleLimit, connectionsMax: connectionsMax,
        drainLimit: drainLimit, logger: logger)
}

private func answer(_ request: BootRequest, _ content: ContentDirectory) -> BootResponse {
    switch request.path {
    case "script": return .text("#!ipxe\nexit\n", contentType: "text/plain; charset=utf-8")
    case "empty-script": return .text("", contentType: "text/plain; charset=utf-8")
    case "b/52-54-00-12-34-56/done", "b/52-54-00-12-34-56/p/kernel": return .noContent
    case "gone": return .gone("used already")
    case "forbidden": return .forbidden("not yours")
    case "failed": return .failed("the store does not answer")
    default: break
    }
    do {
        return .file(try content.open(request.path), contentType: bootMediaType(path: request.path))
    } catch {
        return .notFound("no such file")
    }
}
