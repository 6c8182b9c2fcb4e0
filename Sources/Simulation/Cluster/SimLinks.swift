// SPDX-License-Identifier: Apache-2.0

/// Who reaches whom: nodes, the store and the clients of each network, each direction for itself.
struct SimLinks {
    enum Place: Hashable {
        case node(Int)
        case store
        case clients(String)
    }

    private let nodes: Int
    private let width: Int
    /// How many faults cut a direction at the moment.
    private var cuts: [Int]

    init(nodes: Int) {
        self.nodes = nodes
        width = nodes + 1 + SimSite.all.count
        cuts = Array(repeating: 0, count: width * width)
    }

    var places: [Place] { (0..<nodes).map { .node($0) } + [.store] + SimSite.all.map { .clients($0) } }

    private func index(_ place: Place) -> Int {
        switch place {
        case .node(let number): number
        case .store: nodes
        case .clients(let network): nodes + 1 + (SimSite.all.firstIndex(of: network) ?? 0)
        }
    }

    func isUp(_ from: Place, _ to: Place) -> Bool { cuts[index(from) * width + index(to)] == 0 }

    mutating func cut(_ from: Place, _ to: Place) { cuts[index(from) * width + index(to)] += 1 }
    mutating func mend(_ from: Place, _ to: Place) { cuts[index(from) * width + index(to)] -= 1 }
}

extension SimLinks.Place: CustomStringConvertible {
    var description: String {
        switch self {
        case .node(let number): "n\(number)"
        case .store: "store"
        case .clients(let network): "clients of \(network)"
        }
    }
}
