// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Model
import Testing

@Suite struct BeatRecordTests {
    static var beat: Beat {
        var beat = Beat(run: NodeRun(node: "n1", incarnation: 42))
        beat.sequence = 1_007
        beat.startedAt = Instant(seconds: 1_763_800_000)
        beat.sentAt = Instant(milliseconds: 1_763_800_251_750)
        beat.intent = .draining
        (beat.peerAddress, beat.peerPort) = (IPv4Address("10.0.0.1")!, 6_700)
        beat.applied = 8_123
        beat.clockOffsetMilliseconds = -12
        beat.version = "0.1.0"
        beat.serverIdentifiers = [IPv4Address("10.0.0.1")!, IPv4Address("10.1.0.1")!]
        beat.heard = ["lab": 17]
        beat.deaf = ["mgmt"]
        return beat
    }

    @Test(arguments: ServiceHealth.allCases) func whatIsStoredIsReadBack(health: ServiceHealth) throws {
        var beat = Self.beat
        (beat.tftp, beat.http, beat.httpPort) = (health, .works, 8_080)
        #expect(try BeatRecord.decode(BeatRecord.encode(beat), node: "n1") == beat)
        beat.bootAddress = IPv4Address("192.0.2.1")
        #expect(try BeatRecord.decode(BeatRecord.encode(beat), node: "n1") == beat)
    }

    /// A node that is still of the version before says nothing of its services.
    @Test func theVersionBeforeIsRead() throws {
        let line =
            "1\t42\t1007\t1763800000\t1763800251.750\tdraining\t10.0.0.1:6700\t8123\t-12\t0.1.0\t10.0.0.1,10.1.0.1\t"
            + "lab=17\tmgmt"
        #expect(try BeatRecord.decode(Array(line.utf8), node: "n1") == Self.beat)
    }

    @Test(arguments: [
        ("works\tworks\t8080\t-", nil), ("runs\tworks\t8080\t-", "tftp"), ("works\t-\t8080\t-", "http"),
        ("works\tworks\t65536\t-", "http port"), ("works\tworks\t8080\t10.0.0", "boot address"),
    ])
    func everyFieldIsChecked(rest: String, field: String?) {
        let line = "2\t42\t1\t5\t5\tserving\t10.0.0.1:6700\t1\t0\t0.1.0\t-\t-\t-\t" + rest
        do {
            _ = try BeatRecord.decode(Array(line.utf8), node: "n1")
            #expect(field == nil)
        } catch {
            guard case .invalid(let found, _) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(found == field)
        }
    }

    @Test func aLineThatEndsTooSoonOrTooLateIsRefused() {
        let whole = "2\t42\t1\t5\t5\tserving\t10.0.0.1:6700\t1\t0\t0.1.0\t-\t-\t-\tworks\tworks\t8080\t-"
        #expect(throws: RecordError.self) {
            try BeatRecord.decode(Array(whole.utf8).dropLast(2).map { $0 }, node: "n1")
        }
        #expect(throws: RecordError.self) { try BeatRecord.decode(Array((whole + "\t1").utf8), node: "n1") }
        #expect(throws: RecordError.self) { try BeatRecord.decode(Array(("3" + whole.dropFirst()).utf8), node: "n1") }
        #expect(throws: RecordError.self) { try BeatRecord.decode(Array(("4" + whole.dropFirst()).utf8), node: "n1") }
    }

    @Test func aNetworkWithoutItsVirtualAddressIsAWordMore() throws {
        var beat = Self.beat
        #expect(BeatRecord.encode(beat).first == UInt8(ascii: "2"))
        beat.vipless = ["lab", "room2"]
        #expect(BeatRecord.encode(beat).first == UInt8(ascii: "3"))
        #expect(try BeatRecord.decode(BeatRecord.encode(beat), node: "n1") == beat)
    }
}
