// SPDX-License-Identifier: Apache-2.0

import Model

/// A term as stored under `StoreKeys.term`, which names its network:
///
///     2  rack1-a  5577006791947779410  17  silent  1763800000
///
/// version, holder's name and incarnation, epoch, cause, since (seconds); tabs in between.
public enum TermRecord {
    private static let version = UInt8(ascii: "2")

    public static func encode(_ term: Term) -> [UInt8] {
        var line = RecordWriter(version: version)
        line.field(text: term.holder.node)
        line.field(term.holder.incarnation)
        line.field(term.epoch.value)
        line.field(text: term.cause.rawValue)
        line.field(term.since)
        return line.bytes
    }

    public static func decode(_ value: [UInt8], network: String) throws(RecordError) -> Term {
        if value.first == UInt8(ascii: "1") { return try decodeFirstVersion(value, network: network) }
        var line = try RecordReader(value, version: version)
        let holder = NodeRun(node: try line.text("holder"), incarnation: try line.number("incarnation"))
        let epoch = Epoch(try line.number("epoch"))
        let word = try line.text("cause")
        guard let cause = TermCause(rawValue: word) else { throw .invalid(field: "cause", text: word) }
        let term = Term(network: network, holder: holder, epoch: epoch, cause: cause, since: try line.instant("since"))
        try line.end()
        return term
    }

    /// Version, holder's name and epoch were all that a single machine wrote.
    private static func decodeFirstVersion(_ value: [UInt8], network: String) throws(RecordError) -> Term {
        var line = try RecordReader(value, version: UInt8(ascii: "1"))
        let holder = NodeRun(node: try line.text("holder"), incarnation: 0)
        let term = Term(
            network: network, holder: holder, epoch: Epoch(try line.number("epoch")), cause: .start,
            since: Instant(seconds: 0))
        try line.end()
        return term
    }
}
