// SPDX-License-Identifier: Apache-2.0

/// Counts the turns of a network's holders. It only grows.
public struct Epoch: Hashable, Comparable, Sendable {
    public var value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// One node's turn to hand out a network's dynamic addresses.
public struct Term: Hashable, Sendable {
    public var network: String
    public var holder: String
    public var epoch: Epoch
    public init(network: String, holder: String, epoch: Epoch) {
        self.network = network
        self.holder = holder
        self.epoch = epoch
    }
}
