// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Model
import Synchronization

/// A base URL, taken apart as far as asking it for the probe file needs.
struct EndpointParts: Hashable, Sendable {
    var host: String
    var port: UInt16
    /// Without a slash at its end; empty: none.
    var path: String

    /// Nil for https: nobody here could judge the answer.
    init?(_ url: String) {
        let scheme = "http://"
        guard url.hasPrefix(scheme) else { return nil }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty else { return nil }
        if parts.count == 2 {
            guard let port = UInt16(parts[1]) else { return nil }
            self.port = port
        } else {
            port = 80
        }
        self.host = String(host)
        path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
    }
}

/// The addresses of endpoints' names. The system's look-up waits, so it has threads of its own, one a name at a time.
final class EndpointNames: Sendable {
    enum Answer: Hashable, Sendable {
        case addresses([IPv4Address])
        case failed(String)
    }

    private struct Entry {
        var answer: Answer?
        var askedAt: Uptime
        var isAsking: Bool
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// What is known of a host now; nil: nothing yet. Asks again by itself when that is old.
    func answer(_ host: String, now: Uptime) -> Answer? {
        if let address = IPv4Address(host) { return .addresses([address]) }
        let (answer, isDue) = entries.withLock { entries in
            let entry = entries[host]
            let age = entry.map { now.millisecondsSince($0.askedAt) } ?? .max
            guard entry?.isAsking != true, age >= Limits.endpointLookupMilliseconds else {
                return (entry?.answer, false)
            }
            entries[host] = Entry(answer: entry?.answer, askedAt: now, isAsking: true)
            return (entry?.answer, true)
        }
        if isDue { ask(host) }
        return answer
    }

    private func ask(_ host: String) {
        let isStarted = TargetThread.start(name: "lookup") { [self] in took(host, Self.lookUp(host)) }
        if !isStarted { took(host, .failed("no thread to look \(host) up with")) }
    }

    private func took(_ host: String, _ answer: Answer) {
        entries.withLock { entries in
            entries[host]?.isAsking = false
            // What was known before is better than nothing: asking there will show.
            if case .failed = answer, case .addresses? = entries[host]?.answer { return }
            entries[host]?.answer = answer
        }
    }

    private static func lookUp(_ host: String) -> Answer {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failed("\(host): \(String(cString: gai_strerror(code)))") }
        defer { freeaddrinfo(list) }
        var addresses: [IPv4Address] = []
        var next = list
        while let entry = next {
            if let address = entry.pointee.ai_addr, entry.pointee.ai_family == AF_INET {
                let bits = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
                addresses.append(IPv4Address(bits: UInt32(bigEndian: bits)))
            }
            next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failed("\(host) has no IPv4 address") : .addresses(addresses.sorted())
    }
}

/// A thread of its own for what waits in system calls.
enum TargetThread {
    /// False when there is none to be had.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        let start = Unmanaged.passRetained(Body(name: name, body: body))
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, runTargetThread, start.toOpaque())
        if result == 0 { pthread_detach(thread) } else { start.release() }
        return result == 0
    }

    fileprivate final class Body: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}

private func runTargetThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<TargetThread.Body>.fromOpaque(argument).takeRetainedValue()
    cl_name_thread(start.name)
    start.body()
    return nil
}
