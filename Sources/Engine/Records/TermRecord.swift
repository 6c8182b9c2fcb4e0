// SPDX-License-Identifier: Apache-2.0

import Model

/// A term as stored under `StoreKeys.term`, which names its network:
///
///     1  rack1-a  17
///
/// version, holder, epoch; tabs in between.
public enum TermRecord {
    private static let version = UInt8(ascii: "1")

    public static func encode(_ term: Term) -> [UInt8] {
        var line = RecordWriter(version: version)
        line.field(text: term.holder)
        line.field(term.epoch.value)
        return line.bytes
    }

    public static func decode(_ value: [UInt8], network: String) throws(RecordError) -> Term {
        var line = try RecordReader(value, version: version)
        let term = Term(network: network, holder: try line.text("holder"), epoch: Epoch(try line.number("epoch")))
        try line.end()
        return term
    }
}
