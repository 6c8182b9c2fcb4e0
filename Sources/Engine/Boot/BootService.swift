// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model

/// Answers everything that machines ask for while they boot: loaders, scripts, answer files, content, and their
/// reports. Each path that belongs to a machine goes through the one gate.
public struct BootService: Sendable {
    private let engine: DHCPEngine
    private let cache: SiteCache
    private let sites: SiteService
    private let catalog: ContentCatalog
    private let timeline: Timeline
    private let clock: Clock
    private let subjects: BootSubjects

    public init(
        engine: DHCPEngine, cache: SiteCache, sites: SiteService, catalog: ContentCatalog, timeline: Timeline,
        clock: Clock
    ) {
        self.engine = engine
        self.cache = cache
        self.sites = sites
        self.catalog = catalog
        self.timeline = timeline
        self.clock = clock
        subjects = BootSubjects(engine: engine, cache: cache, clock: clock)
    }

    /// What HTTP answers. Whatever an answer changes is in the store before it is given.
    public func answer(_ ask: BootAsk) async -> BootContent {
        let path: BootPath
        do throws(ContentPath.Refusal) { path = try BootPath(ask.path) } catch { return .missing(error.sentence) }
        switch path {
        case .content, .loader: return file(path, ask)
        case .script(let mac), .autoexec(let mac): return await script(mac, ask)
        case .answer(let mac, let name): return answerFile(mac, name, ask)
        case .done(let mac): return await done(mac, ask)
        case .progress(let mac, let step): return progress(mac, step, ask)
        case .firstStage: return text(BootScript.firstStage(base: ask.endpoint.base))
        }
    }

    /// What TFTP answers: loaders and content, and beside a loader a script of one line that goes on by HTTP. Nothing
    /// is changed, so nothing has to be waited for.
    public func file(_ ask: BootAsk) -> BootContent {
        let path: BootPath
        do throws(ContentPath.Refusal) { path = try BootPath(ask.path) } catch { return .missing(error.sentence) }
        switch path {
        case .content, .loader: return file(path, ask)
        case .autoexec(let mac):
            let url = BootPaths(endpoint: ask.endpoint, mac: mac).scriptURL
            return .text("#!ipxe\nchain --replace \(url)\n", contentType: Self.scriptType)
        case .firstStage: return text(BootScript.firstStage(base: ask.endpoint.base))
        case .script, .answer, .done, .progress: return .missing("that is answered by HTTP only")
        }
    }

    private static let scriptType = "text/plain; charset=utf-8"
    private static let reportBytesMax = 40

    // MARK: Files

    private func file(_ path: BootPath, _ ask: BootAsk) -> BootContent {
        switch path {
        case .content(let name): return content(name.text)
        case .loader(let mac, let name):
            let subject = subjects.subject(mac: mac, client: ask.client, endpoint: ask.endpoint)
            if let refusal = refusal(subjects.permission(subject)) { return refusal }
            return content(name.text)
        default: return .missing("not a file")
        }
    }

    private func content(_ name: String) -> BootContent {
        switch catalog.open(name: name) {
        case .file(let file, let type): .file(file, contentType: type)
        case .missing(let reason): .missing(reason)
        case .unreadable(let reason): .failed(reason)
        }
    }

    /// What the gate has against giving the machine anything at all.
    private func refusal(_ permission: BootPermission) -> BootContent? {
        switch permission {
        case .boot, .hold: nil
        case .local(let reason), .refuse(let reason): .refused("\(reason)")
        }
    }

    // MARK: Scripts and answers

    private func script(_ mac: MACAddress, _ ask: BootAsk) async -> BootContent {
        let subject = subjects.subject(mac: mac, client: ask.client, endpoint: ask.endpoint)
        let permission = subjects.permission(subject)
        if case .refuse(let reason) = permission { return .refused("\(reason)") }
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

    private func answerFile(_ mac: MACAddress, _ name: String, _ ask: BootAsk) -> BootContent {
        let subject = subjects.subject(mac: mac, client: ask.client, endpoint: ask.endpoint)
        let permission = subjects.permission(subject)
        if let refusal = refusal(permission) { return refusal }
        let library = cache.library
        guard case .boot(let environmentName, _) = permission, let environment = library.environments[environmentName]
        else { return .refused("\(permission)") }
        do throws(RenderFailure) {
            guard let text = try library.answer(name, environment: environment, subject) else {
                return .missing("environment \(environmentName) has no answer \(name)")
            }
            return self.text(text)
        } catch {
            note(mac, .error, "\(name) of \(environmentName) cannot be rendered: \(error)")
            return .failed("\(error)")
        }
    }

    private func text(_ text: String) -> BootContent { .text(text, contentType: Self.scriptType) }

    // MARK: Reports

    /// The machine says that its install is done: from now on it boots from disk.
    private func done(_ mac: MACAddress, _ ask: BootAsk) async -> BootContent {
        guard let machine = engine.machine(mac: mac) else { return .missing("no machine has this MAC address") }
        guard !ask.isOnlyHead else { return .noContent }
        guard case .install = machine.intent else { return .noContent }
        let status = BootStatus.current(cache.status(of: machine.name), of: machine)
        guard status.doneAt == nil else { return .noContent }
        do throws(Problem) { try await sites.record(status.markingDone(at: clock.now())) } catch {
            return .failed(error.detail ?? error.title)
        }
        note(mac, "\(machine.intent) is done: boots from its disk from now on")
        return .noContent
    }

    private func progress(_ mac: MACAddress, _ step: String, _ ask: BootAsk) -> BootContent {
        let reason = ask.query["error"].map { ", error \($0.prefix(Self.reportBytesMax))" } ?? ""
        if !ask.isOnlyHead { note(mac, step.hasSuffix("-failed") ? .error : .info, "reports: \(step)\(reason)") }
        // Not 204: iPXE of 2019 waits for the body of an answer that has no Content-Length until it times out.
        return text("")
    }

    // MARK: Timeline

    private func note(_ mac: MACAddress, _ text: String) { note(mac, .info, text) }

    private func note(_ mac: MACAddress, _ level: Event.Level, _ text: String) {
        timeline.add(Event(.boot, level, mac: mac, .text(text)))
    }

    /// What became of a transfer. The machine is found by its path, or by who has its address.
    public func noteServed(_ protocolName: String, path: String, client: IPv4Address, result: String) {
        let mac = (try? BootPath(path))?.mac ?? engine.mac(at: client)
        let kind: Event.Kind = protocolName == "TFTP" ? .tftp : .http
        timeline.add(Event(kind, mac: mac, address: client, .text("\(protocolName) \(path): \(result)")))
    }
}
