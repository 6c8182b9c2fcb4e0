// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Logging
import Wire

/// Why a datagram was not answered.
enum TFTPDrop: String, Hashable, CaseIterable {
    /// Not a TFTP packet, or one that servers do not get.
    case malformed
    /// An ACK or ERROR of no transfer: late, or from before a restart.
    case stray
    /// Sent to a broadcast address (RFC 1123 4.2.3.5).
    case broadcast
    /// More than the limits allow.
    case limit
    /// The service is stopping.
    case stopping
}

/// The only place of this service that counts, logs and reports.
final class TFTPTelemetry: Sendable {
    private let logger: Logger
    private let report: @Sendable (TFTPReport) -> Void

    private let finished = TFTPTally()
    private let sizeProbes = TFTPTally()
    private let failed = TFTPTally()
    private let unanswered = TFTPTally()
    private let missing = TFTPTally()
    private let refused = TFTPTally()
    private let deferred = TFTPTally()
    private let bytes = TFTPTally()
    private let retransmits = TFTPTally()
    private let running = TFTPTally()
    private let evicted = TFTPTally()
    private let sendErrors = TFTPTally()
    private let drops = Dictionary(uniqueKeysWithValues: TFTPDrop.allCases.map { ($0, TFTPTally()) })

    init(logger: Logger, report: @escaping @Sendable (TFTPReport) -> Void) {
        self.logger = logger
        self.report = report
    }

    // The service itself

    func listening(_ configuration: TFTPConfiguration, port: UInt16, threads: Int) {
        logger.info(
            "TFTP listens",
            metadata: [
                "address": "\(configuration.listen):\(port)", "mode": "\(configuration.mode.rawValue)",
                "threads": "\(threads)",
            ])
    }

    func threadStopped(cutOff: Int) {
        guard cutOff > 0 else { return }
        logger.warning("TFTP stopped with transfers running", metadata: ["transfers": "\(cutOff)"])
    }

    func threadFailed(_ reason: String) { logger.error("TFTP thread failed", metadata: ["reason": "\(reason)"]) }

    // Packets

    func dropped(_ drop: TFTPDrop) { drops[drop]?.add(1) }

    func sendFailed(errno: Int32) {
        sendErrors.add(1)
        logger.debug("TFTP packet not sent", metadata: ["errno": "\(errno)"])
    }

    // Transfers

    func transferOpened() { running.add(1) }
    func transferClosed() { running.add(-1) }

    /// Not answered because the file is on its way here.
    func deferredRead() { deferred.add(1) }

    /// A forged request, or a flood of them: counted, but no row in the timeline for each.
    func evictedHalfOpen() { evicted.add(1) }

    func happened(_ event: TFTPReport.Event, to request: TFTPReadRequest) {
        count(event)
        log(event, request)
        report(TFTPReport(request: request, event: event))
    }

    private func count(_ event: TFTPReport.Event) {
        switch event {
        case .started: break
        case .sizeProbe: sizeProbes.add(1)
        case .finished(let bytes, _, let retransmits):
            finished.add(1)
            self.bytes.add(bytes)
            self.retransmits.add(retransmits)
        case .failed(_, let bytes, let retransmits):
            failed.add(1)
            self.bytes.add(bytes)
            self.retransmits.add(retransmits)
        case .unanswered: unanswered.add(1)
        case .missing: missing.add(1)
        case .refused: refused.add(1)
        }
    }

    private func log(_ event: TFTPReport.Event, _ request: TFTPReadRequest) {
        var (level, message, details) = Self.line(event)
        // Nodes look at each other all the time.
        if request.name == BootPath.probeName, level == .info { level = .debug }
        guard level >= logger.logLevel else { return }
        var metadata: Logger.Metadata = [
            "name": "\(BootTokenText.removed(from: request.name))", "client": "\(request.client):\(request.clientPort)",
            "local": "\(request.local)",
        ]
        for (name, value) in details { metadata[name] = "\(value)" }
        logger.log(level: level, "\(message)", metadata: metadata)
    }

    private static func line(_ event: TFTPReport.Event) -> (Logger.Level, String, [(String, String)]) {
        switch event {
        case .started(let bytes, let options):
            let text = options.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
            return (.debug, "TFTP read started", [("bytes", "\(bytes)"), ("options", text)])
        case .sizeProbe(let bytes):
            return (.debug, "TFTP size probe", [("bytes", "\(bytes)")])
        case .finished(let bytes, let milliseconds, let retransmits):
            return (
                .info, "TFTP read finished",
                [("bytes", "\(bytes)"), ("milliseconds", "\(milliseconds)"), ("retransmits", "\(retransmits)")]
            )
        case .failed(let reason, let bytes, let retransmits):
            return (
                .warning, "TFTP read failed",
                [("reason", reason), ("bytes", "\(bytes)"), ("retransmits", "\(retransmits)")]
            )
        // A stranger can bring about as many of these as it likes: not in the log unless it is asked for.
        case .unanswered: return (.debug, "TFTP client never answered", [])
        case .missing(let reason): return (.debug, "TFTP file not found", [("reason", reason)])
        case .refused(let reason): return (.debug, "TFTP request refused", [("reason", reason)])
        }
    }

    /// For the metrics page. Never a client's data in a label.
    var counters: [TFTPCounter] {
        let reads = [
            ("finished", finished), ("size_probe", sizeProbes), ("failed", failed), ("unanswered", unanswered),
            ("missing", missing), ("refused", refused), ("deferred", deferred),
        ]
        .map { result, tally in
            TFTPCounter(
                "ondeck_tftp_reads_total", "TFTP requests by what became of them.", .counter, tally.value,
                labels: [.init(name: "result", value: result)])
        }
        let dropped = TFTPDrop.allCases.map { drop in
            TFTPCounter(
                "ondeck_tftp_drops_total", "TFTP packets not answered, by reason.", .counter,
                drops[drop]?.value ?? 0, labels: [.init(name: "reason", value: drop.rawValue)])
        }
        return reads + dropped + [
            TFTPCounter("ondeck_tftp_bytes_total", "Octets of files acknowledged.", .counter, bytes.value),
            TFTPCounter("ondeck_tftp_retransmits_total", "Blocks sent again.", .counter, retransmits.value),
            TFTPCounter("ondeck_tftp_transfers", "Transfers running.", .gauge, running.value),
            TFTPCounter(
                "ondeck_tftp_half_open_evicted_total", "Requests forgotten before their client's first ACK.", .counter,
                evicted.value),
            TFTPCounter("ondeck_tftp_send_errors_total", "Sends the system refused.", .counter, sendErrors.value),
        ]
    }
}
