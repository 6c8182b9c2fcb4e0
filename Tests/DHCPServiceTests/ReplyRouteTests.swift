// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Model
import Testing
import Wire

@testable import DHCPService

/// All tests that need the network. One at a time: they measure time.
@Suite(.serialized)
struct NetworkTests {}

extension NetworkTests {
    @Suite struct ReplyRouteTests {
        @Test func aBroadcastRequestIsAnsweredByBroadcast() throws {
            let engine = TestEngine { .send($0.broadcastOffer()) }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0x1001))
                let frame = try #require(client.nextReply())
                #expect(frame.destinationMAC == MACAddress(bits: .max))
                #expect(frame.sourceMAC == NetworkLab.serverMAC)
                #expect((frame.source, frame.sourcePort) == (NetworkLab.serverAddress, 67))
                #expect((frame.destination, frame.destinationPort) == (.broadcast, 68))
                #expect(frame.reply?.transactionID == 0x1001)
                #expect(frame.reply?.yourAddress == IPv4Address(10, 77, 0, 50))
                #expect(eventually { server.counts().sentBroadcast == 1 })
            }
        }

        // MARK: A full table of neighbours

        @Test func aBroadcastNeedsNoNeighbour() throws {
            let engine = TestEngine { .send($0.broadcastOffer()) }
            try withServer(engine) { lab, server, client in
                try lab.refuseKernelsPackets()
                client.send(TestRequest(.discover, 0x1101), TestRequest(.discover, 0x1102))
                for number: UInt32 in [0x1101, 0x1102] {
                    let frame = try #require(client.nextReply())
                    #expect(frame.reply?.transactionID == number)
                    #expect(frame.destinationMAC == MACAddress(bits: 0xffff_ffff_ffff))
                    #expect((frame.destination, frame.destinationPort) == (.broadcast, 68))
                    #expect((frame.source, frame.sourcePort) == (NetworkLab.serverAddress, 67))
                    #expect(frame.headerChecksumIsRight && frame.udpChecksumIsRight)
                }
                #expect(eventually { server.counts().sentBroadcast == 2 })
                #expect(server.counts().sentLinkLayer == 0)
                #expect(server.counts().unsentTotal == 0)
            }
        }

        @Test func aRenewingClientOfTheLinkIsReachedAtItsMACWhenTheKernelRefuses() throws {
            let address = IPv4Address(10, 77, 0, 2)
            let engine = TestEngine { .send($0.offer(address, .unicast(to: address, port: 68))) }
            try withServer(engine) { lab, server, client in
                try lab.onServer(
                    "neigh", "add", "\(address)", "lladdr", "\(NetworkLab.clientMAC)", "dev", "eth0", "nud", "permanent"
                )
                try lab.refuseKernelsPackets()
                client.send(TestRequest(.request, 0x1201), TestRequest(.request, 0x1202))
                let frame = try #require(client.nextReply())
                #expect(frame.destinationMAC == NetworkLab.clientMAC)
                #expect((frame.source, frame.destination) == (NetworkLab.serverAddress, address))
                #expect(frame.udpChecksumIsRight)
                #expect(client.nextReply()?.reply?.transactionID == 0x1202)
                #expect(eventually { server.counts().sentLinkLayer == 2 })
                #expect(server.counts().sentUnicast == 0)
                #expect(server.counts().unsentTotal == 0)
                #expect(server.log.all.filter { $0.contains("gc_thresh3") }.count == 1)
            }
        }

        /// Behind a router the client's hardware address leads nowhere.
        @Test func whatTheKernelRefusesForOtherLinksIsCountedAndReported() throws {
            let address = IPv4Address(10, 99, 0, 7)
            let engine = TestEngine { .send($0.offer(address, .unicast(to: address, port: 68))) }
            try withServer(engine) { lab, server, client in
                try lab.onServer("route", "add", "10.99.0.0/16", "via", "10.77.0.2")
                try lab.onServer(
                    "neigh", "add", "10.77.0.2", "lladdr", "\(NetworkLab.clientMAC)", "dev", "eth0", "nud", "permanent")
                try lab.refuseKernelsPackets()
                client.send(TestRequest(.request, 0x1301))
                #expect(eventually { server.counts().unsent == [105: 1] })
                #expect(server.counts().sentLinkLayer == 0)
                #expect(server.log.all.filter { $0.contains("No buffer space available") }.count == 1)
            }
        }

        /// The kernel's choice of a source needs the kernel's way.
        @Test func aBroadcastFromAnyAddressStillLeaves() throws {
            let engine = TestEngine { .send($0.offer(.any, .broadcast(port: 68), from: .any)) }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0x1401))
                #expect(client.nextReply()?.source == NetworkLab.serverAddress)
                #expect(eventually { server.counts().sentBroadcast == 1 })
            }
        }

        @Test func theDecisionHearsWhereTheDatagramWentAndCameFrom() throws {
            let engine = TestEngine { _ in .nothing }
            try withServer(engine) { lab, server, client in
                try lab.onServer("addr", "add", "10.77.0.9/24", "dev", "eth0")
                let before = testNow()
                client.send(TestRequest(.discover, 1))
                client.send(
                    [TestRequest(.request, 2).bytes], from: IPv4Address(10, 77, 0, 2), port: 1067,
                    to: IPv4Address(10, 77, 0, 9), mac: NetworkLab.serverMAC)
                #expect(eventually { engine.requests.count == 2 })
                let eth0 = try #require(engine.interfaces.first { $0.name == "eth0" })
                let broadcast = try #require(engine.requests.first)
                let unicast = try #require(engine.requests.last)

                #expect(broadcast.datagram.source == .any)
                #expect(broadcast.datagram.sourcePort == 68)
                #expect(broadcast.datagram.destination == .broadcast)
                #expect(broadcast.datagram.local == NetworkLab.serverAddress)
                #expect(broadcast.datagram.port == 67)
                #expect(broadcast.datagram.interfaceIndex == eth0.index)
                #expect(broadcast.datagram.receivedAt >= before)
                #expect(unicast.datagram.source == IPv4Address(10, 77, 0, 2))
                #expect(unicast.datagram.sourcePort == 1067)
                #expect(unicast.datagram.destination == IPv4Address(10, 77, 0, 9))
                #expect(unicast.datagram.local == IPv4Address(10, 77, 0, 9))

                #expect(eth0.mac == NetworkLab.serverMAC)
                #expect(eth0.mtu == 1500)
                #expect(eth0.isUp && eth0.isRunning && !eth0.isLoopback)
                #expect(eth0.addresses.first?.subnet == IPv4Subnet("10.77.0.0/24"))
                #expect(unicast.arrival.interfaceAddresses.first == NetworkLab.serverAddress)
            }
        }

        /// Odd and even lengths: the last octet of an odd one counts as the high half of a word.
        @Test(arguments: [0, 100, 101])
        func aClientWithoutAddressIsReachedAtItsMAC(padding: Int) throws {
            let address = IPv4Address(10, 77, 0, 51)
            let mac = MACAddress(bits: 0x5254_00ab_cd01)
            let engine = TestEngine { arrived in
                var offer = arrived.offer(address, .linkLayer(to: address, mac: mac, port: 68))
                let filler = [UInt8](repeating: 0xa5, count: padding)
                offer.planned.reply.options.append(.vendorInformation, filler)
                return .send(offer)
            }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0x2001))
                let frame = try #require(client.nextReply())
                #expect(frame.destinationMAC == mac)
                #expect(frame.sourceMAC == NetworkLab.serverMAC)
                #expect((frame.source, frame.sourcePort) == (NetworkLab.serverAddress, 67))
                #expect((frame.destination, frame.destinationPort) == (address, 68))
                #expect(frame.headerChecksumIsRight)
                #expect(frame.udpChecksumIsRight)
                #expect(frame.reply?.yourAddress == address)
                #expect(eventually { server.counts().sentLinkLayer == 1 })
            }
        }

        @Test func theClientsKernelTakesALinkLayerReply() throws {
            let address = IPv4Address(10, 77, 0, 52)
            let engine = TestEngine {
                .send($0.offer(address, .linkLayer(to: address, mac: NetworkLab.clientMAC, port: 68)))
            }
            try withServer(engine) { lab, server, client in
                try lab.onClient("addr", "add", "\(address)/24", "dev", "eth0")
                let socket = try UDPEnd(lab, port: 68)
                client.send(TestRequest(.discover, 0x3001))
                let datagram = try #require(socket.next())
                #expect((datagram.source, datagram.sourcePort) == (NetworkLab.serverAddress, 67))
                #expect(datagram.destination == address)
                #expect(datagram.reply?.transactionID == 0x3001)
            }
        }

        /// tinkerbell/charts #109: relays and firewalls drop a reply from another address than the one they asked.
        @Test func aRelayIsAnsweredFromTheAddressItAsked() throws {
            let relay = IPv4Address(10, 77, 0, 2)
            let asked = IPv4Address(10, 77, 0, 9)
            let engine = TestEngine { arrived in
                let port = arrived.datagram.sourcePort
                return .send(
                    arrived.offer(
                        IPv4Address(10, 9, 0, 7), .unicast(to: relay, port: port), from: arrived.datagram.local))
            }
            try withServer(engine) { lab, server, client in
                try lab.onServer("addr", "add", "\(asked)/24", "dev", "eth0")
                try lab.onClient("addr", "add", "\(relay)/24", "dev", "eth0")
                for port: UInt16 in [67, 1067] {
                    let socket = try UDPEnd(lab, port: port)
                    var request = TestRequest(.discover, UInt32(port))
                    request.relay = relay
                    client.send([request.bytes], from: relay, port: port, to: asked, mac: NetworkLab.serverMAC)
                    let datagram = try #require(socket.next())
                    #expect((datagram.source, datagram.sourcePort) == (asked, 67))
                    #expect(datagram.reply?.transactionID == UInt32(port))
                }
                #expect(eventually { server.counts().sentUnicast == 2 })
            }
        }

        @Test func aRoutedReplyMayLeaveByAnotherInterface() throws {
            let relay = IPv4Address(10, 88, 0, 2)
            let engine = TestEngine { .send($0.offer(IPv4Address(10, 9, 0, 7), .unicast(to: relay, port: 67))) }
            try withServer(engine) { lab, server, client in
                let macs = (MACAddress(bits: 0x5254_0088_0001), MACAddress(bits: 0x5254_0088_0002))
                try lab.connect("eth1", serverMAC: macs.0, clientMAC: macs.1)
                try lab.onServer("addr", "add", "10.88.0.1/24", "dev", "eth1")
                try lab.onClient("addr", "add", "\(relay)/24", "dev", "eth1")
                let behindEth1 = try TestClient(lab, interface: "eth1")
                client.send(TestRequest(.discover, 0x4001))
                let frame = try #require(behindEth1.nextReply())
                #expect((frame.source, frame.destination) == (NetworkLab.serverAddress, relay))
            }
        }

        @Test func port4011AnswersFromPort4011() throws {
            let engine = TestEngine { arrived in
                .send(arrived.offer(.any, .unicast(to: arrived.datagram.source, port: arrived.datagram.sourcePort)))
            }
            let served = [ServedInterface(name: "eth0", answersBootPort: true)]
            try withServer(engine, serving: served) { lab, server, client in
                try lab.onClient("addr", "add", "10.77.0.2/24", "dev", "eth0")
                let socket = try UDPEnd(lab, port: 4011)
                client.send(
                    [TestRequest(.request, 0x5001).bytes], from: IPv4Address(10, 77, 0, 2), port: 4011,
                    to: NetworkLab.serverAddress, port: 4011, mac: NetworkLab.serverMAC)
                let datagram = try #require(socket.next())
                #expect((datagram.source, datagram.sourcePort) == (NetworkLab.serverAddress, 4011))
                #expect(engine.requests.map(\.datagram.port) == [4011])
            }
        }

        @Test func aReplyTooLongForOneFrameIsBroadcastInFragments() throws {
            let engine = TestEngine { arrived in
                let address = IPv4Address(10, 77, 0, 53)
                var offer = arrived.offer(address, .linkLayer(to: address, mac: NetworkLab.clientMAC, port: 68))
                offer.planned.reply.messageSizeMax = 1400
                for code: UInt8 in 224...227 {
                    offer.planned.reply.options.append(
                        DHCPOptionCode(rawValue: code), [UInt8](repeating: code, count: 250))
                }
                return .send(offer)
            }
            try withServer(engine) { lab, server, client in
                try lab.onClient("addr", "add", "10.77.0.2/24", "dev", "eth0")
                try lab.onServer("link", "set", "eth0", "mtu", "800")
                let socket = try UDPEnd(lab, port: 68)
                client.send(TestRequest(.discover, 0x6001))
                let datagram = try #require(socket.next())
                #expect(datagram.bytes.count > 1000)
                #expect(datagram.reply?.options.bytes(DHCPOptionCode(rawValue: 227))?.count == 250)
                #expect(eventually { server.counts().linkLayerFallbacks == 1 })
                #expect(eventually { server.counts().sentBroadcast == 1 })
            }
        }

        @Test func aSourceThatIsNotOursIsReplacedAndReportedOnce() throws {
            let foreign = IPv4Address(10, 77, 0, 77)
            let engine = TestEngine { .send($0.offer(.any, .broadcast(port: 68), from: foreign)) }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 1), TestRequest(.discover, 2))
                #expect(client.nextReply()?.source == NetworkLab.serverAddress)
                #expect(client.nextReply()?.source == NetworkLab.serverAddress)
                #expect(eventually { server.counts().sourceFallbacks == 2 })
                #expect(eventually { server.counts().unsentTotal == 0 })
                #expect(server.log.all.filter { $0.contains("server-id") }.count == 1)
            }
        }

        @Test func aReplyWithoutARouteIsCountedAndReported() throws {
            let nowhere = IPv4Address(192, 0, 2, 1)
            let engine = TestEngine { .send($0.offer(.any, .unicast(to: nowhere, port: 67))) }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 1), TestRequest(.discover, 2))
                #expect(eventually { server.counts().unsent == [101: 2] })
                #expect(server.log.all.filter { $0.contains("Network is unreachable") }.count == 1)
            }
        }

        @Test func repliesAreSentFromOtherThreadsToo() throws {
            let engine = TestEngine { _ in .later }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.request, 0x7001))
                #expect(eventually { engine.requests.count == 1 })
                let arrived = try #require(engine.requests.first)
                let address = IPv4Address(10, 77, 0, 54)
                let replies = (0..<200).map { _ in
                    arrived.offer(address, .linkLayer(to: address, mac: NetworkLab.clientMAC, port: 68))
                }
                let threads = try (0..<4).map { _ in
                    try PacketThread(name: "committer") { arrived.replyPort.send(replies) }
                }
                for thread in threads { thread.join() }
                let frames = client.replies(800)
                #expect(frames.count == 800)
                #expect(frames.allSatisfy { $0.udpChecksumIsRight && $0.reply?.yourAddress == address })
                #expect(eventually { server.counts().sentLinkLayer == 800 })
            }
        }
    }
}
