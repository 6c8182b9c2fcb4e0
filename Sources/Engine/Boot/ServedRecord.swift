// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model

/// Which answer files a machine has had, as stored under `StoreKeys.served`, which names the machine:
///
///     1  29383200  29383231 10.77.0.20 1763800000 preseed.cfg  29383231 10.77.0.20 1763800301 late.sh
///
/// version, the minute before which tokens are burnt, and for each file the minute of its token, who had it, when, and
/// its name; tabs in between.
enum ServedRecord {
    private static let version = UInt8(ascii: "1")

    static func encode(_ served: ServedAnswers) -> [UInt8] {
        var line = RecordWriter(version: version)
        line.field(UInt64(max(0, served.burntBefore)))
        line.field(UInt64(served.entries.count))
        for entry in served.entries {
            line.field(UInt64(max(0, entry.minute)))
            line.field(text: "\(entry.address)")
            line.field(entry.at)
            line.field(text: entry.name)
        }
        return line.bytes
    }

    static func decode(_ value: [UInt8]) throws(RecordError) -> ServedAnswers {
        var line = try RecordReader(value, version: version)
        var served = ServedAnswers()
        served.burntBefore = Int64(clamping: try line.number("burnt before"))
        let count = try line.number("number of answers")
        for _ in 0..<min(count, UInt64(Limits.answersServedKept)) {
            let minute = Int64(clamping: try line.number("minute"))
            guard let address = IPv4Address(try line.text("address")) else { throw .missing(field: "address") }
            let at = try line.instant("time")
            served.entries.append(
                ServedAnswers.Entry(minute: minute, name: try line.text("name"), address: address, at: at))
        }
        try line.end()
        return served
    }
}
