// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Glibc
import Synchronization

@testable import CLI

/// What a command asked.
struct AskedRequest: Sendable, Hashable {
    var method: String
    var target: String
    /// By lower-case name.
    var headers: [String: String]
    var body: String

    var line: String { "\(method) \(target)" }
}

/// An answer. A stream's body is written as it is, and the connection closed after it.
struct FakeAnswer: Sendable {
    var status = 200
    var headers: [String: String] = [:]
    var body = ""
    /// Cut off before the body's end.
    var isBroken = false

    static func json(_ body: String, status: Int = 200, etag: String? = nil) -> FakeAnswer {
        var headers = ["Content-Type": status < 300 ? "application/json" : "application/problem+json"]
        if let etag { headers["ETag"] = "\"\(etag)\"" }
        return FakeAnswer(status: status, headers: headers, body: body)
    }
}

/// A server on loopback that answers one request a connection, in the order of `answers`; the last one is repeated.
final class FakeServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let state: Mutex<(answers: [FakeAnswer], asked: [AskedRequest])>

    init(_ answers: FakeAnswer...) {
        state = Mutex((answers, []))
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { socketAddress in
                guard bind(descriptor, socketAddress, length) == 0, listen(descriptor, 16) == 0,
                    getsockname(descriptor, socketAddress, &length) == 0
                else { return UInt16(0) }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
        Thread.detachNewThread { [weak self] in
            // Only this thread closes it: its number is at once another server's, whose clients it would accept.
            defer { close(descriptor) }
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                self?.serve(connection)
                close(connection)
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var asked: [AskedRequest] { state.withLock { $0.asked } }

    private func serve(_ connection: Int32) {
        guard let request = read(connection) else { return }
        let answer = state.withLock { state in
            state.asked.append(request)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
        }
        let length = answer.body.utf8.count + (answer.isBroken ? 10 : 0)
        let headers = answer.headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        let text =
            "HTTP/1.1 \(answer.status) Status\r\nContent-Length: \(length)\r\nConnection: close\r\n\(headers)\r\n"
        _ = Array((text + answer.body).utf8).withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
        // Whatever is still on its way is taken, or the close would be a reset.
        shutdown(connection, Int32(SHUT_WR))
        var rest = [UInt8](repeating: 0, count: 4096)
        while recv(connection, &rest, rest.count, 0) > 0 {}
    }

    private func read(_ connection: Int32) -> AskedRequest? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
                let pairs = lines.dropFirst().compactMap { line -> (String, String)? in
                    let halves = line.split(separator: ":", maxSplits: 1)
                    return halves.count == 2
                        ? (halves[0].lowercased(), halves[1].trimmingCharacters(in: .whitespaces)) : nil
                }
                let headers = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
                let body = String(text[end.upperBound...])
                if body.utf8.count >= Int(headers["content-length"] ?? "0") ?? 0 {
                    let words = lines[0].split(separator: " ").map(String.init)
                    return AskedRequest(method: words[0], target: words[1], headers: headers, body: body)
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer.prefix(count)
        }
    }
}

/// What a command wrote, and how it ended.
struct Ran: Sendable {
    var out: String
    var error: String
    var exitCode: Int32
}

/// Collects what a command writes.
final class Screen: Sendable {
    private let texts = Mutex((out: "", error: ""))

    func terminal(hasColors: Bool = false) -> Terminal {
        Terminal(
            out: { text in self.texts.withLock { $0.out += text } },
            error: { text in self.texts.withLock { $0.error += text } }, hasColors: hasColors)
    }

    var out: String { texts.withLock { $0.out } }
    var error: String { texts.withLock { $0.error } }
}

let fakeToken = "token-of-the-tests"

/// Runs a command against a server, as `ondeck ARGUMENTS` would.
func run<Command: ServerCommand>(
    _ type: Command.Type, _ arguments: [String], at port: UInt16, environment: [String: String] = [:]
) async -> Ran {
    let screen = Screen()
    var exitCode: Int32 = 0
    do {
        let command = try Command.parse(arguments + ["--api", "http://127.0.0.1:\(port)"])
        let all = environment.merging(["ONDECK_TOKEN": fakeToken]) { given, _ in given }
        try await command.run(screen.terminal(), environment: all)
    } catch {
        exitCode = Command.exitCode(for: error).rawValue
    }
    return Ran(out: screen.out, error: screen.error, exitCode: exitCode)
}

/// A file in a directory of its own, removed with the value.
final class TemporaryFile: Sendable {
    let path: String
    private let directory: URL

    init(_ name: String, _ text: String) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("ondeck-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        path = file.path
    }

    deinit { try? FileManager.default.removeItem(at: directory) }
}
