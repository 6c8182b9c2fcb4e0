// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// A reservation as stored under `StoreKeys.site(.reservation, "NETWORK/ADDRESS")`:
///
///     1  mac=52:54:00:12:34:56  web1  3=0a4000fe,15=6c61622e6578616d706c65
///
/// version, identity, host name, options (number=hex); tabs in between.
public enum ReservationRecord {
    private static let version = UInt8(ascii: "1")

    public static func encode(_ reservation: Reservation) -> [UInt8] {
        var line = RecordWriter(version: version)
        line.field(reservation.identity)
        line.field(text: reservation.hostname)
        line.field(list: reservation.options) { line, option in line.append(option) }
        return line.bytes
    }

    /// `name` is the reservation's name within its kind, "NETWORK/ADDRESS".
    public static func decode(_ value: [UInt8], name: String) throws(RecordError) -> Reservation {
        guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")),
            let address = IPv4Address(name[name.utf8.index(after: slash)...])
        else { throw .invalid(field: "reservation's name", text: name) }
        var line = try RecordReader(value, version: version)
        var reservation = Reservation(
            network: String(name[..<slash]), address: address, identity: try line.identity("identity"))
        reservation.hostname = try line.text("host name")
        reservation.options = try line.options("list of options")
        try line.end()
        return reservation
    }
}
