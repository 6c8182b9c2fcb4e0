// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// A small web server on the loopback that does what a test tells it to: it breaks off, stalls, or is not there.
final class TestWeb: Sendable {
    struct Request: Hashable, Sendable {
        var method: String
        var path: String
        /// Where the client wants to begin.
        var from: Int
        var ifRange: String?
    }

    struct File: Sendable {
        var bytes: [UInt8]
        /// With its quotes.
        var tag: String?
    }

    private struct State {
        var requests: [Request] = []
        /// Bodies end after so many bytes, and the connection with them.
        var cutAfter: Int?
        /// Milliseconds before each 64 KiB.
        var delay = 0
        var isDown = false
        var ignoresIfRange = false
        var hidesLength = false
    }

    let port: UInt16
    private let listener: Int32
    private let find: @Sendable (String) -> File?
    private let state = Mutex(State())

    init(_ find: @escaping @Sendable (String) -> File?) throws {
        self.find = find
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, size) + listen(descriptor, 64) + getsockname(descriptor, raw, &size)
            }
        }
        guard result == 0 else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { [weak self, descriptor] in
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0, let self else { return }
                Thread { self.serve(client) }.start()
            }
        }
        thread.start()
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    var base: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { state.withLock { $0.requests } }
    func requests(_ method: String, _ path: String) -> [Request] {
        requests.filter { $0.method == method && $0.path == path }
    }
    func cut(after bytes: Int?) { state.withLock { $0.cutAfter = bytes } }
    func delay(milliseconds: Int) { state.withLock { $0.delay = milliseconds } }
    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    /// As some servers do: a Range is a Range.
    func ignoreIfRange() { state.withLock { $0.ignoresIfRange = true } }
    /// Bodies end with their connection, and nobody can tell before how long they are.
    func hideLength() { state.withLock { $0.hidesLength = true } }

    private func serve(_ client: Int32) {
        defer { close(client) }
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard recv(client, &byte, 1, 0) == 1 else { return }
            head.append(byte)
        }
        guard !state.withLock({ $0.isDown }) else { return }
        let request = Self.parse(String(decoding: head, as: UTF8.self))
        state.withLock { $0.requests.append(request) }
        guard let file = find(request.path) else {
            return Self.send(
                client, Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
        }
        let (ignoresIfRange, hidesLength) = state.withLock { ($0.ignoresIfRange, $0.hidesLength) }
        let isSame = ignoresIfRange || request.ifRange.map { $0 == file.tag } ?? true
        let from = isSame ? request.from : 0
        if from > 0, from >= file.bytes.count {
            let text = "HTTP/1.1 416 No\r\nContent-Range: bytes */\(file.bytes.count)\r\nContent-Length: 0\r\n\r\n"
            return Self.send(client, Array(text.utf8))
        }
        var lines = [from > 0 ? "HTTP/1.1 206 Partial" : "HTTP/1.1 200 OK", "Connection: close"]
        if !hidesLength { lines.append("Content-Length: \(file.bytes.count - from)") }
        if from > 0 { lines.append("Content-Range: bytes \(from)-\(file.bytes.count - 1)/\(file.bytes.count)") }
        if let tag = file.tag { lines.append("ETag: \(tag)") }
        Self.send(client, Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        if request.method == "GET" { sendBody(client, file.bytes[from...]) }
    }

    private func sendBody(_ client: Int32, _ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        if let cut = state.withLock({ $0.cutAfter }) { rest = rest.prefix(cut) }
        while !rest.isEmpty {
            let delay = state.withLock { $0.delay }
            if delay > 0 { usleep(UInt32(delay * 1_000)) }
            guard !state.withLock({ $0.isDown }) else { return }
            Self.send(client, Array(rest.prefix(64 << 10)))
            rest = rest.dropFirst(64 << 10)
        }
    }

    private static func send(_ client: Int32, _ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(client, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private static func parse(_ head: String) -> Request {
        let lines = head.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        var request = Request(
            method: words.first.map(String.init) ?? "", path: words.dropFirst().first.map(String.init) ?? "", from: 0)
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].trimmingCharacters(in: .whitespaces)
            switch parts[0].lowercased() {
            case "range": request.from = Int(value.dropFirst(6).prefix { $0 != "-" }) ?? 0
            case "if-range": request.ifRange = value
            default: break
            }
        }
        return request
    }
}
