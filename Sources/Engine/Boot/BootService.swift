// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model

/// Answers everything that machines ask for while they boot: loaders, scripts, answer files, content, and their
/// reports. Each path that belongs to a machine goes through the one gate, and what may hold secrets goes to the
/// machine only.
public struct BootService: Sendable {
    let engine: DHCPEngine
    let cache: SiteCache
    let sites: SiteService
    let content: ContentLibrary
    let served: ServedList
    /// Nil while the cluster's secret is not known: then a machine is known by its address alone.
    let tokens: @Sendable () -> BootTokens?
    let timeline: Timeline
    let clock: Clock
    let subjects: BootSubjects
    private let strangers = StrangerReports()

    public init(
        engine: DHCPEngine, cache: SiteCache, sites: SiteService, content: ContentLibrary, served: ServedList,
        tokens: @escaping @Sendable () -> BootTokens?, timeline: Timeline, clock: Clock
    ) {
        self.engine = engine
        self.cache = cache
        self.sites = sites
        self.content = content
        self.served = served
        self.tokens = tokens
        self.timeline = timeline
        self.clock = clock
        subjects = BootSubjects(engine: engine, cache: cache, clock: clock)
    }

    /// What HTTP answers. Whatever an answer changes is in the store before it is given.
    public func answer(_ ask: BootAsk) async -> BootContent {
        let path: BootPath
        do throws(ContentPath.Refusal) { path = try BootPath(ask.path) } catch { return .missing(error.sentence) }
        switch path {
        case .content(let name): return await open(name)
        case .loader(let mac, let name):
            if let refusal = loaderRefusal(mac, ask) { return refusal }
            return await open(name)
        case .blob(let digest): return Self.content(content.open(digest: digest))
        case .script(let visitor), .autoexec(let visitor): return await script(visitor, ask)
        case .answer(let visitor, let name): return await answerFile(visitor, name, ask)
        case .done(let visitor): return await done(visitor, ask)
        case .progress(let visitor, let step): return progress(visitor, step, ask)
        case .firstStage: return text(BootScript.firstStage(endpoint: ask.endpoint))
        case .probe: return text(Self.probeText)
        }
    }

    /// The same for a path that is everybody's, if nothing has to be waited for; nil: `answer` is to be asked.
    public func answerNow(path: String) -> BootContent? {
        switch try? BootPath(path) {
        case .content(let name): content.openHere(name).map(Self.content)
        case .blob(let digest): Self.content(content.open(digest: digest))
        case .probe: text(Self.probeText)
        default: nil
        }
    }

    /// What TFTP answers: loaders and content, and beside a loader a script of one line that goes on by HTTP. Nothing
    /// is changed, so nothing has to be waited for.
    public func file(_ ask: BootAsk) -> BootContent {
        let path: BootPath
        do throws(ContentPath.Refusal) { path = try BootPath(ask.path) } catch { return .missing(error.sentence) }
        switch path {
        case .content(let name): return openNow(name)
        case .loader(let mac, let name): return loaderRefusal(mac, ask) ?? openNow(name)
        case .autoexec(let visitor): return text(autoexec(visitor.mac, ask))
        case .firstStage: return text(BootScript.firstStage(endpoint: ask.endpoint))
        case .probe: return text(Self.probeText)
        case .blob, .script, .answer, .done, .progress: return .missing("that is answered by HTTP only")
        }
    }

    private static let probeText = "OnDeck serves here.\n"
    private static let scriptType = "text/plain; charset=utf-8"

    func text(_ text: String) -> BootContent { .text(text, contentType: Self.scriptType) }

    // MARK: Files

    private func open(_ name: ContentPath) async -> BootContent { Self.content(await content.open(name)) }
    private func openNow(_ name: ContentPath) -> BootContent { content.openNow(name).map(Self.content) ?? .later }

    private static func content(_ answer: LibraryAnswer) -> BootContent {
        switch answer {
        case .file(let file, let type): .file(file, contentType: type)
        case .arriving(let file, let type): .arriving(file, contentType: type)
        case .elsewhere(let url): .missing("it is not served here, but at \(url)")
        case .missing(let reason): .missing(reason)
        case .unreadable(let reason), .unavailable(let reason): .failed(reason)
        }
    }

    /// Loaders are no secret; but a machine that is not to boot gets none.
    private func loaderRefusal(_ mac: MACAddress, _ ask: BootAsk) -> BootContent? {
        gateRefusal(subjects.permission(subjects.subject(mac: mac, client: ask.client, endpoint: ask.endpoint)))
    }

    /// What the gate has against giving the machine anything at all.
    func gateRefusal(_ permission: BootPermission) -> BootContent? {
        switch permission {
        case .boot, .hold: nil
        case .local(let reason), .refuse(let reason): .refused("\(reason)")
        }
    }

    /// TFTP has no connection that would prove an address, but its answer goes to that address and nowhere else.
    private func autoexec(_ mac: MACAddress, _ ask: BootAsk) -> String {
        var paths = BootPaths(endpoint: ask.endpoint, mac: mac)
        if subjects.isAddress(ask.client, of: mac) { paths.token = mint(.boot, mac) }
        return BootScript.autoexec(paths)
    }

    // MARK: Who asks

    func mint(_ use: BootTokens.Use, _ mac: MACAddress) -> String? {
        tokens()?.mint(use, mac: mac, intent: BootGate.tokenIntent(engine.machine(mac: mac)), now: clock.now())
    }

    /// `uses`: which tokens will do.
    func access(_ visitor: BootVisitor, _ uses: [BootTokens.Use], _ ask: BootAsk) -> BootAccess {
        let mac = visitor.mac
        var verdict = BootTokenVerdict.none
        if let tokens = tokens(), visitor.token != nil {
            let intent = BootGate.tokenIntent(engine.machine(mac: mac))
            let verdicts = uses.map {
                tokens.verdict(on: visitor.token, use: $0, mac: mac, intent: intent, now: clock.now())
            }
            verdict = verdicts.first { $0 != .wrong } ?? .wrong
        }
        return BootAccess(
            token: verdict, isFromMachinesAddress: subjects.isAddress(ask.client, of: mac),
            isAnybodys: subjects.isAnybodys(mac, client: ask.client), burntBefore: served.served(mac).burntBefore)
    }

    /// The answer to somebody who is not the machine.
    func refuse(_ mac: MACAddress, _ refusal: BootAccess.Refusal, _ what: String, _ ask: BootAsk) -> BootContent {
        if strangers.isNew(mac, ask.client, now: clock.now()) {
            timeline.add(
                Event(
                    .boot, .warning, mac: mac, address: ask.client,
                    .text("\(what) is refused to \(ask.client): \(refusal)")))
        }
        return refusal == .burnt ? .gone("\(refusal)") : .refused("\(refusal)")
    }

    // MARK: Timeline

    func note(_ mac: MACAddress, _ text: String) { note(mac, .info, text) }

    func note(_ mac: MACAddress, _ level: Event.Level, _ text: String) {
        timeline.add(Event(.boot, level, mac: mac, .text(text)))
    }

    /// What became of a transfer. The machine is found by its path, or by who has its address.
    public func noteServed(_ protocolName: String, path: String, client: IPv4Address, result: String) {
        // Nodes look at each other all the time.
        if path == BootPath.probeName { return }
        // Of the paths that belong to nobody, which are the most by far, none is taken apart again for this.
        let isMachines = path.utf8.drop { $0 == UInt8(ascii: "/") }.starts(with: "b/".utf8)
        let mac = (isMachines ? try? BootPath(path) : nil)?.mac ?? engine.mac(at: client)
        let kind: Event.Kind = protocolName == "TFTP" ? .tftp : .http
        let shown = BootTokenText.removed(from: path)
        timeline.add(Event(kind, mac: mac, address: client, .text("\(protocolName) \(shown): \(result)")))
    }
}
