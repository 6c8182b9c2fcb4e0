// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Wire

/// One thing that happened, as a value: its text is made only when somebody reads it.
public struct Event: Sendable {
    public enum Level: String, Sendable, CaseIterable { case info, warning, error }
    public enum Kind: String, Sendable, CaseIterable { case dhcp, tftp, http, boot, admin, system }

    public enum Detail: Sendable {
        case text(String)
        case dropped(DHCPMessageType?, DropReason)
        case replied(DHCPMessageType?, with: DHCPMessageType?, bootFile: [UInt8], noBoot: NoBoot? = nil)
        case committed(Lease.State)
    }

    /// Grows by one with each event since the start.
    public internal(set) var sequence: UInt64 = 0
    public internal(set) var at = Instant(milliseconds: 0)
    public var level: Level
    public var kind: Kind
    public var mac: MACAddress?
    public var address: IPv4Address?
    public var network: String?
    public var detail: Detail

    public init(
        _ kind: Kind, _ level: Level = .info, mac: MACAddress? = nil, address: IPv4Address? = nil,
        network: String? = nil, _ detail: Detail
    ) {
        self.level = level
        self.kind = kind
        self.mac = mac
        self.address = address
        self.network = network
        self.detail = detail
    }

    public var text: String {
        switch detail {
        case .text(let text): text
        case .dropped(let type, let reason):
            "\(Self.name(type)) not answered: \(reason.explanation)"
        case .replied(let type, let reply, let bootFile, let noBoot):
            "\(Self.name(type)) -> \(Self.name(reply))" + (address.map { " \($0)" } ?? "")
                + (bootFile.isEmpty
                    ? "" : ", boot file \(BootTokenText.removed(from: String(decoding: bootFile, as: UTF8.self)))")
                + (noBoot.map { ", no boot file: \($0)" } ?? "")
        case .committed(let state):
            switch state {
            case .bound: "lease written"
            case .released: "RELEASE: lease given back"
            case .declined: "DECLINE: address quarantined"
            }
        }
    }

    private static func name(_ type: DHCPMessageType?) -> String {
        guard let type else { return "BOOTP" }
        return "\(type)".uppercased()
    }
}
