// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Foundation
import Model

/// Encoding and decoding of 100,000 stored lines of each large kind, in CPU time; exits with 1 when decoding takes over
/// 60 ms.
enum RecordBench {
    static func run() throws {
        let count = 100_000
        let leases = (0..<count).map(lease)
        let reservations = (0..<count).map(reservation)
        var best: [String: Duration] = [:]
        for _ in 1...5 {
            let (leaseLines, encodeLeases) = timed { leases.map(LeaseRecord.encode) }
            let (readLeases, decodeLeases) = try timed {
                try zip(leaseLines, leases).map { try LeaseRecord.decode($0, address: $1.address) }
            }
            let (lines, encodeReservations) = timed { reservations.map(ReservationRecord.encode) }
            let names = reservations.map { "\($0.network)/\($0.address)" }
            let (readReservations, decodeReservations) = try timed {
                try zip(lines, names).map { try ReservationRecord.decode($0, name: $1) }
            }
            guard readLeases == leases, readReservations == reservations else { exit(2) }
            best.merge(
                [
                    "encode leases": encodeLeases, "decode leases": decodeLeases,
                    "encode reservations": encodeReservations, "decode reservations": decodeReservations,
                ], uniquingKeysWith: min)
        }
        for (what, took) in best.sorted(by: { $0.key < $1.key }) { print("\(what): \(took) for \(count)") }
        let isTooSlow = best.contains { $0.key.hasPrefix("decode") && $0.value > .milliseconds(60) }
        exit(isTooSlow ? 1 : 0)
    }

    private static func timed<Value>(_ body: () throws -> Value) rethrows -> (Value, Duration) {
        let start = Usage.now()
        let value = try body()
        return (value, .microseconds(Usage.now().microseconds - start.microseconds))
    }

    private static func lease(_ number: Int) -> Lease {
        let mac = MACAddress(bits: 0x5254_0000_0000 + UInt64(number))
        return Lease(
            address: IPv4Address(bits: 0x0a00_0000 + UInt32(number)), state: .bound,
            identity: number % 10 == 0 ? .clientIdentifier([1] + mac.bytes) : .mac(mac), mac: mac,
            hostname: "compute-node-\(number)", since: Instant(seconds: 1_763_800_000),
            until: Instant(seconds: 1_763_803_600))
    }

    private static func reservation(_ number: Int) -> Reservation {
        let address = IPv4Address(bits: 0x0a00_0000 + UInt32(number))
        var reservation = Reservation(
            network: "rack\(number % 100)", address: address,
            identity: .mac(MACAddress(bits: 0x5254_0000_0000 + UInt64(number))))
        reservation.hostname = "compute-node-\(number)"
        if number % 4 == 0 { reservation.options = [OptionSetting(code: 15, value: Array("lab.example".utf8))] }
        return reservation
    }
}
