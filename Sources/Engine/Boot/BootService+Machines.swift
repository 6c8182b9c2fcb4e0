// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Ports

/// What belongs to one machine: its script, its answer files, and what it reports.
extension BootService {
    private static let reportBytesMax = 40

    // MARK: The script

    func script(_ visitor: BootVisitor, _ ask: BootAsk) async -> BootContent {
        let mac = visitor.mac
        if let refusal = access(visitor, [.boot], ask).refusal(.script) {
            return refuse(mac, refusal, "the script", ask)
        }
        var subject = subjects.subject(mac: mac, client: ask.client, endpoint: ask.endpoint)
        let permission = subjects.permission(subject)
        if case .refuse(let reason) = permission { return .refused("\(reason)") }
        // Fresh ones: the machine may ask with them for a long time.
        subject.token = mint(.boot, mac)
        subject.stageToken = mint(.stage, mac)
        guard let script = cache.library.script(permission, subject) else { return .refused("\(permission)") }
        guard !ask.isOnlyHead else { return text(script.text) }
        if let failure = script.failure {
            note(mac, .error, "the script cannot be rendered: \(failure)")
        } else {
            // A script that retries by itself is the same boot: an outage of content is no loop.
            let isRetry = ask.query[BootScript.againQuery] != nil
            if case .boot(_, once: true) = permission, !isRetry, let machine = subject.machine {
                if let refusal = await recordAttempt(machine) { return refusal }
            }
            if !isRetry, served.served(mac).onNewBoot != nil {
                // Without it the machine has its script all the same, and will ask for its answers with a token.
                _ = try? await served.update(mac) { ($0.onNewBoot, ()) }
            }
            note(mac, "gets its script: \(permission)")
        }
        return text(script.text)
    }

    /// A boot of an intent that ends is counted before the script is given out: the loop breaker must not forget one.
    private func recordAttempt(_ machine: Machine) async -> BootContent? {
        let status = BootStatus.current(cache.status(of: machine.name), of: machine)
        do throws(Problem) {
            try await sites.record(status.recordingAttempt(at: clock.now()))
            return nil
        } catch { return .failed(error.detail ?? error.title) }
    }

    // MARK: Answer files

    /// Rendered first, written down second, given last: what cannot be rendered can be asked for again.
    func answerFile(_ visitor: BootVisitor, _ name: String, _ ask: BootAsk) async -> BootContent {
        let mac = visitor.mac
        let access = access(visitor, [.stage], ask)
        if let refusal = access.refusal(.answer) { return refuse(mac, refusal, "the answer \(name)", ask) }
        var subject = subjects.subject(mac: mac, client: ask.client, endpoint: ask.endpoint)
        // Its own token again: an answer file opens no new window for the next.
        subject.stageToken = access.provenMinute == nil ? mint(.stage, mac) : visitor.token
        let permission = subjects.permission(subject)
        if let refusal = gateRefusal(permission) { return refusal }
        let library = cache.library
        guard case .boot(let environmentName, _) = permission, let environment = library.environments[environmentName]
        else { return .refused("\(permission)") }
        let rendered: String
        do throws(RenderFailure) {
            guard let text = try library.answer(name, environment: environment, subject) else {
                return .missing("environment \(environmentName) has no answer \(name)")
            }
            rendered = text
        } catch {
            note(mac, .error, "\(name) of \(environmentName) cannot be rendered: \(error)")
            return .failed("\(error)")
        }
        if let refusal = await recordServed(mac, name, access, ask) { return refusal }
        return text(rendered)
    }

    /// Nil: it is written down that the machine has the file, or was before, and it may have it.
    private func recordServed(
        _ mac: MACAddress, _ name: String, _ access: BootAccess, _ ask: BootAsk
    ) async -> BootContent? {
        let (minute, client, now) = (access.provenMinute, ask.client, clock.now())
        let decide: @Sendable (ServedAnswers) -> ServedAnswers.Verdict = {
            $0.asked(for: name, minute: minute, from: client, at: now)
        }
        let verdict: ServedAnswers.Verdict
        if ask.isOnlyHead {
            verdict = decide(served.served(mac))
        } else {
            do throws(StoreError) {
                verdict = try await served.update(mac) { served in
                    let verdict = decide(served)
                    if case .first(let next) = verdict { return (next, verdict) }
                    return (nil, verdict)
                }
            } catch { return .failed("it cannot be written down that the file is given out: \(error.sentence)") }
        }
        switch verdict {
        case .first:
            if !ask.isOnlyHead { note(mac, "gets its answer \(name)") }
            return nil
        case .again: return nil
        case .burnt: return refuse(mac, .burnt, "the answer \(name)", ask)
        case .gone(let entry):
            timeline.add(
                Event(
                    .boot, .warning, mac: mac, address: client,
                    .text("the answer \(name) is refused to \(client): \(entry.address) has had it in this boot")))
            return .gone("\(name) was given out already, and is given once in a boot; a new boot gets it again")
        }
    }

    // MARK: Reports

    /// The machine says that its install is done: from now on it boots from disk, and its tokens are worthless.
    func done(_ visitor: BootVisitor, _ ask: BootAsk) async -> BootContent {
        let mac = visitor.mac
        if let refusal = access(visitor, [.stage, .boot], ask).refusal(.report) {
            // It may ask twice, when our first answer was lost.
            if refusal == .burnt { return .noContent }
            return refuse(mac, refusal, "the report that it is done", ask)
        }
        guard let machine = engine.machine(mac: mac) else { return .missing("no machine has this MAC address") }
        guard !ask.isOnlyHead, machine.intent.environment != nil else { return .noContent }
        let now = clock.now()
        if case .install = machine.intent {
            let status = BootStatus.current(cache.status(of: machine.name), of: machine)
            if status.doneAt == nil {
                do throws(Problem) { try await sites.record(status.markingDone(at: now)) } catch {
                    return .failed(error.detail ?? error.title)
                }
                note(mac, "\(machine.intent) is done: boots from its disk from now on")
            }
        }
        // After that, so that a machine whose report was lost half-way can report again.
        do throws(StoreError) { try await served.update(mac) { ($0.burnt(at: now), ()) } } catch {
            return .failed(error.sentence)
        }
        return .noContent
    }

    func progress(_ visitor: BootVisitor, _ step: String, _ ask: BootAsk) -> BootContent {
        let mac = visitor.mac
        if let refusal = access(visitor, [.stage, .boot], ask).refusal(.report) {
            return refuse(mac, refusal, "a report", ask)
        }
        let reason = ask.query["error"].map { ", error \($0.prefix(Self.reportBytesMax))" } ?? ""
        if !ask.isOnlyHead { note(mac, step.hasSuffix("-failed") ? .error : .info, "reports: \(step)\(reason)") }
        // Not 204: iPXE of 2019 waits for the body of an answer that has no Content-Length until it times out.
        return text("")
    }
}
