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
            get: { [boot, targets = content.targets] request in
                let ask = BootAsk(
                    path: request.path, query: request.query, client: request.client,
                    endpoint: Self.endpoint(request, targets), isOnlyHead: request.method == .head)
                return BootResponse(await boot.answer(ask))
            },
            getNow: { [boot] request in boot.answerNow(path: request.path).map { BootResponse($0) } },
            served: { [boot] request, outcome in
                guard request.method != .head else { return }
                boot.noteServed(
                    "HTTP", path: request.path, client: request.client,
                    result: outcome.isComplete
                        ? "\(outcome.status), \(outcome.bytesSent) bytes in \(outcome.milliseconds) ms"
                        : "\(outcome.status), broken off after \(outcome.bytesSent) bytes")
            })
    }

    /// Where the client should go on. Files name no other URL, so that nobody is asked about them.
    private static func endpoint(_ request: BootRequest, _ targets: TargetService) -> BootEndpoint {
        let path = try? BootPath(request.path)
        switch path {
        case .content, .blob, .probe: return BootEndpoint(address: request.local, httpPort: request.localPort)
        default: break
        }
        let web = EndpointQuestion.Web(
            localPort: request.localPort, forwardedBase: request.forwardedBase,
            hostBase: request.host.map { "http://\($0)" })
        return targets.endpoint(
            EndpointAsk(mac: path?.mac, client: request.client, local: request.local, web: web))
    }

    static func makeTFTP(
        _ configuration: ServerConfiguration, _ boot: BootService, _ targets: TargetService, _ logger: Logger
    ) -> TFTPServer {
        let settings = configuration.tftp
        let tftpConfiguration = TFTPConfiguration(
            listen: settings.listen, port: settings.port, mode: settings.mode == .classic ? .classic : .singlePort)
        return TFTPServer(
            configuration: tftpConfiguration,
            resolve: { request in
                let mac = (try? BootPath(request.name))?.mac
                let endpoint = targets.endpoint(EndpointAsk(mac: mac, client: request.client, local: request.local))
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
        case .arriving(let file, let type): self = .arriving(file, contentType: type)
        case .text(let text, let type): self = .text(text, contentType: type)
        case .noContent: self = .noContent
        case .missing(let reason): self = .notFound(reason)
        case .refused(let reason): self = .forbidden(reason)
        case .gone(let reason): self = .gone(reason)
        case .failed(let reason): self = .failed(reason)
        case .later: self = .failed("it is still on its way here")
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
        case .refused(let reason), .gone(let reason), .failed(let reason): self = .refused(reason: reason)
        // HTTP sends it as it comes; here the client asks again.
        case .arriving, .later: self = .later
        }
    }
}

extension ProxyTrust {
    init(_ proxies: ServerConfiguration.Proxies, hosts: HostAllowList = HostAllowList()) {
        self.init(trusted: proxies.trusted, expectsProxyHeader: proxies.proxyProtocol, hosts: hosts)
    }
}
