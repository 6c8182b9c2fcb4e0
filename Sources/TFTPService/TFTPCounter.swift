// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One value of one metric, as the metrics page writes it.
public struct TFTPCounter: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable { case counter, gauge }

    public struct Label: Hashable, Sendable {
        public var name: String
        public var value: String
    }

    public var name: String
    public var help: String
    public var kind: Kind
    public var value: Int
    public var labels: [Label]

    init(_ name: String, _ help: String, _ kind: Kind, _ value: Int, labels: [Label] = []) {
        self.name = name
        self.help = help
        self.kind = kind
        self.value = value
        self.labels = labels
    }
}

/// A number that any thread may add to.
final class TFTPTally: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add(_ number: Int) { count.wrappingAdd(number, ordering: .relaxed) }
}
