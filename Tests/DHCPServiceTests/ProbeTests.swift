// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Testing
import Wire

@testable import DHCPService

extension NetworkTests {
    /// The conflict probe on the wire.
    @Suite struct ProbeTests {
        let free = IPv4Address(10, 77, 0, 60)
        let taken = IPv4Address(10, 77, 0, 61)
        let stranger = MACAddress(bits: 0x5254_0077_00ee)
        /// A client of its own, so that the lab's client machine may answer as somebody else.
        let mac = MACAddress(bits: 0x5254_0077_00cc)

        func probing(_ address: IPv4Address, thenProbing next: IPv4Address? = nil) -> TestEngine {
            TestEngine(
                conflict: { _, _, arrived in
                    guard let next else { return .nothing }
                    return .probe(next, then: arrived.broadcastOffer(next))
                },
                decide: { .probe(address, then: $0.broadcastOffer(address)) })
        }

        func request(_ transactionID: UInt32) -> TestRequest {
            var request = TestRequest(.discover, transactionID)
            request.mac = mac
            return request
        }

        @Test func aFreeAddressIsOfferedWithin100Milliseconds() throws {
            try withServer(probing(free)) { lab, server, client in
                // The fastest of three: this machine may have other things to do.
                let delays = try (1...3).map { (id: UInt32) in
                    let start = testNow()
                    client.send(request(id))
                    let reply = try #require(client.nextReply()?.reply)
                    #expect(reply.yourAddress == free)
                    return testNow().millisecondsSince(start)
                }
                let fastest = try #require(delays.min())
                #expect(fastest >= Limits.probeMilliseconds)
                #expect(fastest < Limits.offerDelayMillisecondsMax)
                #expect(eventually { server.counts().probesFree == 3 })
            }
        }

        /// RFC 5227 2.1.1: a request, the sender's address zero so that nobody's ARP table learns from it.
        @Test func twoProbesAreOnTheWire() throws {
            try withServer(probing(free)) { lab, server, client in
                // A machine with other things to do may be late for the second probe, and then sends none.
                let counts = try (1...5).map { (id: UInt32) in
                    client.send(request(id))
                    return try probesBeforeTheReply(client)
                }
                #expect(counts.max() == 2)
            }
        }

        func probesBeforeTheReply(_ client: TestClient) throws -> Int {
            var count = 0
            while true {
                let frame = try #require(client.next { $0.isARP || $0.isUDP })
                guard frame.isARP else { return count }
                count += 1
                #expect(frame.destinationMAC == MACAddress(bits: .max))
                #expect(frame.sourceMAC == NetworkLab.serverMAC)
                #expect(frame.word(20) == 1)
                #expect(MACAddress(frame.bytes[22..<28]) == NetworkLab.serverMAC)
                #expect(frame.address(28) == .any)
                #expect(MACAddress(frame.bytes[32..<38]) == MACAddress(bits: 0))
                #expect(frame.address(38) == free)
            }
        }

        @Test func anAddressInUseIsNotOffered() throws {
            let engine = probing(taken, thenProbing: free)
            try withServer(engine) { lab, server, client in
                try lab.onClient("addr", "add", "\(taken)/24", "dev", "eth0")
                let start = testNow()
                client.send(request(1))
                let reply = try #require(client.nextReply()?.reply)
                let delay = testNow().millisecondsSince(start)
                #expect(reply.yourAddress == free)
                #expect(delay >= Limits.probeMilliseconds)
                #expect(engine.conflictAddresses == [taken])
                #expect(engine.conflictMACs == [NetworkLab.clientMAC])
                #expect(eventually { server.counts().probesFree == 1 })
                #expect(server.counts().probesConflicting == 1)
                #expect(client.replies(0).isEmpty)
            }
        }

        /// Two machines that both want the address (RFC 5227 2.1.1), and one that announces it.
        @Test(arguments: [true, false])
        func somebodyElsesProbeOrAnnouncementIsAConflict(isProbe: Bool) throws {
            let engine = probing(free)
            try withServer(engine) { lab, server, client in
                client.send(request(1))
                #expect(client.nextARP() != nil)
                try client.sendARP(from: stranger, sender: isProbe ? .any : free, target: free)
                #expect(eventually { engine.conflictMACs == [stranger] })
                #expect(client.nextReply(within: 150) == nil)
            }
        }

        @Test func theClientsOwnAnswerIsNoConflict() throws {
            let engine = probing(free)
            try withServer(engine) { lab, server, client in
                try lab.onClient("addr", "add", "\(free)/24", "dev", "eth0")
                client.send(TestRequest(.discover, 1))
                #expect(client.nextReply()?.reply?.yourAddress == free)
                #expect(engine.conflictAddresses.isEmpty)
            }
        }

        @Test func anAddressOfOursIsAConflictWithoutAsking() throws {
            let engine = probing(NetworkLab.serverAddress, thenProbing: free)
            try withServer(engine) { lab, server, client in
                client.send(request(1))
                #expect(client.nextReply()?.reply?.yourAddress == free)
                #expect(engine.conflictMACs == [NetworkLab.serverMAC])
            }
        }

        @Test func anEngineThatInsistsOnAnAddressInUseIsNotFollowed() throws {
            let own = NetworkLab.serverAddress
            let engine = probing(own, thenProbing: own)
            try withServer(engine) { lab, server, client in
                client.send(request(1))
                #expect(eventually { server.counts().probesAbandoned == 1 })
                #expect(engine.conflictAddresses.count == Limits.probeAttemptsMax)
                #expect(client.nextReply(within: 150) == nil)
            }
        }

        @Test func arpBeforeTheProbeSaysNothing() throws {
            let engine = probing(free)
            try withServer(engine) { lab, server, client in
                for id: UInt32 in 1...2 {
                    for _ in 1...100 { try client.sendARP(from: stranger, sender: free, target: free) }
                    client.send(request(id))
                    #expect(client.nextReply()?.reply?.transactionID == id)
                }
                #expect(engine.conflictAddresses.isEmpty)
            }
        }

        @Test func throughARelayNothingIsProbed() throws {
            let engine = TestEngine { .probe(free, then: $0.broadcastOffer(free)) }
            try withServer(engine) { lab, server, client in
                var relayed = request(1)
                relayed.relay = IPv4Address(10, 9, 0, 1)
                client.send(relayed)
                #expect(client.nextReply()?.reply?.yourAddress == free)
                #expect(server.counts().probesSkipped == 1)
            }
        }

        @Test func aFullBatchIsNotProbed() throws {
            let gate = Gate()
            let engine = TestEngine { arrived in
                gate.waitUntilOpen()
                return .probe(free, then: arrived.broadcastOffer(free))
            }
            try withServer(engine) { lab, server, client in
                client.send(request(0))
                #expect(eventually { engine.requests.count == 1 })
                client.send((1...UInt32(Limits.receiveBatchMax)).map { request($0).bytes })
                gate.open()
                #expect(client.replies(Limits.receiveBatchMax + 1).count == Limits.receiveBatchMax + 1)
                #expect(server.counts().probesSkipped == Limits.receiveBatchMax)
                #expect(server.counts().probesFree == 1)
            }
        }
    }
}
