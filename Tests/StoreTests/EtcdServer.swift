// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreEtcd
import Synchronization

/// One real etcd on 127.0.0.1, with a folder of its own. It can be killed, frozen and started again.
final class EtcdServer: Sendable {
    struct Failure: Error, CustomStringConvertible { var description: String }

    let name: String
    let folder: String
    let clientPort: UInt16
    let peerPort: UInt16
    private let scheme: String
    private let arguments: [String]
    private let process = Mutex<Process?>(nil)

    var endpoint: String { "\(scheme)://127.0.0.1:\(clientPort)" }
    private var peer: String { "http://127.0.0.1:\(peerPort)" }
    var pid: Int32? { process.withLock { $0?.processIdentifier } }

    private init(name: String, folder: String, scheme: String, arguments: [String]) throws {
        self.name = name
        self.folder = folder
        self.scheme = scheme
        self.arguments = arguments
        clientPort = try Self.freePort()
        peerPort = try Self.freePort()
    }

    /// Runs `body` with so many members of one cluster, and ends them.
    static func with(
        members count: Int = 1, scheme: String = "http", arguments: [String] = [],
        _ body: ([EtcdServer]) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let members = try (1...count).map { number in
                try EtcdServer(name: "n\(number)", folder: folder, scheme: scheme, arguments: arguments)
            }
            defer { for member in members { member.end() } }
            for member in members { try member.start(among: members) }
            for member in members { try await member.waitUntilReady() }
            try await body(members)
        }
    }

    /// Starts it, again perhaps: with the data that it has.
    func start(among members: [EtcdServer]) throws {
        let process = Process()
        process.executableURL = URL(filePath: try Self.program("etcd"))
        process.arguments =
            [
                "--name", name, "--data-dir", "\(folder)/\(name)",
                "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", members.map { "\($0.name)=\($0.peer)" }.joined(separator: ","),
            ] + arguments
        let log = "\(folder)/\(name).log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        self.process.withLock { $0 = process }
    }

    /// Its port answers.
    func waitUntilReady() async throws {
        for _ in 1...600 {
            if Self.connects(to: clientPort), try await isHealthy() { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        let log = (try? String(contentsOfFile: "\(folder)/\(name).log", encoding: .utf8)) ?? ""
        throw Failure(description: "etcd did not start:\n\(log.suffix(2_000))")
    }

    private func isHealthy() async throws -> Bool {
        guard scheme == "http" else { return true }
        let store = try EtcdStore(settings: EtcdSettings(endpoints: [endpoint]))
        let status = await store.status()
        await store.close()
        return status.hasQuorum
    }

    func signal(_ signal: Int32) { if let pid { kill(pid, signal) } }

    /// kill -9; returns when it is gone.
    func end() {
        let process = process.withLock { process in
            defer { process = nil }
            return process
        }
        guard let process else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    @discardableResult
    func etcdctl(_ arguments: String...) async throws -> ChildProcess.Output {
        let program = try Self.program("etcdctl")
        let environment = ["ETCDCTL_API=3", program, "--endpoints", endpoint, "--command-timeout", "20s"]
        let output = try await ChildProcess("/usr/bin/env", environment + arguments).finish()
        guard output.status == 0 else { throw Failure(description: "etcdctl \(arguments): \(output.errors)") }
        return output
    }

    // MARK: Parts

    static func program(_ name: String) throws -> String {
        let folders =
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin", "/usr/local/bin"]
        if let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile) {
            return path
        }
        throw Failure(
            description:
                "these tests need \(name), which is not installed; on Debian: apt-get install etcd-server etcd-client")
    }

    static func freePort() throws -> UInt16 {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(handle) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(handle, $0, length) == 0 && getsockname(handle, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure(description: "no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func connects(to port: UInt16) -> Bool {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(handle) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    // MARK: The one that the contract's tests share

    private static let sharedStart = Mutex<Task<EtcdServer, any Error>?>(nil)
    private static let sharedServer = Mutex<EtcdServer?>(nil)

    /// Started by whoever asks first, ended with the tests' process.
    static func shared() async throws -> EtcdServer {
        let start = sharedStart.withLock { start in
            let task = start ?? Task { try await startShared() }
            start = task
            return task
        }
        return try await start.value
    }

    private static func startShared() async throws -> EtcdServer {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ondeck-etcd-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let server = try EtcdServer(name: "shared", folder: folder, scheme: "http", arguments: [])
        sharedServer.withLock { $0 = server }
        atexit {
            guard let server = EtcdServer.sharedServer.withLock({ $0 }) else { return }
            server.end()
            try? FileManager.default.removeItem(atPath: server.folder)
        }
        try server.start(among: [server])
        try await server.waitUntilReady()
        return server
    }
}
