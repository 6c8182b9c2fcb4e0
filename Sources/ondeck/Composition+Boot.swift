// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLI
import Decisions
import Engine
import HTTPService
import Logging
import TFTPService

/// What machines ask while they boot, by HTTP and by TFTP, answered by one service.
extension Composition {
    var bootCalls: BootPlaneCalls {
        BootPlaneCalls(
            get: { [boot] request in
                let endpoint = BootEndpoint(address: request.local, httpPort: request.localPort)
                let asks = BootAsk(
                    path: request.path, query: request.query, client: request.client, endpoint: endpoint,
                    isOnlyHead: request.method == .head)
                return BootResponse(await boot.answer(asks))
            },
            served: { [boot] request, outcome in
                guard request.method != .head else { return }
                boot.noteServed(
                    "HTTP", path: request.path, client: request.client,
                    result: outcome.isComplete
                        ? "\(outcome.status), \(outcome.bytesSent) bytes in \(outcome.milliseconds) ms"
                        : "\(outcome.status), broken off after \(outcome.bytesSent) bytes")
            })
    }

    static func makeTFTP(_ configuration: ServerConfiguration, _ boot: BootService, _ logger: Logger) -> TFTPServer {
        let settings = configuration.tftp
        let tftpConfiguration = TFTPConfiguration(
            listen: settings.listen, port: settings.port, mode: settings.mode == .classic ? .classic : .singlePort)
        let httpPort = configuration.http.port
        return TFTPServer(
            configuration: tftpConfiguration,
            resolve: { request in
                let endpoint = BootEndpoint(address: request.local, httpPort: httpPort)
                return TFTPContent(boot.file(BootAsk(path: request.name, client: request.client, endpoint: endpoint)))
            },
            report: { report in
                guard let result = report.event.sentence else { return }
                boot.noteServed("TFTP", path: report.request.name, client: report.request.client, result: result)
            },
            logger: logger)
    }
}

extension TFTPReport.Event {
    /// Nil for what says nothing by itself: a transfer that has only begun, a loader that tries names.
    var sentence: String? {
        switch self {
        case .started: nil
        case .sizeProbe(let bytes): "size asked: \(bytes) bytes"
        case .finished(let bytes, let milliseconds, let retransmits):
            "\(bytes) bytes in \(milliseconds) ms" + (retransmits == 0 ? "" : ", \(retransmits) sent again")
        case .failed(let reason, let bytes, _): "broken off after \(bytes) bytes: \(reason)"
        case .unanswered: "no acknowledgement of the first packet"
        case .missing(let reason): "not there: \(reason)"
        case .refused(let reason): "refused: \(reason)"
        }
    }
}

extension BootResponse {
    init(_ content: BootContent) {
        switch content {
        case .file(let file, let type): self = .file(file, contentType: type)
        case .text(let text, let type): self = .text(text, contentType: type)
        case .noContent: self = .noContent
        case .missing(let reason): self = .notFound(reason)
        case .refused(let reason): self = .forbidden(reason)
        case .failed(let reason): self = .failed(reason)
        }
    }
}

extension TFTPContent {
    init(_ content: BootContent) {
        switch content {
        case .file(let file, _): self = .file(file)
        case .text(let text, _): self = .bytes(Array(text.utf8))
        case .noContent: self = .bytes([])
        case .missing(let reason): self = .missing(reason: reason)
        case .refused(let reason), .failed(let reason): self = .refused(reason: reason)
        }
    }
}
