// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Model
import Testing

/// Lines that are not ours, or no longer whole. In the text ⇥ stands for a tab.
@Suite struct RecordErrorTests {
    private func lease(_ line: String) throws(RecordError) -> Lease {
        try LeaseRecord.decode(bytes(line), address: IPv4Address(10, 0, 0, 1))
    }

    private func bytes(_ line: String) -> [UInt8] {
        Array(line.split(separator: "⇥", omittingEmptySubsequences: false).joined(separator: "\t").utf8)
    }

    @Test func aLaterFormatIsNotGuessedAt() {
        #expect(throws: RecordError.unknownVersion("3")) { try lease("3⇥bound⇥-⇥mac⇥-⇥0⇥0⇥0") }
        #expect(throws: RecordError.unknownVersion("")) { try lease("") }
        #expect(throws: RecordError.unknownVersion("{\"state\": 1}")) { try lease("{\"state\": 1}") }
        #expect(throws: RecordError.unknownVersion("11")) { try TermRecord.decode(bytes("11⇥a⇥1"), network: "n") }
    }

    @Test func everyFieldIsRequired() {
        let whole = "2⇥bound⇥52:54:00:12:34:56⇥mac⇥web1⇥1763800000⇥1763803600⇥1763807200"
        #expect(throws: Never.self) { try lease(whole) }
        let fields = whole.split(separator: "⇥")
        let names = ["state", "hardware address", "identity", "host name", "beginning", "end", "end of the reserve"]
        for (index, name) in names.enumerated() {
            let line = fields.prefix(index + 1).joined(separator: "⇥")
            #expect(throws: RecordError.missing(field: name)) { try lease(line) }
        }
        #expect(throws: RecordError.surplus(text: "more")) { try lease(whole + "⇥more") }
        #expect(throws: RecordError.surplus(text: "")) { try lease(whole + "⇥") }
        #expect(throws: RecordError.invalid(field: "end of the reserve", text: "1763807200?")) {
            try lease(whole + "\n")
        }
    }

    @Test func theFirstVersionHasNoReserve() throws {
        let whole = "1⇥bound⇥52:54:00:12:34:56⇥mac⇥web1⇥1763800000⇥1763803600"
        let read = try lease(whole)
        #expect(read.until == Instant(seconds: 1_763_803_600))
        #expect(read.reservedUntil == read.until)
        #expect(throws: RecordError.surplus(text: "1763807200")) { try lease(whole + "⇥1763807200") }
        #expect(throws: RecordError.missing(field: "end")) { try lease("1⇥bound⇥-⇥circuit=⇥-⇥0") }
    }

    /// Nobody writes that; and if somebody did, the promise would count.
    @Test func aReserveThatEndsBeforeTheLeaseEndsWithIt() throws {
        #expect(try lease("2⇥bound⇥-⇥circuit=⇥-⇥0⇥90⇥60").reservedUntil == Instant(seconds: 90))
        #expect(try lease("2⇥bound⇥-⇥circuit=⇥-⇥0⇥90⇥never").reservedUntil == .distantFuture)
    }

    @Test(arguments: [
        ("2⇥bound⇥-⇥circuit=⇥-⇥0⇥0⇥soon", "end of the reserve", "soon"),
        ("1⇥Bound⇥-⇥mac⇥-⇥0⇥0", "state", "Bound"),
        ("1⇥bound⇥52:54:00:12:34⇥mac⇥-⇥0⇥0", "hardware address", "52:54:00:12:34"),
        ("1⇥bound⇥52-54-00-12-34-56⇥mac⇥-⇥0⇥0", "hardware address", "52-54-00-12-34-56"),
        ("1⇥bound⇥-⇥mac⇥-⇥0⇥0", "identity", "mac"),
        ("1⇥bound⇥-⇥serial=12⇥-⇥0⇥0", "identity", "serial=12"),
        ("1⇥bound⇥-⇥client-id=123⇥-⇥0⇥0", "identity", "client-id=123"),
        ("1⇥bound⇥-⇥uuid=0123456789abcdef0123456789abcdef⇥-⇥0⇥0", "identity", "uuid=0123456789abcdef0123456789abcdef"),
        (
            "1⇥bound⇥-⇥uuid=01234567-89ab-cdef-0123-456789abcde-⇥-⇥0⇥0", "identity",
            "uuid=01234567-89ab-cdef-0123-456789abcde"
        ),
        ("1⇥bound⇥-⇥circuit=⇥⇥0⇥0", "host name", ""),
        ("1⇥bound⇥-⇥circuit=⇥a%0⇥0⇥0", "host name", "a%0"),
        ("1⇥bound⇥-⇥circuit=⇥a%zz⇥0⇥0", "host name", "a%zz"),
        ("1⇥bound⇥-⇥circuit=⇥%ff⇥0⇥0", "host name", "%ff"),
        ("1⇥bound⇥-⇥circuit=⇥-⇥-⇥0", "beginning", "-"),
        ("1⇥bound⇥-⇥circuit=⇥-⇥0⇥1.5", "end", "1.5"),
        ("1⇥bound⇥-⇥circuit=⇥-⇥0⇥1.", "end", "1."),
        ("1⇥bound⇥-⇥circuit=⇥-⇥0⇥9223372036854776", "end", "9223372036854776"),
        ("1⇥bound⇥-⇥circuit=⇥-⇥0⇥9223372036854775.808", "end", "9223372036854775.808"),
        ("1⇥bound⇥-⇥circuit=⇥-⇥0⇥99999999999999999999999", "end", "99999999999999999999999"),
    ]) func aFieldThatMeansNothingIsNamed(line: String, field: String, text: String) {
        #expect { try lease(line) } throws: { error in
            guard case .invalid(field: field, let found)? = error as? RecordError else { return false }
            return found == text
        }
    }

    @Test func otherRecords() {
        #expect(throws: RecordError.invalid(field: "list of options", text: "300=00")) {
            try ReservationRecord.decode(bytes("1⇥circuit=⇥-⇥300=00"), name: "rack1/10.0.0.1")
        }
        #expect(throws: RecordError.invalid(field: "list of options", text: "1=00,")) {
            try ReservationRecord.decode(bytes("1⇥circuit=⇥-⇥1=00,"), name: "rack1/10.0.0.1")
        }
        #expect(throws: RecordError.invalid(field: "identity", text: "mac")) {
            try ReservationRecord.decode(bytes("1⇥mac⇥-⇥-"), name: "rack1/10.0.0.1")
        }
        for name in ["rack1", "rack1/", "rack1/10.0.0", "rack1/10.0.0.1/24"] {
            #expect(throws: RecordError.invalid(field: "reservation's name", text: name)) {
                try ReservationRecord.decode(bytes("1⇥circuit=⇥-⇥-"), name: name)
            }
        }
        #expect(throws: RecordError.invalid(field: "epoch", text: "18446744073709551616")) {
            try TermRecord.decode(bytes("1⇥a⇥18446744073709551616"), network: "n")
        }
        #expect(throws: RecordError.invalid(field: "list of attempts", text: "1,,2")) {
            try BootStatusRecord.decode(bytes("1⇥local⇥-⇥1,,2"), machine: "m")
        }
    }

    @Test func anErrorReadsAsASentenceAndShowsNoFlood() {
        let long = "1⇥" + String(repeating: "x", count: 10_000)
        #expect { try lease(long) } throws: { "\($0)".utf8.count < 80 && "\($0)".hasSuffix("is no state") }
        #expect("\(RecordError.unknownVersion("2"))" == "it has the format \"2\", which this OnDeck does not know")
        #expect("\(RecordError.missing(field: "state"))" == "it ends before its state")
    }

    /// Whatever the disk holds, reading it never traps; and what can be read is then stored and read the same.
    @Test(arguments: [11, 12]) func damagedBytesNeverTrap(seed: UInt64) throws {
        var samples = RecordSamples(seed: seed)
        var readable = 0
        for _ in 0..<5_000 {
            let lease = samples.lease()
            var damaged = samples.below(8) == 0 ? samples.octets(max: 80) : LeaseRecord.encode(lease)
            for _ in 0..<samples.below(3) where !damaged.isEmpty {
                damaged[samples.below(damaged.count)] = UInt8(samples.below(256))
            }
            if samples.below(3) == 0 { damaged.removeLast(samples.below(damaged.count + 1)) }
            if let read = try? LeaseRecord.decode(damaged, address: lease.address) {
                readable += 1
                #expect(try LeaseRecord.decode(LeaseRecord.encode(read), address: lease.address) == read)
            }
            _ = try? ReservationRecord.decode(damaged, name: "rack1/10.0.0.1")
            _ = try? TermRecord.decode(damaged, network: "rack1")
            _ = try? BootStatusRecord.decode(damaged, machine: "web1")
        }
        #expect(readable > 500 && readable < 4_500)
    }
}
