// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Glibc
import Model
import NIOCore
import NIOPosix
import NIOSSL
import Ports

/// Why one request to one endpoint brought nothing.
enum EtcdFailure: Error {
    /// The request did not leave: another endpoint may be asked the same.
    case notSent(String)
    /// It left, or may have, and no answer came: what it asked for may have happened.
    case lost(String)
    case refused(EtcdRefusal)
}

extension EtcdRefusal {
    /// etcd's own sentence, or the beginning of what somebody else said.
    init(body: [UInt8], status: UInt) {
        var scanner = JSONScanner(body)
        if let refusal = try? scanner.refusal(), !refusal.message.isEmpty {
            self = refusal
            return
        }
        let line = body.prefix(200).split(separator: UInt8(ascii: "\n")).first ?? []
        code = 0
        message = "HTTP \(status): \(String(decoding: line, as: UTF8.self)) (is it etcd, with its JSON gateway on?)"
    }

    var isFull: Bool { message.contains("database space exceeded") }
    var isCompacted: Bool { message.contains("has been compacted") }

    /// Another token may help: this one is too old, or forgotten, or there is none.
    var isAboutToken: Bool {
        message.contains("invalid auth token") || message.contains("revision of auth store is old")
            || message.contains("user name is empty")
    }

    var isWithoutAuthentication: Bool { message.contains("authentication is not enabled") }

    /// The member is in trouble, and another may be not. What was asked for may happen all the same.
    var isTransient: Bool {
        // gRPC: cancelled, unknown, deadline exceeded, aborted, internal, unavailable.
        [1, 2, 4, 10, 13, 14].contains(code)
    }

    fileprivate var advice: String {
        if message.contains("permission denied") { return "; grant etcd's user readwrite on OnDeck's prefix" }
        if message.contains("user name is empty") { return "; it wants a user and a password" }
        if message.contains("request is too large") || message.contains("larger than max") {
            return "; raise its --max-request-bytes"
        }
        if message.contains("authentication failed") { return "; check the user and the password" }
        return ""
    }
}

extension EtcdFailure {
    /// `isSent`: whether the request's head had left when `error` came.
    init(_ error: any Error, isSent: Bool) {
        let reason = Self.reason(error)
        let isTimer = (error as? HTTPClientError) == .deadlineExceeded || (error as? HTTPClientError) == .cancelled
        // A timer may overtake the news that the head has left.
        self = isSent || isTimer ? .lost(reason) : .notSent(reason)
    }

    /// Another member may do better; a refusal with a reason would be everybody's.
    var isOfMember: Bool {
        switch self {
        case .notSent, .lost: true
        case .refused(let refusal): refusal.isTransient
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error) } ?? "the host name \(error.host) is not known"
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            "its certificate is not for this host"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: tlsReason("\(error)")
        case let error as HTTPClientError: httpReason(error)
        case is ChannelError: "the connection broke"
        case is JSONScanner.Fault: "an answer that is not etcd's"
        default: "\(type(of: error))"
        }
    }

    private static func httpReason(_ error: HTTPClientError) -> String {
        switch error {
        case .deadlineExceeded, .readTimeout: "no answer in time"
        case .cancelled: "no answer, while another member answers"
        case .connectTimeout: "no connection in \(Limits.etcdConnectMilliseconds) ms"
        case .getConnectionFromPoolTimeout: "none of its connections was free in \(Limits.etcdConnectMilliseconds) ms"
        case .tlsHandshakeTimeout: "no TLS handshake in time"
        case .remoteConnectionClosed: "it closed the connection"
        default: error.shortDescription
        }
    }

    private static func tlsReason(_ text: String) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "its certificate is not signed by whom the ca file names"
        }
        if text.contains("CERTIFICATE_REQUIRED") || text.contains("BAD_CERTIFICATE") {
            return "it wants a client's certificate; name certificate and key"
        }
        if text.contains("WRONG_VERSION_NUMBER") { return "it does not speak TLS; is it http://?" }
        return "TLS failed: \(text)"
    }

    /// For those who use the store.
    func storeError(at endpoint: String, isCommit: Bool) -> StoreError {
        let etcd = "etcd at \(endpoint)"
        let isUnknown = isCommit ? "; whether the batch was written is unknown" : ""
        let isUnwritten = isCommit ? "; nothing was written" : ""
        switch self {
        case .notSent(let why): return .unavailable("\(etcd) cannot be reached: \(why)\(isUnwritten)")
        case .lost(let why): return .unavailable("\(etcd): \(why)\(isUnknown)")
        case .refused(let refusal) where refusal.isFull:
            return .full(
                "\(etcd): its database is full\(isUnwritten); compact and defragment it or raise "
                    + "--quota-backend-bytes, then run `etcdctl alarm disarm`")
        case .refused(let refusal) where refusal.message.contains("corrupt"):
            return .corrupt("\(etcd): \(refusal.message)")
        case .refused(let refusal) where refusal.isTransient:
            return .unavailable("\(etcd): \(refusal.message)\(isUnknown)")
        case .refused(let refusal):
            return .unavailable("\(etcd) refused: \(refusal.message)\(refusal.advice)\(isUnwritten)")
        }
    }
}

extension StoreError {
    static let closed = StoreError.unavailable("the store is closed")
}
