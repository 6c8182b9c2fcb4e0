// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Model
import Testing

@Suite struct RecordRoundTripTests {
    @Test(arguments: [1, 2, 3]) func whatIsStoredIsReadBack(seed: UInt64) throws {
        var samples = RecordSamples(seed: seed)
        for _ in 0..<2_000 {
            let lease = samples.lease()
            #expect(try LeaseRecord.decode(LeaseRecord.encode(lease), address: lease.address) == lease)
            let reservation = samples.reservation()
            let name = "\(reservation.network)/\(reservation.address)"
            #expect(try ReservationRecord.decode(ReservationRecord.encode(reservation), name: name) == reservation)
            let term = samples.term()
            #expect(try TermRecord.decode(TermRecord.encode(term), network: term.network) == term)
            let status = samples.bootStatus()
            #expect(try BootStatusRecord.decode(BootStatusRecord.encode(status), machine: status.machine) == status)
        }
    }

    /// Names that Swift holds equal and byte-comparing stores do not must survive as they were written.
    @Test func textKeepsItsBytes() throws {
        let decomposed = Term(
            network: "rack1", holder: NodeRun(node: "e\u{301}", incarnation: 3), epoch: Epoch(1), cause: .start,
            since: Instant(seconds: 5))
        let read = try TermRecord.decode(TermRecord.encode(decomposed), network: "rack1")
        #expect(Array(read.holder.node.utf8) == [0x65, 0xcc, 0x81])
    }

    @Test func aLineIsOneLineOfPrintableFields() {
        var samples = RecordSamples(seed: 4)
        for _ in 0..<2_000 {
            let lease = LeaseRecord.encode(samples.lease())
            #expect(lease.filter { $0 == UInt8(ascii: "\t") }.count == 7)
            let reservation = ReservationRecord.encode(samples.reservation())
            #expect(reservation.filter { $0 == UInt8(ascii: "\t") }.count == 3)
            let bytes = lease + reservation + BootStatusRecord.encode(samples.bootStatus())
            #expect(bytes.allSatisfy { $0 == UInt8(ascii: "\t") || ($0 >= 0x20 && $0 != 0x7f) })
        }
    }
}
