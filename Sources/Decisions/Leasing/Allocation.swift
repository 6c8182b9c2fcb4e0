// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Where in a pool the search for a client's address begins. A function of network and client alone, so that a
/// restarted server, or another node, offers the same address again.
enum Allocation {
    /// FNV-1a over the network's name and the client's identity, then a finalizer (splitmix64's) that spreads
    /// consecutive MAC addresses over the pool. Never change it: addresses would move.
    static func seed(network: String, identity: ClientIdentity) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        func mix(_ word: UInt64) {
            for shift in stride(from: 56, through: 0, by: -8) { mix(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
        }
        network.utf8.forEach(mix)
        switch identity {
        case .mac(let mac): mix(UInt8(1)); mix(mac.bits)
        case .clientIdentifier(let bytes): mix(UInt8(2)); bytes.forEach(mix)
        case .uuid(let uuid): mix(UInt8(3)); mix(uuid.high); mix(uuid.low)
        case .circuit(let bytes): mix(UInt8(4)); bytes.forEach(mix)
        }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }
}
