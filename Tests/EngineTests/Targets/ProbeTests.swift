// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing

@testable import Engine

@Suite struct ProbeTests {
    static func ask(_ question: ProbeQuestion, milliseconds: Int64 = 2_000) -> ProbeOutcome? {
        let clock = Clock()
        var sockets = ProbeSockets<Int>()
        defer { sockets.closeAll() }
        let deadline = clock.uptime().adding(milliseconds: milliseconds)
        if let outcome = sockets.ask(question, key: 1, deadline: deadline) { return outcome }
        while clock.uptime() < deadline.adding(milliseconds: 1_000) {
            for (key, outcome) in sockets.wait(milliseconds: 20, now: { clock.uptime() }) where key == 1 {
                return outcome
            }
        }
        return nil
    }

    static func http(_ port: UInt16, isProxied: Bool = false) -> ProbeQuestion {
        var http = ProbeQuestion.HTTP(address: .loopback, port: port, host: "127.0.0.1:\(port)", path: "/probe")
        http.isProxied = isProxied
        return .http(http)
    }

    static func http(_ manner: ProbeServer.Manner, isProxied: Bool = false) -> ProbeOutcome? {
        let server = ProbeServer(http: manner)
        defer { server.kill() }
        return ask(http(server.port, isProxied: isProxied), milliseconds: manner.isSilent ? 300 : 2_000)
    }

    static func tftp(_ manner: ProbeServer.Manner) -> ProbeOutcome? {
        let server = ProbeServer(tftp: manner)
        defer { server.kill() }
        return ask(.tftp(.loopback, port: server.port), milliseconds: manner.isSilent ? 300 : 2_000)
    }

    @Test func theFileIsReadByHTTP() {
        #expect(Self.http(.works) == .answered)
        #expect(Self.http(.proxied, isProxied: true) == .answered)
    }

    @Test func anythingElseByHTTPIsNotTheFile() {
        #expect(Self.http(.status(503)) == .wrong("status 503"))
        #expect(Self.http(.proxied) == .wrong("status 400"))
        #expect(Self.http(.hangsUp).map { $0 != .answered && $0 != .lost } == true)
        #expect(Self.http(.silent) == .lost)
    }

    @Test func theFileIsReadByTFTP() {
        #expect(Self.tftp(.works) == .answered)
        #expect(Self.tftp(.otherPort) == .answered)
    }

    @Test func anythingElseByTFTPIsNotTheFile() {
        #expect(Self.tftp(.refuses) == .wrong("refused: not there"))
        #expect(Self.tftp(.silent) == .lost)
    }

    /// The kernel's word that nobody listens is worth more than waiting for an answer.
    @Test func aClosedPortIsKnownAtOnce() {
        let (web, files) = (ProbeServer(http: .works), ProbeServer(tftp: .works))
        web.kill()
        files.kill()
        // The thread that still waits in the datagram socket holds it until it is woken by something.
        let port = Self.closedUDPPort()
        let clock = Clock()
        let begin = clock.uptime()
        #expect(Self.ask(Self.http(web.port)) == .refused)
        #expect(Self.ask(.tftp(.loopback, port: port)) == .refused)
        #expect(clock.uptime().millisecondsSince(begin) < 500)
    }

    static func closedUDPPort() -> UInt16 {
        // Odd numbers below the ephemeral range; taken ones answer nothing, so look for one that refuses.
        for port in stride(from: UInt16(20_001), to: 20_101, by: 2)
        where ask(.tftp(.loopback, port: port), milliseconds: 50) == .refused {
            return port
        }
        return 9
    }

    @Test func whatHasComeInPartsIsJudgedAsAWhole() {
        let question = Self.http(80)
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".utf8)
        for count in 0..<answer.count - 3 {
            #expect(question.judge(Array(answer.prefix(count)), isEnd: false) == nil, "\(count)")
        }
        #expect(question.judge(answer, isEnd: false) == .answered)
        #expect(question.judge(Array(answer.dropLast(3)), isEnd: true) == .wrong("status 200 without a body"))
        #expect(question.judge(Array("SSH-2.0\r\n".utf8), isEnd: false) == .wrong("not an HTTP answer"))
        #expect(question.judge([], isEnd: true) == .wrong("closed without an answer"))
        for bytes: [UInt8] in [[], [0], [0, 3, 0], [0, 3, 0, 2], [9, 9, 9, 9, 9]] {
            #expect(ProbeQuestion.tftp(.loopback, port: 69).judge(bytes, isEnd: true) != .answered)
        }
    }

    // MARK: What answers add up to

    static let now = Uptime(milliseconds: 5_000)

    @Test func aRefusalCountsAtOnceAndALostAnswerWhenItIsNotAlone() {
        var record = ProbeRecord(isCertain: false)
        record.take(.answered, now: Self.now)
        record.take(.lost, now: Self.now)
        #expect(record.health == .works)
        record.take(.lost, now: Self.now)
        #expect(record.health == .fails)
        #expect(record.fault == "no answer")
        record.take(.answered, now: Self.now)
        #expect(record.health == .works)
        #expect(record.fault == nil)
        record.take(.refused, now: Self.now)
        #expect(record.health == .fails)
    }

    @Test func anotherNodeThatNeverAnsweredIsNotJudged() {
        var other = ProbeRecord(isCertain: false)
        var own = ProbeRecord(isCertain: true)
        for outcome in [ProbeOutcome.refused, .lost, .lost, .wrong("status 404")] {
            other.take(outcome, now: Self.now)
            own.take(outcome, now: Self.now)
        }
        #expect(other.health == .unknown)
        #expect(other.fault == "status 404")
        #expect(own.health == .fails)
    }

    @Test func baseURLsAreTakenApart() {
        #expect(EndpointParts("http://boot.example")?.port == 80)
        let parts = EndpointParts("http://10.1.0.9:8080/ondeck/")
        #expect(parts?.host == "10.1.0.9")
        #expect(parts?.port == 8_080)
        #expect(parts?.path == "/ondeck")
        #expect(EndpointParts("https://boot.example") == nil)
        #expect(EndpointParts("http://boot.example:99999") == nil)
    }
}

extension ProbeServer.Manner {
    var isSilent: Bool { if case .silent = self { true } else { false } }
}
