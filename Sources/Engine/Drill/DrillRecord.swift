// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model

/// An order to rehearse a fault, and what its node says to it, as stored under `StoreKeys.drill`, which names the node:
///
///     1  1763800000.123  9120387465  5577006791947779410  kill  lab  3000  asked  -
///
/// version, when it was given (the cluster's time), its number, the incarnation of the process that it is for, kind,
/// network, milliseconds, state, reason; tabs in between.
struct DrillRecord: Hashable, Sendable {
    enum State: String, Hashable, Sendable, CaseIterable {
        case asked
        /// Only to be answered.
        case asking
        case accepted
        /// For a reason.
        case refused
    }

    private static let version = UInt8(ascii: "1")

    var at: Instant
    var number: UInt64
    var incarnation: UInt64
    var kind: DrillKind
    var network: String
    var milliseconds: UInt64
    var state: State
    var reason = ""

    func encode() -> [UInt8] {
        var line = RecordWriter(version: Self.version)
        line.field(at)
        line.field(number)
        line.field(incarnation)
        line.field(text: kind.rawValue)
        line.field(text: network)
        line.field(milliseconds)
        line.field(text: state.rawValue)
        line.field(text: reason)
        return line.bytes
    }

    static func decode(_ value: [UInt8]) throws(RecordError) -> DrillRecord {
        var line = try RecordReader(value, version: version)
        let at = try line.instant("at")
        let number = try line.number("number")
        let incarnation = try line.number("incarnation")
        let kindText = try line.text("kind")
        guard let kind = DrillKind(rawValue: kindText) else { throw .invalid(field: "kind", text: kindText) }
        let network = try line.text("network")
        let milliseconds = try line.number("milliseconds")
        let stateText = try line.text("state")
        guard let state = State(rawValue: stateText) else { throw .invalid(field: "state", text: stateText) }
        let reason = try line.text("reason")
        try line.end()
        return DrillRecord(
            at: at, number: number, incarnation: incarnation, kind: kind, network: network, milliseconds: milliseconds,
            state: state, reason: reason)
    }
}
