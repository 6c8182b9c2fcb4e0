// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Ports
import Synchronization

/// Where clients are sent: watches the nodes and the endpoints, tells the packet path what has changed, says in this
/// node's beat how its own services do, and answers the same question for HTTP and TFTP.
public final class TargetService: Sendable {
    /// What this node's own services are.
    public struct Settings: Hashable, Sendable {
        public var node: String
        /// Whether other nodes may be named.
        public var isShared: Bool
        public var httpPort: UInt16
        public var httpListen = IPv4Address.any
        public var isTFTPOn = true
        public var tftpPort: UInt16 = 69
        public var tftpListen = IPv4Address.any
        /// Where the operator wants machines to reach this node.
        public var bootAddress: IPv4Address?
        /// The boot port wants the PROXY protocol of those that it trusts.
        public var isProxied = false

        public init(node: String, isShared: Bool, httpPort: UInt16) {
            self.node = node
            self.isShared = isShared
            self.httpPort = httpPort
        }
    }

    /// What the service asks of the rest of the process.
    public struct Calls: Sendable {
        /// All nodes, this one included.
        public var views: @Sendable () -> [Leadership.NodeView]
        /// Changes this node's beat.
        public var describe: @Sendable ((inout Beat) -> Void) -> Void
        /// Images and holdings; policies are taken from the site.
        public var content: @Sendable () -> TargetContent
        /// Nodes that are not to be named.
        public var drained: @Sendable () -> Set<String>
        /// The subnets that this machine's interfaces are in.
        public var subnets: @Sendable () -> [IPv4Subnet]

        public init(
            views: @escaping @Sendable () -> [Leadership.NodeView],
            describe: @escaping @Sendable ((inout Beat) -> Void) -> Void,
            content: @escaping @Sendable () -> TargetContent = { TargetContent() },
            drained: @escaping @Sendable () -> Set<String> = { [] },
            subnets: @escaping @Sendable () -> [IPv4Subnet] = { [] }
        ) {
            self.views = views
            self.describe = describe
            self.content = content
            self.drained = drained
            self.subnets = subnets
        }

        /// A node among others, as `ClusterNode` sees them.
        public init(
            node: ClusterNode, content: @escaping @Sendable () -> TargetContent,
            drained: @escaping @Sendable () -> Set<String>, subnets: @escaping @Sendable () -> [IPv4Subnet]
        ) {
            self.init(
                views: { node.nodeViews }, describe: { node.describe($0) }, content: content, drained: drained,
                subnets: subnets)
        }
    }

    struct State {
        var table = TargetTable()
        var faults: [String: [String]] = [:]
        var endpointHealth: [String: ServiceHealth] = [:]
        /// What changes seldom has changed.
        var isStale = true
        var siteRevision: Int64 = -1
        /// The base URLs that the site names.
        var endpoints: Set<String> = []
        var facts: TargetFacts
        var hasLooked = false
    }

    let state: Mutex<State>
    let settings: Settings
    let calls: Calls
    let engine: DHCPEngine
    let cache: SiteCache
    let clock: Clock
    let timeline: Timeline
    private let isStopping = Atomic(false)

    public init(
        settings: Settings, calls: Calls, engine: DHCPEngine, cache: SiteCache, clock: Clock, timeline: Timeline
    ) {
        self.settings = settings
        self.calls = calls
        self.engine = engine
        self.cache = cache
        self.clock = clock
        self.timeline = timeline
        state = Mutex(State(facts: TargetFacts(own: settings.node, isShared: settings.isShared)))
        calls.describe { [settings] beat in
            beat.httpPort = settings.httpPort
            beat.bootAddress = settings.bootAddress
            if !settings.isTFTPOn { beat.tftp = .off }
        }
    }

    /// What the store says of content, or who is drained, has changed.
    public func refresh() { state.withLock { $0.isStale = true } }

    // MARK: Running

    /// Runs until its task is cancelled.
    public func run() async {
        let (ends, end) = AsyncStream<Void>.makeStream()
        let isStarted = TargetThread.start(name: "targets") { [self] in
            loop()
            end.finish()
        }
        guard isStarted else {
            timeline.add(Event(.system, .error, .text("no thread to watch next-boot targets with")))
            return
        }
        await withTaskCancellationHandler {
            for await _ in ends {}
        } onCancel: {
            isStopping.store(true, ordering: .relaxed)
        }
    }

    private func loop() {
        var prober = TargetProber(settings)
        defer { prober.stop() }
        var lookedAt = clock.uptime()
        look(&prober)
        while !isStopping.load(ordering: .relaxed) {
            var isNews = prober.askDue(now: clock.uptime())
            let dueAt = lookedAt.adding(milliseconds: Limits.targetLookMilliseconds)
            let wait = isNews ? 0 : max(0, dueAt.millisecondsSince(clock.uptime()))
            isNews = prober.wait(milliseconds: wait, now: { clock.uptime() }) || isNews
            guard isNews || clock.uptime() >= dueAt else { continue }
            lookedAt = clock.uptime()
            look(&prober)
        }
    }

    /// Puts together what is known, and tells those who go by it if it has changed.
    private func look(_ prober: inout TargetProber) {
        let now = clock.uptime()
        let views = calls.views()
        let sights = prober.sights(now: now)
        sayHow(sights[settings.node] ?? TargetFacts.Sight())
        let isStale = refreshFacts(views: views, sights: sights, failing: prober.failing)
        let (faults, health) = (prober.faults, prober.endpointHealth)
        let (before, facts, endpoints, isFirst) = state.withLock { state in
            defer { state.hasLooked = true }
            (state.faults, state.endpointHealth) = (faults, health)
            return (state.table, state.facts, state.endpoints, !state.hasLooked)
        }
        if isStale || facts.nodes() != before.nodes { publish(facts.table(), before: before, isFirst: isFirst) }
        prober.aim(at: table, views: views, endpoints: endpoints, now: now)
    }

    private func sayHow(_ own: TargetFacts.Sight) {
        calls.describe { beat in
            beat.tftp = own.tftp
            beat.http = own.http
        }
    }

    /// True when more than the nodes may have changed.
    private func refreshFacts(
        views: [Leadership.NodeView], sights: [String: TargetFacts.Sight], failing: [String: String]
    ) -> Bool {
        let revision = cache.revision.value
        let isStale = state.withLock { state in
            let isStale = state.isStale || state.siteRevision != revision || state.facts.failing != failing
            (state.isStale, state.siteRevision) = (false, revision)
            (state.facts.views, state.facts.sights, state.facts.failing) = (views, sights, failing)
            return isStale
        }
        let subnets = calls.subnets()
        guard isStale else {
            state.withLock { $0.facts.ownSubnets = subnets }
            return false
        }
        var content = calls.content()
        let drained = calls.drained()
        let site = cache.site
        content.policies = site.images
        let environments = cache.library.environments
        state.withLock { state in
            state.facts.ownSubnets = subnets
            state.facts.content = content
            state.facts.drained = drained
            state.facts.locations = site.locations
            state.facts.environments = environments
            state.endpoints = site.endpointURLs
        }
        return true
    }

    private func publish(_ table: TargetTable, before: TargetTable, isFirst: Bool) {
        guard table != before else { return }
        state.withLock { $0.table = table }
        engine.setTargets(table)
        if !isFirst { tell(table, before: before) }
    }

    var table: TargetTable { state.withLock { $0.table } }
}
