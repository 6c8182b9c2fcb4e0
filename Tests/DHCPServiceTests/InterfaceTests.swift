// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Foundation
import Logging
import Model
import Testing
import Wire

@testable import DHCPService

extension NetworkTests {
    /// Interfaces and configurations that come and go.
    @Suite struct InterfaceTests {
        let echo = TestEngine { .send($0.broadcastOffer()) }

        /// The UDP ports that are open in the server's namespace.
        func openPorts(_ lab: NetworkLab) throws -> [Int] {
            try inside(lab.server) {
                try String(contentsOfFile: "/proc/thread-self/net/udp", encoding: .utf8)
                    .split(separator: "\n").dropFirst()
                    .compactMap { $0.split(separator: " ").dropFirst().first?.split(separator: ":").last }
                    .compactMap { Int($0, radix: 16) }
                    .sorted()
            }
        }

        @Test func nothingToServeIsSilence() throws {
            try withServer(echo, serving: []) { lab, server, client in
                let ports = try openPorts(lab)
                #expect(ports == [])
                client.send(TestRequest(.discover, 1))
                #expect(client.next(within: 200) { $0.sourceMAC == NetworkLab.serverMAC && !$0.isIPv6 } == nil)
                #expect(server.log.all == [])
            }
        }

        @Test func interfacesAreAddedAndRemovedAtRunTime() throws {
            try withServer(echo, serving: []) { lab, server, client in
                server.server.serve([ServedInterface(name: "eth0")])
                #expect(eventually { server.state("eth0") == .serving(bootPort: false) })
                client.send(TestRequest(.discover, 1))
                #expect(client.nextReply()?.reply?.transactionID == 1)

                server.server.serve([ServedInterface(name: "eth0", answersBootPort: true)])
                #expect(eventually { server.state("eth0") == .serving(bootPort: true) })
                let bothPorts = try openPorts(lab)
                #expect(Set(bothPorts) == [67, 4011])
                client.send(TestRequest(.discover, 2))
                #expect(client.nextReply()?.reply?.transactionID == 2)
                #expect(server.counts().received == 2)

                server.server.serve([])
                #expect(eventually { server.state("eth0") == .removed })
                let portsAfter = try openPorts(lab)
                #expect(portsAfter == [])
                client.send(TestRequest(.discover, 3))
                #expect(client.nextReply(within: 200) == nil)
                #expect(
                    server.log.all == [
                        "info: dhcp: eth0: serving on port 67",
                        "info: dhcp: eth0: serving on ports 67 and 4011",
                        "notice: dhcp: eth0: no longer served",
                    ])
            }
        }

        @Test func anInterfaceThatComesGoesAndComesAgainIsServed() throws {
            try withServer(echo, serving: []) { lab, server, client in
                server.server.serve([ServedInterface(name: "eth1")])
                #expect(eventually { server.state("eth1") == .missing })
                let macs = (MACAddress(bits: 0x5254_0088_0001), MACAddress(bits: 0x5254_0088_0002))
                for id: UInt32 in 1...2 {
                    try lab.connect("eth1", serverMAC: macs.0, clientMAC: macs.1)
                    #expect(eventually { server.state("eth1") == .serving(bootPort: false) })
                    let client = try TestClient(lab, interface: "eth1")
                    client.send(TestRequest(.discover, id))
                    #expect(client.nextReply()?.reply?.transactionID == id)
                    #expect(echo.interfaces.contains { $0.name == "eth1" && $0.mac == macs.0 })
                    try lab.onServer("link", "del", "eth1")
                    #expect(eventually { server.state("eth1") == .missing })
                    #expect(!echo.interfaces.contains { $0.name == "eth1" })
                }
                #expect(server.counts("eth1").received == 2)
                #expect(server.log.all.count { $0.contains("no such interface") } == 3)
            }
        }

        @Test func aLinkThatGoesDownAndUpIsServedOn() throws {
            try withServer(echo) { lab, server, client in
                try lab.onServer("link", "set", "eth0", "down")
                #expect(eventually { server.state("eth0") == .withoutLink })
                try lab.onServer("link", "set", "eth0", "up")
                #expect(eventually { server.state("eth0") == .serving(bootPort: false) })
                client.send(TestRequest(.discover, 1))
                #expect(client.nextReply()?.reply?.transactionID == 1)
            }
        }

        @Test func addressesThatChangeAreSeenAtOnce() throws {
            try withServer(echo) { lab, server, client in
                try lab.onServer("addr", "add", "10.99.0.1/16", "dev", "eth0")
                let added = IPv4Address(10, 99, 0, 1)
                #expect(eventually { echo.interfaces.contains { $0.ownAddresses.contains(added) } })
                // The thread of the interface is told in the same breath.
                usleep(300_000)
                client.send(TestRequest(.discover, 1))
                #expect(eventually { echo.requests.count == 1 })
                #expect(
                    echo.requests.first?.interface.addresses.map(\.subnet.description)
                        == ["10.77.0.0/24", "10.99.0.0/16"])
            }
        }

        @Test func anotherServersPortIsReportedAndTriedAgain() throws {
            try withLab { lab in
                // Without SO_REUSEADDR, as some DHCP servers have it.
                let other = try inside(lab.server) { try ClosableSocket.exclusiveUDP(port: 67) }
                let server = try TestServer(lab, echo, serving: [])
                defer { server.stop() }
                server.server.serve([ServedInterface(name: "eth0")])
                #expect(eventually { server.log.all.contains { $0.contains("Address already in use") } })
                other.shut()
                #expect(eventually(within: 4_000) { server.state("eth0") == .serving(bootPort: false) })
                #expect(server.log.all.count == 2)
            }
        }

        /// A commit that ends after its interface was served anew still finds its way.
        @Test func aReplyOutlivesTheSocketsOfItsRequest() throws {
            let engine = TestEngine { _ in .later }
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.request, 1))
                #expect(eventually { engine.requests.count == 1 })
                let arrived = try #require(engine.requests.first)

                server.server.serve([ServedInterface(name: "eth0", answersBootPort: true)])
                #expect(eventually { server.state("eth0") == .serving(bootPort: true) })
                arrived.replyPort.send([arrived.broadcastOffer()])
                #expect(client.nextReply()?.reply?.transactionID == 1)

                server.server.serve([])
                #expect(eventually { server.state("eth0") == .removed })
                arrived.replyPort.send([arrived.broadcastOffer()])
                #expect(client.nextReply(within: 100) == nil)
                #expect(server.counts().unsent == [0: 1])
            }
        }

        @Test func stoppingClosesAllSockets() throws {
            try withLab { lab in
                let server = try TestServer(lab, echo)
                let open = try openPorts(lab)
                #expect(open.contains(67))
                server.stop()
                let portsAtEnd = try openPorts(lab)
                #expect(portsAtEnd == [])
            }
        }
    }
}

@Suite struct RunTests {
    @Test(.timeLimit(.minutes(1))) func runEndsWhenItsTaskIsCancelled() async throws {
        let engine = TestEngine { _ in .nothing }
        let server = try DHCPServer(engine: engine.calls, logger: Logger(label: "test"))
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            while engine.interfaces.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(engine.interfaces.contains { $0.isLoopback && $0.ownAddresses.contains(.loopback) })
    }

    @Test(.timeLimit(.minutes(1))) func runInACancelledTaskEndsAtOnce() async throws {
        let engine = TestEngine { _ in .nothing }
        let server = try DHCPServer(engine: engine.calls, logger: Logger(label: "test"))
        await withDiscardingTaskGroup { group in
            group.cancelAll()
            group.addTask { do { try await server.run() } catch { Issue.record(error) } }
        }
        #expect(server.snapshot == [])
    }
}
