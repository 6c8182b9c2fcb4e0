// SPDX-License-Identifier: Apache-2.0

import Decisions
import Logging

/// One log line a request. Tokens and queries are never in it.
struct BootTelemetry: Sendable {
    let logger: Logger

    /// Ranges of a file are a BMC's or a resuming client's, by the thousand, and probes come some times a second from
    /// each node and balancer: debug.
    func served(method: String, target: String, peer: Peer, outcome: BootOutcome) {
        let isUsual = outcome.status == 206 || target == "/probe"
        let level: Logger.Level = isUsual && outcome.isComplete ? .debug : .info
        logger.log(
            level: level, outcome.isComplete ? "answered" : "broken off",
            metadata: [
                "method": "\(method)", "path": "\(Self.path(target))", "status": "\(outcome.status)",
                "bytes": "\(outcome.bytesSent)", "milliseconds": "\(outcome.milliseconds)",
                "client": "\(peer.client):\(peer.clientPort)",
            ])
    }

    func connectionFailed(_ error: any Error) {
        logger.debug("connection ended", metadata: ["error": "\(error)"])
    }

    /// Without the query, without a token ("/b/MAC.TOKEN/..."), and not longer than a line should be. Decoded, or a
    /// token could hide in what is quoted; what cannot be decoded is a path of nobody's.
    static func path(_ target: String) -> String {
        let path = (try? RequestTarget(target)).map(\.path) ?? String(target.prefix { $0 != "?" }.drop { $0 == "/" })
        return "/" + BootTokenText.removed(from: path).prefix(255)
    }
}

struct APITelemetry: Sendable {
    let logger: Logger

    /// Who only looks - a monitor at /readyz and /metrics, all day - leaves a line at debug.
    func answered(method: String, target: String, client: String, status: Int, milliseconds: Int64) {
        let onlyLooks = ["GET", "HEAD"].contains(method) && (status < 400 || status == 503)
        logger.log(
            level: onlyLooks ? .debug : .info, "answered",
            metadata: [
                "method": "\(method)", "path": "\(BootTelemetry.path(target))", "status": "\(status)",
                "milliseconds": "\(milliseconds)", "client": "\(client)",
            ])
    }
}
