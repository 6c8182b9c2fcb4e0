// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// Made-up clients, and a server that answers as the test says, in virtual time.
private struct Rehearsal {
    static let first = MACAddress(bits: 0x060d_0001_0000)
    var clients: DrillClients
    var now: Int64 = 0
    /// Every message, in order, with its time.
    var said: [(at: Int64, message: DHCPRequest)] = []
    /// The answer to a message; nil: silence.
    var answer: (DHCPRequest, Int64) -> DHCPReply?

    init(
        clients: Int, perSecond: Int,
        answer: @escaping (DHCPRequest, Int64) -> DHCPReply? = { message, _ in offerOrAck(message) }
    ) {
        self.clients = DrillClients(
            .init(clients: clients, perSecond: perSecond, firstMAC: Self.first, firstTransaction: .max), now: 0)
        self.answer = answer
    }

    mutating func run(_ milliseconds: Int64) {
        let end = now + milliseconds * 1_000
        while now < end {
            for message in clients.turn(now) { exchange(message) }
            now = min(end, max(now + 1, clients.nextTurn))
        }
    }

    /// Each answer takes a millisecond.
    mutating func exchange(_ message: DHCPRequest) {
        said.append((now, message))
        guard let reply = answer(message, now) else { return }
        now += 1_000
        if let next = clients.hear(reply, now) { exchange(next) }
    }

    mutating func end() { for message in clients.end(now) { said.append((now, message)) } }

    func said(_ type: DHCPMessageType) -> [DHCPRequest] { said.map(\.message).filter { $0.messageType == type } }
}

private let server = IPv4Address("10.0.0.1")!

/// Each client has an address of its own.
private func offerOrAck(_ message: DHCPRequest, address: IPv4Address? = nil, from: IPv4Address = server) -> DHCPReply? {
    let type: DHCPMessageType
    switch message.messageType {
    case .discover: type = .offer
    case .request: type = .ack
    default: return nil
    }
    var reply = DHCPReply(to: message, type: type)
    reply.yourAddress = address ?? IPv4Address(bits: 0x0a00_0100 + UInt32(message.mac!.bits & 0xff))
    reply.options.append(.serverIdentifier, from)
    return reply
}

@Suite struct DrillClientsTests {
    @Test func `they ask at the rate that was asked for, each with one address, and give everything back`() {
        var drill = Rehearsal(clients: 20, perSecond: 50)
        drill.run(4_000)
        drill.end()
        #expect((195...201).contains(drill.clients.log.leases.count))
        #expect(drill.clients.log.released == drill.clients.log.leases.count)
        #expect(Set(drill.said.map(\.message.mac)).count == 20)
        #expect(drill.said.allSatisfy { $0.message.mac!.bits >> 16 == Rehearsal.first.bits >> 16 })
        #expect(drill.clients.log.duplicates.isEmpty && drill.clients.log.lost.isEmpty)
        #expect(drill.clients.log.leases.allSatisfy { !$0.hasRepeated && $0.offerTook == 1_000 && $0.ackTook == 1_000 })
    }

    @Test func `what they say is what a client says`() throws {
        var drill = Rehearsal(clients: 3, perSecond: 20)
        drill.run(10)
        drill.end()
        #expect(drill.said.map(\.message.messageType) == [.discover, .request, .release])
        let (discover, request, release) = (drill.said[0].message, drill.said[1].message, drill.said[2].message)
        #expect(discover.wantsBroadcast && request.wantsBroadcast)
        #expect(discover.transactionID == request.transactionID && discover.transactionID != release.transactionID)
        #expect(request.requestedAddress == IPv4Address("10.0.1.0") && request.serverIdentifier == server)
        #expect(release.clientAddress == IPv4Address("10.0.1.0") && release.serverIdentifier == server)
        #expect(release.requestedAddress == nil)
    }

    @Test func `they repeat themselves after 1, 2 and 4 s, begin anew, and give up like a boot ROM`() {
        var drill = Rehearsal(clients: 3, perSecond: 20) { _, _ in nil }
        drill.run(20)
        drill.clients.stopAsking(drill.now)
        drill.run(20_000)
        #expect(drill.said.map { $0.at / 1_000_000 } == [0, 1, 3, 7, 11, 15].dropLast(1))
        #expect(drill.clients.log.lost == [0])
        #expect(drill.clients.waiting == 0)

        // A server that offers and does not acknowledge: four REQUESTs, then a DISCOVER.
        var half = Rehearsal(clients: 3, perSecond: 20) { message, _ in
            message.messageType == .discover ? offerOrAck(message) : nil
        }
        half.run(20)
        half.clients.stopAsking(half.now)
        half.run(11_500)
        #expect(
            half.said.map(\.message.messageType) == [
                .discover, .request, .request, .request, .request, .discover, .request,
            ])
        half.end()
        #expect(half.clients.log.lost.count == 1)
        #expect(half.clients.log.released == 0)
        // The ACK may have been lost, and the lease be there.
        #expect(half.said.last?.message.messageType == .release)
    }

    @Test func `in an outage no more ask than there are, and all get on when it ends`() {
        var drill = Rehearsal(clients: 20, perSecond: 50) { message, at in
            (1_000_000..<2_200_000).contains(at) ? nil : offerOrAck(message)
        }
        drill.run(2_100)
        #expect(drill.clients.waiting == 20)
        drill.run(4_000)
        drill.end()
        #expect(drill.clients.log.lost.isEmpty)
        #expect(drill.clients.log.leases.count { $0.hasRepeated } == 20)
        let findings = DrillFindings(drill.clients.log, faults: [1_000_000])
        #expect(findings.sentAgain == 20)
        #expect((1_180...1_500).contains(findings.gapMilliseconds ?? 0))
    }

    @Test func `one address for two clients is seen, and only while both have it`() {
        var drill = Rehearsal(clients: 4, perSecond: 20) { message, _ in
            offerOrAck(message, address: IPv4Address("10.0.1.9")!)
        }
        drill.run(60)
        #expect(drill.clients.log.duplicates.count == 1)
        #expect(
            drill.clients.log.duplicates.first
                == DrillLog.Duplicate(
                    address: IPv4Address("10.0.1.9")!,
                    macs: [Rehearsal.first, MACAddress(bits: Rehearsal.first.bits + 1)]))
        // One after the other is as it should be.
        var alone = Rehearsal(clients: 1, perSecond: 20) { message, _ in
            offerOrAck(message, address: IPv4Address("10.0.1.9")!)
        }
        alone.run(3_000)
        #expect(alone.clients.log.leases.count > 20)
        #expect(alone.clients.log.duplicates.isEmpty)
    }

    @Test func `answers to others, to older messages and twice are passed over`() {
        var drill = Rehearsal(clients: 3, perSecond: 20) { _, _ in nil }
        drill.run(10)
        let discover = drill.said[0].message
        var foreign = offerOrAck(discover)!
        foreign.hardware = ClientHardware(mac: MACAddress(bits: 1))
        #expect(drill.clients.hear(foreign, drill.now) == nil)
        var early = offerOrAck(discover)!
        early.messageType = .ack
        #expect(drill.clients.hear(early, drill.now) == nil)
        var nameless = offerOrAck(discover)!
        nameless.options = DHCPOptions()
        #expect(drill.clients.hear(nameless, drill.now) == nil)
        let offer = offerOrAck(discover)!
        #expect(drill.clients.hear(offer, drill.now)?.messageType == .request)
        #expect(drill.clients.hear(offer, drill.now) == nil)
        var nak = offer
        nak.messageType = .nak
        #expect(drill.clients.hear(nak, drill.now)?.messageType == .discover)
        #expect(drill.clients.log.refused == 1)
    }

    @Test func `after a stall of the machine's nobody catches up`() {
        var drill = Rehearsal(clients: 20, perSecond: 50)
        drill.run(100)
        drill.now += 2_000_000
        #expect(drill.clients.turn(drill.now).count { $0.messageType == .discover } <= 2)
    }
}
