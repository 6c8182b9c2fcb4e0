// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Model
import Testing

/// Stored lines as an operator sees them; ⇥ stands for a tab. Changing one breaks every store out there.
@Suite struct RecordLineTests {
    private let mac = MACAddress(bits: 0x5254_0012_3456)
    private let address = IPv4Address(10, 64, 0, 100)

    private func lease(_ identity: ClientIdentity, mac: MACAddress?, hostname: String, until: Instant) -> Lease {
        Lease(
            address: address, state: .bound, identity: identity, mac: mac, hostname: hostname,
            since: Instant(seconds: 1_763_800_000), until: until)
    }

    @Test func lease() throws {
        let hour = Instant(seconds: 1_763_803_600)
        expectLine(
            LeaseRecord.encode(lease(.mac(mac), mac: mac, hostname: "web1", until: hour)),
            "2⇥bound⇥52:54:00:12:34:56⇥mac⇥web1⇥1763800000⇥1763803600⇥1763803600")
        expectLine(
            LeaseRecord.encode(lease(.mac(mac), mac: nil, hostname: "", until: .distantFuture)),
            "2⇥bound⇥-⇥mac=52:54:00:12:34:56⇥-⇥1763800000⇥never⇥never")
        expectLine(
            LeaseRecord.encode(lease(.clientIdentifier([0xff, 0, 0x0a]), mac: mac, hostname: "a\tb%\n", until: hour)),
            "2⇥bound⇥52:54:00:12:34:56⇥client-id=ff000a⇥a%09b%25%0a⇥1763800000⇥1763803600⇥1763803600")
        var odd = lease(.circuit([]), mac: mac, hostname: "-", until: hour.adding(milliseconds: 7))
        odd.state = .declined
        odd.reservedUntil = hour.adding(seconds: 3600)
        expectLine(
            LeaseRecord.encode(odd), "2⇥declined⇥52:54:00:12:34:56⇥circuit=⇥%2d⇥1763800000⇥1763803600.007⇥1763807200")
        odd.state = .released
        odd.since = Instant(milliseconds: -500)
        expectLine(
            LeaseRecord.encode(odd), "2⇥released⇥52:54:00:12:34:56⇥circuit=⇥%2d⇥-0.500⇥1763803600.007⇥1763807200")
    }

    @Test func reservation() throws {
        var reservation = Reservation(network: "rack1", address: address, identity: .mac(mac))
        expectLine(ReservationRecord.encode(reservation), "1⇥mac=52:54:00:12:34:56⇥-⇥-")
        let uuid = try #require(MachineUUID("01234567-89ab-cdef-0123-456789abcdef"))
        reservation = Reservation(network: "rack1", address: address, identity: .uuid(uuid))
        reservation.hostname = "web1"
        reservation.options = [
            OptionSetting(code: 3, value: [10, 64, 0, 254]), OptionSetting(code: 43, value: []),
            OptionSetting(code: 15, value: Array("lab".utf8)),
        ]
        expectLine(
            ReservationRecord.encode(reservation),
            "1⇥uuid=01234567-89ab-cdef-0123-456789abcdef⇥web1⇥3=0a4000fe,43=,15=6c6162")
    }

    @Test func term() {
        let term = Term(
            network: "rack1", holder: NodeRun(node: "rack1-a", incarnation: 42), epoch: Epoch(17), cause: .handedOver,
            since: Instant(seconds: 1_763_800_000))
        expectLine(TermRecord.encode(term), "2⇥rack1-a⇥42⇥17⇥handed-over⇥1763800000")
    }

    @Test func bootStatus() {
        var status = BootStatus(machine: "web1", intent: "install debian-12")
        expectLine(BootStatusRecord.encode(status), "1⇥install debian-12⇥-⇥-")
        status.attempts = [Instant(seconds: 1_763_800_000), Instant(milliseconds: 1_763_800_300_250)]
        status.doneAt = Instant(seconds: 1_763_801_000)
        expectLine(
            BootStatusRecord.encode(status), "1⇥install debian-12⇥1763801000⇥1763800000,1763800300.250")
    }

    private func expectLine(_ bytes: [UInt8], _ line: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let shown = String(decoding: bytes, as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
            .joined(separator: "⇥")
        #expect(shown == line, sourceLocation: sourceLocation)
    }
}
