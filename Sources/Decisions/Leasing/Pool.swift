// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// One range of dynamic addresses and what is free in it.
struct Pool: Sendable {
    let range: IPv4Range
    /// Index of the subnet within its network.
    let subnetIndex: Int
    /// Excluded or reserved: never dynamic.
    private var blocked: AddressSet
    /// Not blocked, not leased or kept, not offered, not declined.
    private(set) var free: AddressSet
    /// Free, and nobody had it before: handed out first, so that the last holder of another finds it again.
    private(set) var fresh: AddressSet

    init(range: IPv4Range, subnetIndex: Int) {
        self.range = range
        self.subnetIndex = subnetIndex
        blocked = AddressSet(capacity: range.count, filled: false)
        free = AddressSet(capacity: range.count, filled: true)
        fresh = free
    }

    private func index(_ address: IPv4Address) -> Int { Int(address.bits - range.first.bits) }
    private func address(_ index: Int) -> IPv4Address { IPv4Address(bits: range.first.bits + UInt32(index)) }

    mutating func block(_ address: IPv4Address) {
        blocked.insert(index(address))
        free.remove(index(address))
        fresh.remove(index(address))
    }

    /// How many of its addresses are dynamic at all.
    var dynamicCount: Int { range.count - blocked.count }

    func isBlocked(_ address: IPv4Address) -> Bool { blocked.contains(index(address)) }

    mutating func setFree(_ address: IPv4Address, hasRecord: Bool) {
        let i = index(address)
        guard !blocked.contains(i) else { return }
        free.insert(i)
        if hasRecord { fresh.remove(i) } else { fresh.insert(i) }
    }

    mutating func setTaken(_ address: IPv4Address) {
        free.remove(index(address))
        fresh.remove(index(address))
    }

    /// The address to offer to whoever has `seed`: the same seed meets the same address as long as it is free.
    func candidate(seed: UInt64) -> IPv4Address? {
        let start = Int(seed % UInt64(range.count))
        return (fresh.next(from: start) ?? free.next(from: start)).map(address)
    }
}
