// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// A beat as stored under `StoreKeys.beat`, which names its node:
///
///     2  42  1007  1763800000  1763800251.750  serving  10.0.0.1:6700  8123  -12  0.1.0  10.0.0.1  lab=17  mgmt
///     works  works  8080  -
///
/// version, incarnation, sequence, started, sent, intent, peer port, applied revision, clock offset in milliseconds,
/// OnDeck's version, server identifiers, packets heard by network, deaf networks, whether TFTP and HTTP work, HTTP's
/// port, boot address; tabs in between, commas in lists. Version 1 had no word about TFTP and HTTP. Version 3 has one
/// more, networks without their virtual address, and is written only where there are some: nodes of the version before
/// can read the rest.
public enum BeatRecord {
    private static let version = UInt8(ascii: "2")
    private static let versionWithTrouble = UInt8(ascii: "3")
    private static let versionBefore = UInt8(ascii: "1")

    public static func encode(_ beat: Beat) -> [UInt8] {
        var line = RecordWriter(version: beat.vipless.isEmpty ? version : versionWithTrouble, capacity: 256)
        line.field(beat.run.incarnation)
        line.field(beat.sequence)
        line.field(beat.startedAt)
        line.field(beat.sentAt)
        line.field(text: beat.intent.rawValue)
        line.field(text: "\(beat.peerAddress):\(beat.peerPort)")
        line.field(text: "\(beat.applied)")
        line.field(text: "\(beat.clockOffsetMilliseconds)")
        line.field(text: beat.version)
        line.field(text: beat.serverIdentifiers.sorted().map { "\($0)" }.joined(separator: ","))
        let heard = beat.heard.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        line.field(text: heard.joined(separator: ","))
        line.field(text: beat.deaf.sorted().joined(separator: ","))
        line.field(text: beat.tftp.rawValue)
        line.field(text: beat.http.rawValue)
        line.field(UInt64(beat.httpPort))
        line.field(text: beat.bootAddress.map { "\($0)" } ?? "")
        if !beat.vipless.isEmpty { line.field(text: beat.vipless.sorted().joined(separator: ",")) }
        return line.bytes
    }

    public static func decode(_ value: [UInt8], node: String) throws(RecordError) -> Beat {
        let isOld = value.first == versionBefore
        let hasTrouble = value.first == versionWithTrouble
        var line = try RecordReader(value, version: isOld ? versionBefore : hasTrouble ? versionWithTrouble : version)
        var beat = Beat(run: NodeRun(node: node, incarnation: try line.number("incarnation")))
        beat.sequence = try line.number("sequence")
        beat.startedAt = try line.instant("start")
        beat.sentAt = try line.instant("time")
        beat.intent = try parse(&line, "intent") { NodeIntent(rawValue: $0) }
        (beat.peerAddress, beat.peerPort) = try parse(&line, "peer port") { text in
            let parts = text.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let address = IPv4Address(String(parts[0])), let port = UInt16(parts[1]) else {
                return nil
            }
            return (address, port)
        }
        beat.applied = try parse(&line, "applied revision") { Int64($0) }
        beat.clockOffsetMilliseconds = try parse(&line, "clock offset") { Int64($0) }
        beat.version = try line.text("version")
        beat.serverIdentifiers = Set(
            try parse(&line, "server identifiers") { Self.list($0) { IPv4Address(String($0)) } })
        let heard = try parse(&line, "packets heard") { text in
            Self.list(text) { item -> (String, UInt64)? in
                let parts = item.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let count = UInt64(parts[1]) else { return nil }
                return (String(parts[0]), count)
            }
        }
        beat.heard = Dictionary(heard, uniquingKeysWith: { a, _ in a })
        beat.deaf = Set(try line.text("deaf networks").split(separator: ",").map(String.init))
        if !isOld { try decodeServices(&line, into: &beat) }
        if hasTrouble {
            beat.vipless = Set(try line.text("networks without vip").split(separator: ",").map(String.init))
        }
        try line.end()
        return beat
    }

    private static func decodeServices(_ line: inout RecordReader, into beat: inout Beat) throws(RecordError) {
        beat.tftp = try parse(&line, "tftp") { ServiceHealth(rawValue: $0) }
        beat.http = try parse(&line, "http") { ServiceHealth(rawValue: $0) }
        beat.httpPort = try parse(&line, "http port") { UInt16($0) }
        let address = try line.text("boot address")
        guard !address.isEmpty else { return }
        beat.bootAddress = IPv4Address(address)
        if beat.bootAddress == nil { throw .invalid(field: "boot address", text: address) }
    }

    private static func parse<Value>(
        _ line: inout RecordReader, _ name: String, _ body: (String) -> Value?
    ) throws(RecordError) -> Value {
        let text = try line.text(name)
        guard let value = body(text) else { throw .invalid(field: name, text: text) }
        return value
    }

    /// Nil when one of the items is not one.
    private static func list<Value>(_ text: String, _ item: (Substring) -> Value?) -> [Value]? {
        let items = text.split(separator: ",")
        let values = items.compactMap(item)
        return values.count == items.count ? values : nil
    }
}
