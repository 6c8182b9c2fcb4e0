// SPDX-License-Identifier: Apache-2.0

import Model

/// What has come of a machine's intent, as stored under `StoreKeys.boot`, which names the machine:
///
///     1  install debian-12  -  1763800000,1763800300
///
/// version, intent, done at ("-": not yet), the last attempts; tabs in between.
public enum BootStatusRecord {
    private static let version = UInt8(ascii: "1")

    public static func encode(_ status: BootStatus) -> [UInt8] {
        var line = RecordWriter(version: version)
        line.field(text: status.intent)
        if let doneAt = status.doneAt { line.field(doneAt) } else { line.field(word: "-") }
        line.field(list: status.attempts) { line, attempt in line.append(attempt) }
        return line.bytes
    }

    public static func decode(_ value: [UInt8], machine: String) throws(RecordError) -> BootStatus {
        var line = try RecordReader(value, version: version)
        var status = BootStatus(machine: machine, intent: try line.text("intent"))
        status.doneAt = try line.optionalInstant("time of completion")
        status.attempts = try line.instants("list of attempts")
        try line.end()
        return status
    }
}
