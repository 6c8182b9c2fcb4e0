// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Glibc
import Logging
import Synchronization
import TFTPService
import Testing

/// A server on a free port of the loopback interface, with a few names.
final class TestServer: Sendable {
    let server: TFTPServer
    let port: UInt16
    let reported = Mutex<[TFTPReport]>([])
    let resolved = Mutex<[TFTPReadRequest]>([])

    init(
        mode: TFTPConfiguration.Mode = .singlePort, threads: Int = 1, files: [String: [UInt8]] = [:],
        openFiles: [String: OpenFile] = [:]
    ) throws {
        let box = Box()
        server = TFTPServer(
            configuration: TFTPConfiguration(port: 0, mode: mode, threads: threads),
            resolve: { request in
                box.owner.withLock { $0?.value }?.resolved.withLock { $0.append(request) }
                if let file = openFiles[request.name] { return .file(file) }
                if let bytes = files[request.name] { return .bytes(bytes) }
                if request.name == "forbidden" { return .refused(reason: "not for you") }
                return .missing(reason: "no such file")
            },
            report: { report in box.owner.withLock { $0?.value }?.reported.withLock { $0.append(report) } },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try server.start()
        port = try #require(server.port)
        box.owner.withLock { $0 = Weak(value: self) }
    }

    private final class Box: Sendable {
        let owner = Mutex<Weak?>(nil)
    }

    private struct Weak: Sendable { weak var value: TestServer? }

    func client(server: IPv4Address = .loopback, bind: IPv4Address = .loopback) throws -> TestClient {
        try TestClient(port: port, server: server, bind: bind)
    }

    func value(_ name: String, _ label: String? = nil) -> Int {
        server.counters.filter { $0.name == name && (label == nil || $0.labels.first?.value == label) }
            .reduce(0) { $0 + $1.value }
    }

    /// The server's threads report in their own time: waits until so many events are there, ten seconds at most.
    func events(_ count: Int) async throws -> [TFTPReport.Event] {
        for _ in 0..<1_000 {
            let events = reported.withLock { $0.map(\.event) }
            if events.count >= count { return events }
            try await Task.sleep(for: .milliseconds(10))
        }
        return reported.withLock { $0.map(\.event) }
    }
}

/// Octets that differ from block to block.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt32 = 12_345
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

/// A descriptor of a file without a name, which goes when it is closed.
func temporaryDescriptor(_ bytes: [UInt8]) throws -> Int32 {
    let stream = try #require(tmpfile())
    defer { fclose(stream) }
    let descriptor = dup(fileno(stream))
    try #require(descriptor >= 0)
    try #require(write(descriptor, bytes, bytes.count) == bytes.count)
    return descriptor
}

func temporaryFile(_ bytes: [UInt8]) throws -> OpenFile {
    try #require(OpenFile(descriptor: try temporaryDescriptor(bytes)))
}
