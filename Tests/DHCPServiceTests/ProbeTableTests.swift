// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing

@testable import DHCPService

/// Scripts: what is asked and heard, and what the table wants done.
@Suite struct ProbeTableTests {
    typealias Table = ProbeTable<String>

    let address = IPv4Address(10, 0, 0, 7)
    let other = IPv4Address(10, 0, 0, 8)
    let client = MACAddress(bits: 0xc1)
    let stranger = MACAddress(bits: 0x51)
    var key: ProbeKey { ProbeKey(client: client, transactionID: 1) }

    func at(_ milliseconds: Int64) -> Instant { Instant(milliseconds: 1_000_000 + milliseconds) }

    func says(_ steps: [Table.Step]) -> [String] {
        steps.map {
            switch $0 {
            case .probeAgain(let address): "probe \(address)"
            case .free(let offer): "send \(offer)"
            }
        }
    }

    @Test func twoProbesThenTheOffer() {
        var table = Table()
        #expect(table.nextWake == nil)
        #expect(table.add(key, address: address, offer: "offer", now: at(0)) == .probe)
        #expect(table.nextWake == at(25))
        #expect(says(table.due(now: at(24))) == [])
        #expect(says(table.due(now: at(25))) == ["probe 10.0.0.7"])
        #expect(table.nextWake == at(60))
        #expect(says(table.due(now: at(59))) == [])
        #expect(says(table.due(now: at(60))) == ["send offer"])
        #expect(table.isEmpty)
        #expect(table.nextWake == nil)
    }

    @Test func aLateLookSendsTheOfferAtOnce() {
        var table = Table()
        #expect(table.add(key, address: address, offer: "offer", now: at(0)) == .probe)
        #expect(says(table.due(now: at(500))) == ["send offer"])
    }

    @Test(arguments: [
        // A reply or an announcement: somebody sends from the address.
        ARPPacket(senderMAC: MACAddress(bits: 0x51), senderAddress: IPv4Address(10, 0, 0, 7), targetAddress: .any),
        // A probe: somebody is about to take it.
        ARPPacket(senderMAC: MACAddress(bits: 0x51), senderAddress: .any, targetAddress: IPv4Address(10, 0, 0, 7)),
    ])
    func somebodyElseHasIt(packet: ARPPacket) {
        var table = Table()
        #expect(table.add(key, address: address, offer: "offer", now: at(0)) == .probe)
        #expect(table.heard(packet).map(\.offer) == ["offer"])
        #expect(table.isEmpty)
        #expect(says(table.due(now: at(60))) == [])
    }

    @Test func otherTrafficAnswersNothing() {
        var table = Table()
        #expect(table.add(key, address: address, offer: "offer", now: at(0)) == .probe)
        let unrelated = [
            // The client's own answer: it still has the address from an earlier lease.
            ARPPacket(senderMAC: client, senderAddress: address, targetAddress: .any),
            // Somebody looks for the address from its own.
            ARPPacket(senderMAC: stranger, senderAddress: other, targetAddress: address),
            ARPPacket(senderMAC: stranger, senderAddress: .any, targetAddress: other),
            ARPPacket(senderMAC: stranger, senderAddress: .any, targetAddress: .any),
        ]
        for packet in unrelated { #expect(table.heard(packet).isEmpty) }
        #expect(says(table.due(now: at(60))) == ["send offer"])
    }

    @Test func theClientsNextTryRidesOnTheProbe() {
        var table = Table()
        #expect(table.add(key, address: address, offer: "first", now: at(0)) == .probe)
        #expect(table.add(key, address: address, offer: "second", now: at(40)) == .joined)
        #expect(says(table.due(now: at(60))) == ["send second"])
    }

    @Test func anotherAddressForTheSameTryReplacesTheProbe() {
        var table = Table()
        #expect(table.add(key, address: address, offer: "first", now: at(0)) == .probe)
        #expect(table.add(key, address: other, offer: "second", now: at(10)) == .probe)
        #expect(table.waiting.map(\.address) == [other])
        #expect(says(table.due(now: at(70))) == ["send second"])
    }

    @Test func conflictsNeverHoldUpTheOfferForMoreThan100Milliseconds() throws {
        var table = Table()
        #expect(table.add(key, address: address, offer: "first", now: at(0)) == .probe)
        let answer = ARPPacket(senderMAC: stranger, senderAddress: address, targetAddress: .any)
        let lost = try #require(table.heard(answer).first)
        #expect(table.add(key, address: other, offer: "second", after: lost, now: at(58)) == .probe)
        #expect(table.nextWake == at(83))
        #expect(says(table.due(now: at(83))) == ["probe 10.0.0.8"])
        #expect(says(table.due(now: at(100))) == ["send second"])

        #expect(table.add(key, address: other, offer: "third", after: lost, now: at(100)) == .unprobed)
    }

    @Test func addressAfterAddressInUseEndsTheTry() throws {
        var table = Table()
        var lost: Table.Waiting?
        for attempt in 1...Limits.probeAttemptsMax {
            #expect(table.add(key, address: address, offer: "\(attempt)", after: lost, now: at(0)) == .probe)
            lost = table.remove(key)
        }
        #expect(table.add(key, address: address, offer: "last", after: lost, now: at(0)) == .abandoned)
        #expect(table.isEmpty)
    }

    @Test func aFullTableTakesNoMore() {
        var table = Table()
        for id in 0..<UInt32(Limits.probesWaitingMax) {
            let key = ProbeKey(client: client, transactionID: id)
            #expect(table.add(key, address: address, offer: "\(id)", now: at(0)) == .probe)
        }
        let late = ProbeKey(client: stranger, transactionID: 1)
        #expect(table.add(late, address: address, offer: "late", now: at(0)) == .unprobed)
        #expect(table.due(now: at(60)).count == Limits.probesWaitingMax)
        #expect(table.add(late, address: address, offer: "late", now: at(60)) == .probe)
    }
}
