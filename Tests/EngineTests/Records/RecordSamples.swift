// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Random values from a seed: the same seed, the same values.
struct RecordSamples {
    private var generator: SplitMix

    init(seed: UInt64) { generator = SplitMix(state: seed) }

    /// What hostile or careless clients put into names, and a few that look like our own syntax.
    private static let texts = [
        "", "-", "--", "web1", "a\tb", "two\nlines", "50%", "%09", "\u{7f}\u{0}\u{1f}", "Müller", "рабочая-станция",
        "e\u{301}", "\u{1F4BB}", "mac=", "never", ",", "=", " ", "\r\n", String(repeating: "x", count: 63),
    ]

    mutating func text() -> String { Self.texts[below(Self.texts.count)] }
    mutating func mac() -> MACAddress { MACAddress(bits: generator.next()) }
    mutating func address() -> IPv4Address { IPv4Address(bits: UInt32(truncatingIfNeeded: generator.next())) }
    mutating func octets(max: Int) -> [UInt8] { (0..<below(max + 1)).map { _ in UInt8(below(256)) } }

    mutating func instant() -> Instant {
        switch below(6) {
        case 0: .distantFuture
        case 1: Instant(milliseconds: Int64(bitPattern: generator.next()))
        case 2: Instant(milliseconds: [0, 1, -1, 999, -999, -1000, .min, .min + 1, .max - 1][below(9)])
        default: Instant(seconds: 1_763_800_000 + Int64(below(1_000_000)))
        }
    }

    mutating func identity() -> ClientIdentity {
        switch below(4) {
        case 0: .mac(mac())
        case 1: .clientIdentifier(octets(max: 40))
        case 2: .uuid(MachineUUID(high: generator.next(), low: generator.next()))
        default: .circuit(octets(max: 20))
        }
    }

    mutating func lease() -> Lease {
        let mac = below(4) == 0 ? nil : mac()
        var holder = identity()
        if let mac, below(2) == 0 { holder = .mac(mac) }
        return Lease(
            address: address(), state: Lease.State.allCases[below(3)], identity: holder, mac: mac, hostname: text(),
            since: instant(), until: instant(), reservedUntil: below(2) == 0 ? instant() : nil)
    }

    mutating func reservation() -> Reservation {
        var reservation = Reservation(network: "rack\(below(9))", address: address(), identity: identity())
        reservation.hostname = text()
        reservation.options = (0..<below(4)).map { _ in OptionSetting(code: UInt8(below(256)), value: octets(max: 12)) }
        return reservation
    }

    mutating func term() -> Term {
        Term(
            network: "rack1", holder: NodeRun(node: text(), incarnation: generator.next()),
            epoch: Epoch(generator.next()), cause: TermCause.allCases.randomElement(using: &generator)!,
            since: Instant(seconds: Int64(UInt32(truncatingIfNeeded: generator.next()))))
    }

    mutating func bootStatus() -> BootStatus {
        var status = BootStatus(machine: "web1", intent: text())
        status.doneAt = below(2) == 0 ? nil : instant()
        status.attempts = (0..<below(9)).map { _ in instant() }
        return status
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
