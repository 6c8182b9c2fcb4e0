// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Glibc
import Wire

/// Running transfers: events go to the machine, its actions to the queue.
extension TFTPWorker {
    func start(_ session: TFTPSession) {
        sessions[session.route.key] = session
        if session.route.isConnected { connected[session.route.descriptor] = session }
        shared.began(session.request.client)
        halfOpen.append(session)
        switch session.transfer.started(now: now) {
        case .sendOptionAcknowledgement: sendOptionAcknowledgement(session)
        case .send(let blocks): send(blocks, session)
        }
    }

    func acknowledged(_ block: UInt16, _ session: TFTPSession) {
        let wasHalfOpen = session.transfer.isHalfOpen
        let action = session.transfer.acknowledged(block: block, now: now)
        if wasHalfOpen, !session.transfer.isHalfOpen {
            let started = TFTPReport.Event.started(
                contentBytes: session.source.count, options: session.terms.accepted)
            shared.telemetry.happened(started, to: session.request)
        }
        switch action {
        case .ignore: deadlines.watch(session)
        case .send(let blocks), .resend(let blocks): send(blocks, session)
        case .finish(let summary):
            let milliseconds = Int((now - session.startedAt) / 1_000)
            end(
                session,
                .finished(
                    bytes: summary.acknowledgedBytes, durationMilliseconds: milliseconds,
                    retransmits: summary.retransmits))
        }
    }

    func timerFired(_ session: TFTPSession) {
        switch session.transfer.timerFired(now: now) {
        case .wait: deadlines.watch(session)
        case .resendOptionAcknowledgement: sendOptionAcknowledgement(session)
        case .resend(let blocks): send(blocks, session)
        case .giveUp where session.transfer.isHalfOpen: end(session, .unanswered)
        case .giveUp where session.transfer.hasSentAll:
            fail(session, "all is sent, the last acknowledgement never came")
        case .giveUp: fail(session, "the client fell silent")
        }
    }

    func requestedAgain(_ session: TFTPSession) -> Bool {
        switch session.transfer.requestedAgain(now: now) {
        case .ignore: break
        case .resendOptionAcknowledgement: sendOptionAcknowledgement(session)
        case .resend(let blocks): send(blocks, session)
        case .startAnew: return true
        }
        return false
    }

    func clientFailed(_ session: TFTPSession, _ code: TFTPErrorCode, _ message: String) {
        switch session.transfer.failed(code: code) {
        case .ignore: break
        case .sizeProbe: end(session, .sizeProbe(contentBytes: session.source.count))
        case .finish: fail(session, "the client ended it: error \(code.rawValue) \(TFTPText.printable(message.utf8))")
        }
    }

    /// The system would not send. That is as good as lost on the way, unless it says that the client is gone.
    func notSent(_ session: TFTPSession?, _ error: Int32) {
        shared.telemetry.sendFailed(errno: error)
        guard let session, session.route.isConnected, error == ECONNREFUSED else { return }
        fail(session, "the client's port is closed")
    }

    /// Ends a transfer that did not get through; `tell`: with an ERROR to the client.
    func fail(_ session: TFTPSession, _ reason: String, tell code: TFTPErrorCode? = nil) {
        if let code { queue.append(.error(code: code, message: reason), to: session.route) }
        let summary = session.transfer.summary
        end(session, .failed(reason: reason, bytes: summary.acknowledgedBytes, retransmits: summary.retransmits))
    }

    /// `event` nil: without a word.
    func end(_ session: TFTPSession, _ event: TFTPReport.Event?) {
        guard !session.isOver else { return }
        sessions[session.route.key] = nil
        session.end()
        shared.ended(session.request.client)
        if session.route.isConnected {
            // What is queued for this socket leaves before it is closed.
            queue.flush()
            connected[session.route.descriptor] = nil
            close(session.route.descriptor)
        }
        if let event { shared.telemetry.happened(event, to: session.request) }
    }

    private func sendOptionAcknowledgement(_ session: TFTPSession) {
        queue.append(.optionAcknowledgement(session.terms.accepted), to: session.route, session: session)
        deadlines.watch(session)
    }

    private func send(_ blocks: Range<Int>, _ session: TFTPSession) {
        do {
            try queue.append(blocks: blocks, of: session)
            deadlines.watch(session)
        } catch {
            switch error {
            case .shortened: fail(session, "the file became shorter while it was read", tell: .undefined)
            case .unreadable(let error):
                fail(session, "the file cannot be read (errno \(error))", tell: .undefined)
            }
        }
    }
}
