// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import CLI
import ContentService
import DHCPService
import Decisions
import Engine
import Foundation
import HTTPService
import Logging
import Model
import Ports
import ServiceLifecycle
import Synchronization
import TFTPService
import UnixSignals

/// Everything, wired: what is made of what, and the one list in which things start and, in reverse, stop.
struct Composition {
    let configuration: ServerConfiguration
    let logger: Logger
    let store: any StateStore
    let clock: Clock
    let timeline: Timeline
    let engine: DHCPEngine
    let cache: SiteCache
    let sites: SiteService
    let committer: LeaseCommitter
    let content: ContentParts
    let boot: BootService
    let dhcp: DHCPServer
    let tftp: TFTPServer
    let interfaces: InterfaceWatch
    let vips: VirtualAddressLink
    let link: ClusterLink
    let node: ClusterNode
    let follower: StoreFollower
    let replica: ReplicaKeeper
    /// Whether the store has been read: else this node goes by its own copy, and reads the store when it is there.
    let isLoaded: Bool

    /// Opens the store and loads it; no socket is open yet.
    static func make(_ configuration: ServerConfiguration, logger: Logger) async throws(StartFault) -> Composition {
        let run = NodeRun(
            node: configuration.node ?? ProcessInfo.processInfo.hostName, incarnation: .random(in: 1 ... .max))
        let store = try openStore(configuration, run: run)
        let clock = Clock()
        let timeline = Timeline(clock: clock, logger: logger)
        let facts = ServerFacts(httpPort: configuration.http.port)
        let engine = DHCPEngine(facts: facts, clock: clock, timeline: timeline, isShared: store.isShared)
        let committer = engine.makeCommitter(store: store)
        let interfaces = InterfaceWatch(configured: configuration.dhcp.interfaces, engine: engine)
        let vips = VirtualAddressLink(engine: engine, interfaces: interfaces, clock: clock, timeline: timeline)
        try vips.begin()
        let cache = SiteCache(engine: engine, timeline: timeline, shipped: shipped) {
            interfaces.siteChanged()
            vips.siteChanged()
        }
        let link = ClusterLink()
        let node = makeNode(configuration, run, store, engine, clock, timeline, link, interfaces)
        vips.connect(node)
        link.onDrill(makeDrillTarget(configuration, run, store, engine, clock, timeline))
        let content = try makeContent(configuration, store, cache, engine, node, interfaces, clock, timeline)
        engine.setLoaders(content.library.availableLoaders())
        let sites = SiteService(
            store: store, cache: cache, timeline: timeline, nodeAddresses: { link.nodeAddresses },
            endpointFaults: { [targets = content.targets] in await targets.endpointFaults($0) })
        let follower = StoreFollower(store: store, cache: cache, node: node, timeline: timeline)
        let replica = ReplicaKeeper(
            file: ReplicaFile(path: configuration.data + "/replica"), cache: cache, engine: engine, node: node,
            clock: clock, timeline: timeline)
        let boot = BootService(
            engine: engine, cache: cache, sites: sites, content: content.library, served: content.served,
            tokens: { [tokens = content.tokens] in tokens.value }, timeline: timeline, clock: clock)
        let dhcp = try makeDHCP(engine, clock, interfaces, logger)
        link.onIdentity { [tokens = content.tokens] in tokens.set(BootTokens(secret: $0.secret), engine: engine) }
        let isLoaded = try await load(configuration, store, follower, node, replica, link)
        return Composition(
            configuration: configuration, logger: logger, store: store, clock: clock, timeline: timeline,
            engine: engine, cache: cache, sites: sites, committer: committer, content: content, boot: boot, dhcp: dhcp,
            tftp: makeTFTP(configuration, boot, content.targets, logger), interfaces: interfaces, vips: vips,
            link: link, node: node, follower: follower, replica: replica, isLoaded: isLoaded)
    }

    /// Serves until SIGTERM or SIGINT. Started in this order and stopped in reverse: requests cease before what
    /// answers them does.
    func run() async throws(StartFault) {
        let api = try makeAPI()
        let http = configuration.http
        let bootListener = BootListener(
            listen: http.listen, port: http.port,
            trust: ProxyTrust(http.proxies, hosts: HostAllowList(http.hosts)), calls: bootCalls, logger: logger)
        var services: [any Service] = [
            Running("store watch") { await committer.watchStore() },
            Running("cluster") { [link, configuration, store, logger] in
                if store.isShared { try await link.run(configuration, store, logger: logger) } else { await forever() }
            },
            Running("store follower") { [follower, isLoaded] in await follower.run(isLoaded: isLoaded) },
            Running("terms") { [node] in await node.keepTicking() },
            Running("joining") { [node] in
                await node.settle()
                await forever()
            },
            Running("replica") { [replica, store] in
                if store.isShared { await replica.run() } else { await forever() }
            },
            Running("interfaces") { await interfaces.run() },
            Running("virtual addresses") { try await vips.run() },
            Running("content") { [content] in await content.center.run() },
            Running("targets") { [content] in await content.targets.run() },
            api, bootListener,
        ]
        if configuration.tftp.enabled { services.append(Running("tftp") { [tftp] in try await tftp.run() }) }
        services.append(Running("dhcp") { try await dhcp.run() })
        // The first to stop: while the successors take over, everything else still works.
        if store.isShared { services.append(HandOver(link: link)) }
        timeline.add(Event(.system, .info, .text("ondeck \(Version.text) started; \(engine.networks.count) networks")))
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do { try await group.run() } catch { throw StartFault(sentence: "\(error)") }
        await store.close()
    }

    // MARK: Parts

    static func makeCatalog(_ configuration: ServerConfiguration) -> ContentCatalog {
        ContentCatalog(
            sets: configuration.content.mapValues { directories in
                directories.map { ContentCatalog.Source(path: $0.path, only: $0.only.map(Set.init)) }
            })
    }

    private static func makeNode(
        _ configuration: ServerConfiguration, _ run: NodeRun, _ store: any StateStore, _ engine: DHCPEngine,
        _ clock: Clock, _ timeline: Timeline, _ link: ClusterLink, _ interfaces: InterfaceWatch
    ) -> ClusterNode {
        var settings = Leadership.Settings(run: run, isShared: store.isShared)
        settings.silenceMilliseconds = configuration.cluster.silenceMilliseconds
        let node = ClusterNode(
            settings: settings, store: store, engine: engine, clock: clock, timeline: timeline, calls: link.calls)
        link.connect(node)
        let peer = configuration.cluster.peer
        let address = configuration.peerAddress()
        node.describe { beat in
            beat.peerAddress = address ?? .any
            beat.peerPort = peer.port
            beat.version = Version.text
        }
        node.beginJoining()
        interfaces.onHearing { deaf, addresses in
            node.describe { beat in
                beat.deaf = deaf
                beat.serverIdentifiers = addresses
            }
            node.handle(.deaf(deaf))
        }
        return node
    }

    /// Whether the store says anything soon: clients are waiting, and perhaps the store's own machines are among them.
    private static func answers(_ store: any StateStore) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await store.read(prefix: StoreKeys.cluster)) != nil }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(Limits.storeAnswerMilliseconds))
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Reads the store; where it is shared and not there, this node's own copy of it. False: the store is still to
    /// be read.
    private static func load(
        _ configuration: ServerConfiguration, _ store: any StateStore, _ follower: StoreFollower, _ node: ClusterNode,
        _ replica: ReplicaKeeper, _ link: ClusterLink
    ) async throws(StartFault) -> Bool {
        if store.isShared {
            node.handle(.epochsKnown(replica.epochs()))
            guard await answers(store) else {
                _ = replica.restore()
                return false
            }
        }
        // A single machine has a secret as well: its boot tokens are made with it.
        do throws(ClusterIdentity.Fault) { try await link.join(configuration, store) } catch {
            guard store.isShared, case .store = error else { throw StartFault(sentence: error.sentence(configuration)) }
        }
        do throws(StoreError) {
            try await follower.load()
            return true
        } catch {
            guard store.isShared else { throw StartFault(sentence: "cannot load the store: \(error.sentence)") }
            _ = replica.restore()
            return false
        }
    }

    /// What OnDeck brings along; an operator's object of the same name wins.
    private static var shipped: Site {
        var site = Site()
        site.environments = ShippedSite.environments
        for (name, text) in ShippedSite.templates { site.templates[name] = Template(name: name, text: text) }
        return site
    }

    private static func makeDHCP(
        _ engine: DHCPEngine, _ clock: Clock, _ interfaces: InterfaceWatch, _ logger: Logger
    ) throws(StartFault) -> DHCPServer {
        let calls = DHCPEngineCalls(
            now: { clock.now() }, decide: { engine.decide($0) },
            conflict: { engine.conflict($0, usedBy: $1, $2) },
            interfacesChanged: { interfaces.changed($0) })
        do throws(DHCPServer.Fault) {
            let server = try DHCPServer(engine: calls, logger: logger)
            interfaces.onServe { server.serve($0) }
            return server
        } catch { throw StartFault(sentence: "cannot start DHCP: \(error)") }
    }

    private func makeAPI() throws(StartFault) -> APIListener {
        do throws(TokenError) {
            let token = try APIToken.loadOrCreate(path: configuration.tokenFile)
            return APIListener(
                listen: configuration.api.listen, port: configuration.api.port,
                trust: ProxyTrust(configuration.api.proxies), token: token, calls: apiCalls, logger: logger)
        } catch { throw StartFault(sentence: "\(error)") }
    }
}

/// A part that runs until its task is cancelled, as a service that stops when it is told to.
struct Running: Service {
    let name: String
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await body() }
    }
}

/// Stops by handing over, see `ClusterLink.handOverAtStop`.
struct HandOver: Service {
    let link: ClusterLink
    func run() async throws { await link.handOverAtStop() }
}

/// Until the task is cancelled.
private func forever() async {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
}
