// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// A lease as stored under `StoreKeys.lease`, which names its network and address:
///
///     2  bound  52:54:00:12:34:56  mac  web1  1763800000  1763803600  1763807200
///
/// version, state, hardware address, identity, host name, since, until, reserved until (seconds; "never"); tabs in
/// between. Version 1 ended with until: nothing was reserved longer than it was promised.
public enum LeaseRecord {
    private static let version = UInt8(ascii: "2")
    private static let firstVersion = UInt8(ascii: "1")

    public static func encode(_ lease: Lease) -> [UInt8] {
        var line = RecordWriter(version: version)
        switch lease.state {
        case .bound: line.field(word: "bound")
        case .released: line.field(word: "released")
        case .declined: line.field(word: "declined")
        }
        line.field(lease.mac)
        line.field(lease.identity, mac: lease.mac)
        line.field(text: lease.hostname)
        line.field(lease.since)
        line.field(lease.until)
        line.field(lease.reservedUntil)
        return line.bytes
    }

    public static func decode(_ value: [UInt8], address: IPv4Address) throws(RecordError) -> Lease {
        let isFirst = value.first == firstVersion
        var line = try RecordReader(value, version: isFirst ? firstVersion : version)
        let state = try state(&line)
        let mac = try line.mac("hardware address")
        let lease = Lease(
            address: address, state: state, identity: try line.identity("identity", mac: mac), mac: mac,
            hostname: try line.text("host name"), since: try line.instant("beginning"), until: try line.instant("end"),
            reservedUntil: isFirst ? nil : try line.instant("end of the reserve"))
        try line.end()
        return lease
    }

    private static func state(_ line: inout RecordReader) throws(RecordError) -> Lease.State {
        let word = try line.word("state")
        if line.matches(word, "bound") { return .bound }
        if line.matches(word, "released") { return .released }
        if line.matches(word, "declined") { return .declined }
        throw line.invalid("state", word)
    }
}
