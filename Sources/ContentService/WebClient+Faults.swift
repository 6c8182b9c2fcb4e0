// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Glibc
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension WebClient {
    /// What the libraries throw, as a sentence for people.
    static func fault(_ error: any Error) -> FetchFault {
        switch error {
        case let fault as FetchFault: return fault
        case is CancellationError: return .stopped
        case let error as HTTPClientError: return fault(of: error)
        case let error as NIOConnectionError:
            let reasons = error.connectionErrors.map { reason($0.error) }
            return .unreachable(reasons.first ?? "its name \(error.host) is not known")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return .refused("its certificate is for another host name")
        case let error as NIOSSLError where error == .uncleanShutdown: return .cutShort
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return tlsFault("\(error)")
        case is HTTPParserError: return .cutShort
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE: return .cutShort
        default: return .unreachable(reason(error))
        }
    }

    private static func fault(of error: HTTPClientError) -> FetchFault {
        switch error {
        case .connectTimeout, .deadlineExceeded, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout:
            .silent(seconds: Limits.contentConnectSeconds)
        case .readTimeout: .silent(seconds: Limits.contentStallSeconds)
        case .remoteConnectionClosed: .cutShort
        case .cancelled, .alreadyShutdown: .stopped
        case .invalidURL, .emptyScheme, .emptyHost: .nonsense("is no URL")
        case .proxyAuthenticationRequired: .refused("the proxy wants a login")
        case .invalidProxyResponse: .unreachable("the proxy refuses to connect to it (CONNECT)")
        default: .unreachable(error.shortDescription)
        }
    }

    private static func tlsFault(_ text: String) -> FetchFault {
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return .refused(
                "its certificate is not trusted: it is not valid today, or signed by nobody whom this node knows "
                    + "(content-store: { ca: FILE } in ondeck.yaml names one more authority)")
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return .refused("does not speak TLS there; is it http://?")
        }
        if text.contains("CERTIFICATE_REQUIRED") { return .refused("wants a certificate of us, and we have none") }
        if text.contains("EOF during handshake") { return .cutShort }
        return .unreachable("TLS fails: \(text)")
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }
}

extension FetchFault {
    /// Says through which proxy it was tried, where that may be the cause.
    func through(_ proxy: String) -> FetchFault {
        switch self {
        case .unreachable(let why): .unreachable("\(why) (through the proxy \(proxy))")
        case .refused(let why): .refused("\(why) (through the proxy \(proxy))")
        default: self
        }
    }
}
