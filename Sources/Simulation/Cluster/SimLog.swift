// SPDX-License-Identifier: Apache-2.0

import Logging

/// What a node says of itself - terms, store, time - as lines of the history; its word on each packet is left out, for
/// the packets themselves are there.
struct SimLog: LogHandler {
    unowned let world: SimWorld
    let node: Int
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.info

    init(world: SimWorld, node: Int) {
        self.world = world
        self.node = node
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard event.metadata?["kind"] == "system" else { return }
        let network = event.metadata?["network"].map { "\($0)" }
        let text = "n\(node) says: \(network.map { "\($0): " } ?? "")\(event.message)"
        world.say(SimSubject(network: network), [6, UInt64(node), UInt64(text.utf8.count)], text)
    }
}
