// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A blocking TCP client that sends and shows exact bytes. For threads of its own only: see `onThread`.
final class RawClient {
    private let descriptor: Int32
    private var pending: [UInt8] = []

    struct Failed: Error, CustomStringConvertible { var description: String }

    /// A response as it stood on the wire.
    struct Response {
        var statusLine: String
        /// In order, as sent.
        var headers: [(name: String, value: String)]
        var body: [UInt8] = []
        var status: Int { Int(statusLine.split(separator: " ")[1]) ?? 0 }
        var text: String { String(decoding: body, as: UTF8.self) }
        subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
        /// The head without its date, to compare.
        var head: [String] { [statusLine] + headers.filter { $0.name != "Date" }.map { "\($0.name): \($0.value)" } }
    }

    /// `receiveBytes`: the size of the receive buffer, for slow readers.
    init(port: UInt16, timeoutSeconds: Int = 20, receiveBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Failed(description: "connect: \(reason)")
        }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ all: [UInt8]) throws {
        var bytes = all[...]
        while !bytes.isEmpty {
            let sent = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { throw Failed(description: "send: \(String(cString: strerror(errno)))") }
            bytes = bytes.dropFirst(sent)
        }
    }

    /// Says that nothing more will be asked.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Makes closing a reset: what is on its way is lost, and the server's end fails.
    func resetAtClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Nothing at the end of the stream.
    private func receive(atMost count: Int = 256 << 10) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &buffer, count, 0)
        guard received >= 0 else { throw Failed(description: "recv: \(String(cString: strerror(errno)))") }
        return Array(buffer.prefix(received))
    }

    /// Whether the server closes, without sending anything more.
    func isClosedByServer() throws -> Bool { try pending.isEmpty && receive(atMost: 1).isEmpty }

    func readHead() throws -> Response {
        while true {
            if let end = pending.indices.first(where: { pending[$0...].starts(with: [13, 10, 13, 10]) }) {
                let lines = String(decoding: pending[..<end], as: UTF8.self).components(separatedBy: "\r\n")
                pending.removeFirst(end + 4)
                return Response(statusLine: lines[0], headers: try lines.dropFirst().map(Self.header))
            }
            let part = try receive()
            guard !part.isEmpty else { throw Failed(description: "closed before a response") }
            pending += part
        }
    }

    private static func header(_ line: String) throws -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: ":") else { throw Failed(description: "no header: \(line)") }
        return (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }

    /// A head and as many octets as it says follow.
    func readResponse(hasBody: Bool = true) throws -> Response {
        var response = try readHead()
        let length = Int(response["Content-Length"] ?? "0") ?? 0
        if hasBody { response.body = try readBody(length) }
        return response
    }

    func readBody(_ count: Int) throws -> [UInt8] {
        while pending.count < count {
            let part = try receive()
            guard !part.isEmpty else { throw Failed(description: "closed after \(pending.count) of \(count)") }
            pending += part
        }
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

    /// Reads and forgets; the number of octets until the server closed or `count` were read.
    func skipBody(_ count: Int) throws -> Int {
        var read = min(count, pending.count)
        pending.removeFirst(read)
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while read < count {
            let received = recv(descriptor, &buffer, min(buffer.count, count - read), 0)
            guard received > 0 else { return read }
            read += received
        }
        return read
    }

    func readLine() throws -> String {
        while true {
            if let end = pending.firstIndex(of: 10) {
                defer { pending.removeFirst(end + 1) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            let part = try receive()
            guard !part.isEmpty else { throw Failed(description: "closed before a line's end") }
            pending += part
        }
    }

    func ask(_ request: String, hasBody: Bool = true) throws -> Response {
        try send(request)
        return try readResponse(hasBody: hasBody)
    }

    func get(_ path: String, headers: [String] = []) throws -> Response { try ask(Self.request("GET", path, headers)) }
    func head(_ path: String, headers: [String] = []) throws -> Response {
        try ask(Self.request("HEAD", path, headers), hasBody: false)
    }

    static func request(_ method: String, _ path: String, _ headers: [String] = [], body: String = "") -> String {
        let length = body.isEmpty ? [] : ["Content-Length: \(body.utf8.count)"]
        return (["\(method) \(path) HTTP/1.1", "Host: boot.example"] + headers + length + ["", ""])
            .joined(separator: "\r\n") + body
    }
}

/// Runs blocking code on a thread of its own, off the pool that the server under test runs on.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(ThreadExecutor()) { try body() }
}

/// A thread for each job. As a task's executor it keeps the task, and with it the test that failures belong to.
private final class ThreadExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
