// SPDX-License-Identifier: Apache-2.0

import Addresses

/// The keys under which a site is stored. One place, because three stores and every node must agree.
///
///     site/<kind>/<name>              an operator's object
///     site-boot/<machine>             what has come of its intent
///     lease/<network>/<address>       a dynamic address's record, address as 8 hex digits so that keys sort
///     term/<network>                  who may write that network's leases, and in which epoch
///     order/<network>                 the node that an operator wants up to bat there; its holder hands over to it
///     beat/<node>                     that node's account of itself, rewritten a few times a second
///     drain/<node>                    there when an operator wants that node to have no terms
///     drill/<node>                    an order to rehearse a fault, and what that node says to it; soon removed
///     site-content/<image>            what an image's name stands for now
///     site-holds/<node>               what that node holds of which image
///     site-target/<node>              there when an operator wants that node not to be a next-boot target
///     site-served/<mac>               answer files that a boot token has been used for
///     site-journal                    a change of the site that is too large for one batch, and its parts below it
///     cluster                         the cluster's name and the secret that its nodes' heartbeats are signed with
public enum StoreKeys {
    public static let sitePrefix = "site/"
    public static let bootPrefix = "site-boot/"
    /// Site objects, boot states and content: what every node follows.
    public static let followedPrefix = "site"
    public static let leasePrefix = "lease/"
    public static let termPrefix = "term/"
    public static let orderPrefix = "order/"
    public static let beatPrefix = "beat/"
    public static let drainPrefix = "drain/"
    public static let drillPrefix = "drill/"
    public static let contentPrefix = "site-content/"
    public static let holdsPrefix = "site-holds/"
    public static let targetPrefix = "site-target/"
    public static let servedPrefix = "site-served/"
    public static let siteJournal = "site-journal"
    public static let cluster = "cluster"

    /// Written and removed again to learn whether a store that failed takes writes once more.
    public static let probe = "probe"

    public static func site(_ kind: ObjectKind, _ name: String) -> String { "site/\(kind.rawValue)/\(name)" }
    public static func boot(_ machine: String) -> String { "site-boot/\(machine)" }
    public static func order(_ network: String) -> String { "order/\(network)" }
    public static func beat(_ node: String) -> String { "beat/\(node)" }
    public static func drain(_ node: String) -> String { "drain/\(node)" }
    public static func drill(_ node: String) -> String { "drill/\(node)" }
    public static func content(_ image: String) -> String { "site-content/\(image)" }
    public static func holds(_ node: String) -> String { "site-holds/\(node)" }
    public static func target(_ node: String) -> String { "site-target/\(node)" }
    public static func served(_ mac: MACAddress) -> String { "site-served/\(mac.hyphenated)" }
    /// All parts of one change.
    public static func siteJournalParts(_ number: UInt64) -> String { "site-journal/\(number)/" }
    /// In the order of their keys.
    public static func siteJournalPart(_ number: UInt64, _ index: Int) -> String {
        let digits = "\(index)"
        return siteJournalParts(number) + String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits
    }
    public static func term(_ network: String) -> String { "term/\(network)" }
    public static func lease(_ network: String, _ address: IPv4Address) -> String {
        "lease/\(network)/\(hexText(address.bytes))"
    }

    /// The address of a lease key; nil for any other key.
    public static func leaseAddress(_ key: String) -> IPv4Address? {
        guard key.hasPrefix(leasePrefix), let digits = key.split(separator: "/").last, digits.utf8.count == 8,
            let bits = UInt32(digits, radix: 16)
        else { return nil }
        return IPv4Address(bits: bits)
    }

    /// The network of a lease key; nil for any other key.
    public static func leaseNetwork(_ key: String) -> String? {
        guard key.hasPrefix(leasePrefix) else { return nil }
        let rest = key.dropFirst(leasePrefix.count)
        return rest.firstIndex(of: "/").map { String(rest[..<$0]) }
    }

    /// The kind and name of a site key; nil for any other key.
    public static func parseSite(_ key: String) -> (kind: ObjectKind, name: String)? {
        let parts = key.split(separator: "/", maxSplits: 2).map(String.init)
        guard parts.count == 3, parts[0] == "site", let kind = ObjectKind(rawValue: parts[1]) else { return nil }
        return (kind, parts[2])
    }
}
