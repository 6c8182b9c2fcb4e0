// SPDX-License-Identifier: Apache-2.0

import Logging

/// One log line a request. Tokens and queries are never in it.
struct BootTelemetry: Sendable {
    let logger: Logger

    /// Ranges of a file are a BMC's or a resuming client's, by the thousand: debug.
    func served(method: String, target: String, peer: Peer, outcome: BootOutcome) {
        let level: Logger.Level = outcome.status == 206 && outcome.isComplete ? .debug : .info
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

    /// Without the query, and not longer than a line should be.
    static func path(_ target: String) -> String {
        String((target.split(separator: "?", maxSplits: 1).first ?? "").prefix(256))
    }
}

struct APITelemetry: Sendable {
    let logger: Logger

    func answered(method: String, target: String, client: String, status: Int, milliseconds: Int64) {
        logger.info(
            "answered",
            metadata: [
                "method": "\(method)", "path": "\(BootTelemetry.path(target))", "status": "\(status)",
                "milliseconds": "\(milliseconds)", "client": "\(client)",
            ])
    }
}
