// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Glibc
import Model
import Wire

/// Requests: who may ask, for what, on which terms.
extension TFTPWorker {
    func readRequested(_ asked: TFTPRequest, _ key: TFTPSessionKey, interface: UInt32) {
        guard shared.admits(key.client, now: now) else { return shared.telemetry.dropped(.limit) }
        if let session = sessions[key] {
            // The same request again, or, from a client with a fixed port, the next one before the last ACK came.
            guard session.asked != asked || requestedAgain(session) else { return }
            fail(session, "the client started anew")
        }
        guard shared.deadline == nil else { return shared.telemetry.dropped(.stopping) }
        answer(asked, key, mtuBytes: Int(cl_tftp_mtu(listener, interface)))
    }

    func writeRequested(_ asked: TFTPRequest, _ key: TFTPSessionKey) {
        guard shared.admits(key.client, now: now) else { return shared.telemetry.dropped(.limit) }
        refuse(asked.name, key, .accessViolation, "this server only reads", .refused(reason: "a write request"))
    }

    private func answer(_ asked: TFTPRequest, _ key: TFTPSessionKey, mtuBytes: Int) {
        guard asked.mode == "octet" else {
            // A kernel or a loader in netascii would arrive broken: better no file than a wrong one.
            let reason = "mode \(TFTPText.printable(asked.mode.utf8)) is not served, use octet (binary)"
            return refuse(asked.name, key, .undefined, reason, .refused(reason: reason))
        }
        let name: TFTPName
        do { name = try TFTPName(cleaning: asked.name) } catch {
            return refuse(asked.name, key, .accessViolation, error.sentence, .refused(reason: error.sentence))
        }
        let request = TFTPReadRequest(
            name: name.text, client: key.client, clientPort: key.clientPort, local: key.local)
        switch shared.resolve(request) {
        case .file(let file): open(.file(file), request, asked, key, mtuBytes)
        case .bytes(let bytes): open(.bytes(bytes), request, asked, key, mtuBytes)
        case .later: shared.telemetry.deferredRead()
        case .missing(let reason): refuse(asked.name, key, .fileNotFound, reason, .missing(reason: reason))
        case .refused(let reason): refuse(asked.name, key, .accessViolation, reason, .refused(reason: reason))
        }
    }

    private func open(
        _ source: TFTPSource, _ request: TFTPReadRequest, _ asked: TFTPRequest, _ key: TFTPSessionKey, _ mtuBytes: Int
    ) {
        // Without an answer from the system: Ethernet's.
        let terms = TFTPNegotiation(
            asked: asked.options, contentBytes: source.count, mtuBytes: mtuBytes > 0 ? mtuBytes : 1_500)
        guard let route = route(key) else {
            let reason = "the server has no socket for the transfer"
            return refuse(asked.name, key, .undefined, reason, .refused(reason: reason))
        }
        makeRoomForHalfOpen()
        start(TFTPSession(route: route, request: request, asked: asked, source: source, terms: terms, now: now))
    }

    private func route(_ key: TFTPSessionKey) -> TFTPRoute? {
        guard shared.configuration.mode == .classic else { return route(onPort: key) }
        let descriptor = cl_tftp_connect(key.local.bits, key.client.bits, key.clientPort)
        guard descriptor >= 0 else { return nil }
        guard watch(descriptor) else {
            close(descriptor)
            return nil
        }
        return TFTPRoute(descriptor: descriptor, isConnected: true, key: key)
    }

    private func route(onPort key: TFTPSessionKey) -> TFTPRoute {
        TFTPRoute(descriptor: listener, isConnected: false, key: key)
    }

    /// A flood of forged requests pushes out its own: a client that is there has acknowledged long before.
    private func makeRoomForHalfOpen() {
        let most = Limits.tftpHalfOpenMax / shared.threads
        guard halfOpen.count >= most else { return }
        halfOpen.removeAll { $0.isOver || !$0.transfer.isHalfOpen }
        guard halfOpen.count >= most else { return }
        let oldest = halfOpen.removeFirst()
        shared.telemetry.evictedHalfOpen()
        end(oldest, nil)
    }

    private func refuse(
        _ name: [UInt8], _ key: TFTPSessionKey, _ code: TFTPErrorCode, _ message: String, _ event: TFTPReport.Event
    ) {
        queue.append(.error(code: code, message: TFTPText.printable(message.utf8)), to: route(onPort: key))
        let request = TFTPReadRequest(
            name: TFTPText.printable(name), client: key.client, clientPort: key.clientPort, local: key.local)
        shared.telemetry.happened(event, to: request)
    }
}

/// Text for logs and for the screens of boot ROMs.
enum TFTPText {
    private static let lengthMax = 128

    /// Printable ASCII as it is, everything else as "?"; cut where it becomes long.
    static func printable(_ bytes: some Sequence<UInt8>) -> String {
        let shown = bytes.prefix(lengthMax).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self)
    }
}
