// SPDX-License-Identifier: Apache-2.0

import Addresses
import Logging
import Model

/// The log lines of the peer port. Of a fault that comes with packets the 1st, 10th, 100th, ... are logged: a flood
/// fills no disk, and no clock is needed. All are counted.
struct PeerTelemetry: Sendable {
    let logger: Logger

    func badSignature(from address: IPv4Address, port: UInt16, soFar: Int) {
        guard Self.isMilestone(soFar) else { return }
        let question = "does that node belong to another cluster?"
        logger.warning(
            "peers: a heartbeat from \(address):\(port) has not this cluster's signature (\(soFar) so far); \(question)"
        )
    }

    func malformed(from address: IPv4Address, port: UInt16, _ reason: HeartbeatFault.StaticText, soFar: Int) {
        guard Self.isMilestone(soFar) else { return }
        logger.warning("peers: a datagram from \(address):\(port) is no heartbeat: \(reason) (\(soFar) so far)")
    }

    func receiveFailed(_ errno: Int32, soFar: Int) {
        guard Self.isMilestone(soFar) else { return }
        logger.error("peers: cannot receive heartbeats: \(errorText(errno)) (\(soFar) so far)")
    }

    func unencodable(_ node: String) {
        logger.error("peers: \"\(node)\" cannot be sent as a node's name: give the node one of 1 to 255 octets")
    }

    func tooManyPeers(_ count: Int) {
        logger.error("peers: \(count) nodes are sent no heartbeats: a cluster has at most \(Limits.nodesMax) nodes")
    }

    private static func isMilestone(_ count: Int) -> Bool {
        var rest = count
        while rest > 1, rest % 10 == 0 { rest /= 10 }
        return rest == 1
    }
}
