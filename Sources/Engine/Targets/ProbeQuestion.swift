// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What is read to learn whether a service works: the file "probe", as a machine would read it.
enum ProbeQuestion: Hashable, Sendable {
    case tftp(IPv4Address, port: UInt16)
    case http(HTTP)

    struct HTTP: Hashable, Sendable {
        var address: IPv4Address
        var port: UInt16
        /// What the request says in `Host`.
        var host: String
        /// "/probe", after the path of a base URL.
        var path: String
        /// The listener wants the PROXY protocol: a LOCAL header goes before the request.
        var isProxied = false
    }

    static let name = "probe"

    var address: IPv4Address {
        switch self {
        case .tftp(let address, _): address
        case .http(let http): http.address
        }
    }

    var port: UInt16 {
        switch self {
        case .tftp(_, let port): port
        case .http(let http): http.port
        }
    }

    /// The first bytes to send.
    var bytes: [UInt8] {
        switch self {
        case .tftp: [0, 1] + Array(Self.name.utf8) + [0] + Array("octet".utf8) + [0]
        case .http(let http):
            (http.isProxied ? Self.proxyHeader : [])
                + Array("GET \(http.path) HTTP/1.1\r\nHost: \(http.host)\r\n\(Self.headers)\r\n".utf8)
        }
    }

    private static let headers = "User-Agent: ondeck-probe\r\nConnection: close\r\n"

    /// PROXY protocol version 2: LOCAL, the connection's own addresses count.
    private static let proxyHeader: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x20, 0x00, 0x00, 0x00,
    ]

    /// What the bytes received so far say; nil: too few to know.
    func judge(_ bytes: [UInt8], isEnd: Bool) -> ProbeOutcome? {
        switch self {
        case .tftp: Self.judgeTFTP(bytes)
        case .http: Self.judgeHTTP(bytes, isEnd: isEnd)
        }
    }

    private static func judgeTFTP(_ bytes: [UInt8]) -> ProbeOutcome {
        guard bytes.count >= 4, bytes[0] == 0 else { return .wrong("not a TFTP packet") }
        switch bytes[1] {
        case 3 where bytes[2] == 0 && bytes[3] == 1: return .answered
        case 5:
            let text = String(decoding: bytes.dropFirst(4).prefix { $0 >= 0x20 && $0 < 0x7f }.prefix(80), as: UTF8.self)
            return .wrong("refused: \(text)")
        default: return .wrong("not the file's first block")
        }
    }

    /// A 200 with a body: that a connection is taken says little.
    private static func judgeHTTP(_ bytes: [UInt8], isEnd: Bool) -> ProbeOutcome? {
        let line = bytes.prefix { $0 != 0x0d && $0 != 0x0a }
        guard line.count < bytes.count else { return isEnd ? .wrong("closed without an answer") : nil }
        let words = line.split(separator: 0x20, maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return .wrong("not an HTTP answer")
        }
        guard status == 200 else { return .wrong("status \(status)") }
        let blank: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]
        let hasBody = bytes.indices.dropLast(4).contains { Array(bytes[$0..<$0 + 4]) == blank }
        if hasBody { return .answered }
        return isEnd || bytes.count >= Limits.probeAnswerBytesMax ? .wrong("status 200 without a body") : nil
    }
}

enum ProbeOutcome: Hashable, Sendable {
    case answered
    /// The machine answers, and nobody listens there.
    case refused
    /// No answer in time.
    case lost
    /// Something else than the file.
    case wrong(String)
}

/// What the questions to one service add up to.
struct ProbeRecord: Hashable, Sendable {
    /// At this very node or at an operator's endpoint there is no doubt where it is: every failure counts. Another node
    /// may be out of our reach from the start, and not out of its machines': only what has worked can fail.
    var isCertain: Bool
    var lostMax = Limits.targetProbesLostMax
    private(set) var health = ServiceHealth.unknown
    /// What is wrong; nil: nothing is, or nobody has asked.
    private(set) var fault: String?
    private(set) var answeredAt: Uptime?
    private var lost = 0
    private var failed = 0

    init(isCertain: Bool, lostMax: Int = Limits.targetProbesLostMax) {
        self.isCertain = isCertain
        self.lostMax = lostMax
    }

    var hasWorked: Bool { answeredAt != nil }

    mutating func take(_ outcome: ProbeOutcome, now: Uptime) {
        guard let reason = outcome.fault else {
            (health, fault, answeredAt, lost, failed) = (.works, nil, now, 0, 0)
            return
        }
        if outcome == .lost {
            lost += 1
            guard lost >= lostMax || !hasWorked else { return }
        }
        fail(reason)
    }

    mutating func fail(_ reason: String) {
        fault = reason
        failed += 1
        // What has not worked yet may be about to start.
        if hasWorked || (isCertain && failed >= lostMax) { health = .fails }
    }
}
