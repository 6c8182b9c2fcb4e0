// SPDX-License-Identifier: Apache-2.0

/// Highest random weight: everybody who knows the same nodes ranks them alike for a key, and when one is lost only its
/// own share moves (Thaler and Ravishankar, 1998).
public enum Rendezvous {
    /// How much `node` wants the key. Equal everywhere and for ever: copies would move if it changed.
    public static func weight(_ key: String, node: String) -> UInt64 { weight(hash(key.utf8), node: node) }

    public static func weight(_ key: UInt64, node: String) -> UInt64 {
        finalize(finalize(key) ^ hash(node.utf8))
    }

    /// The nodes, the one that wants the key most first; of equal weights the name decides.
    public static func ranked(_ key: String, nodes: some Sequence<String>) -> [String] {
        ranked(hash(key.utf8), nodes: nodes)
    }

    public static func ranked(_ key: UInt64, nodes: some Sequence<String>) -> [String] {
        nodes.map { (weight: weight(key, node: $0), name: $0) }
            .sorted { ($1.weight, $0.name) < ($0.weight, $1.name) }
            .map(\.name)
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// splitmix64's: keys and names that differ in their last letter must not have like weights.
    private static func finalize(_ value: UInt64) -> UInt64 {
        var hash = value
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }
}
