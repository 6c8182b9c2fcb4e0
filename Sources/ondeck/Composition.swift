// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import CLI
import DHCPService
import Decisions
import Engine
import Foundation
import HTTPService
import Logging
import Model
import Ports
import ServiceLifecycle
import StoreSQLite
import Synchronization
import TFTPService
import UnixSignals

/// Everything, wired: what is made of what, and the one list in which things start and, in reverse, stop.
struct Composition {
    let configuration: ServerConfiguration
    let logger: Logger
    let store: SQLiteStore
    let clock: Clock
    let timeline: Timeline
    let engine: DHCPEngine
    let cache: SiteCache
    let sites: SiteService
    let committer: LeaseCommitter
    let boot: BootService
    let dhcp: DHCPServer
    let tftp: TFTPServer
    let interfaces: InterfaceWatch

    /// Opens the store and loads it; no socket is open yet.
    static func make(_ configuration: ServerConfiguration, logger: Logger) async throws(StartFault) -> Composition {
        let node = configuration.node ?? ProcessInfo.processInfo.hostName
        let run = NodeRun(node: node, incarnation: .random(in: 1 ... .max))
        let store = try openStore(configuration)
        let clock = Clock()
        let timeline = Timeline(clock: clock, logger: logger)
        let catalog = ContentCatalog(
            sets: configuration.content.mapValues { directories in
                directories.map { ContentCatalog.Source(path: $0.path, only: $0.only.map(Set.init)) }
            })
        var facts = ServerFacts(httpPort: configuration.http.port)
        facts.loaders = catalog.availableLoaders()
        let engine = DHCPEngine(facts: facts, clock: clock, timeline: timeline)
        let committer = engine.makeCommitter(store: store)
        let interfaces = InterfaceWatch(configured: configuration.dhcp.interfaces, engine: engine)
        let cache = SiteCache(
            store: store, engine: engine, terms: TermKeeper(store: store, run: run), timeline: timeline,
            shipped: shipped, onChange: { interfaces.siteChanged() })
        let sites = SiteService(store: store, cache: cache, timeline: timeline)
        let boot = BootService(
            engine: engine, cache: cache, sites: sites, catalog: catalog, timeline: timeline, clock: clock)
        let dhcp = try makeDHCP(engine, clock, interfaces, logger)
        do throws(StoreError) { try await cache.load() } catch {
            throw StartFault(sentence: "cannot load the store: \(error.sentence)")
        }
        return Composition(
            configuration: configuration, logger: logger, store: store, clock: clock, timeline: timeline,
            engine: engine, cache: cache, sites: sites, committer: committer, boot: boot, dhcp: dhcp,
            tftp: makeTFTP(configuration, boot, logger), interfaces: interfaces)
    }

    /// Serves until SIGTERM or SIGINT. Started in this order and stopped in reverse: requests cease before what
    /// answers them does.
    func run() async throws(StartFault) {
        let api = try makeAPI()
        let bootListener = BootListener(
            listen: configuration.http.listen, port: configuration.http.port, calls: bootCalls, logger: logger)
        var services: [any Service] = [
            Running("store watch") { await committer.watchStore() },
            Running("site") { await cache.run() },
            Running("interfaces") { await interfaces.run() },
            api, bootListener,
        ]
        if configuration.tftp.enabled { services.append(Running("tftp") { [tftp] in try await tftp.run() }) }
        services.append(Running("dhcp") { try await dhcp.run() })
        timeline.add(Event(.system, .info, .text("ondeck \(Version.text) started; \(engine.networks.count) networks")))
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do { try await group.run() } catch { throw StartFault(sentence: "\(error)") }
        await store.close()
    }

    // MARK: Parts

    private static func openStore(_ configuration: ServerConfiguration) throws(StartFault) -> SQLiteStore {
        do {
            try FileManager.default.createDirectory(
                atPath: configuration.data, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750])
            return try SQLiteStore(path: configuration.data + "/ondeck.sqlite")
        } catch let error as StoreError {
            throw StartFault(sentence: "cannot open the store in \(configuration.data): \(error.sentence)")
        } catch {
            throw StartFault(sentence: "cannot make the directory \(configuration.data): \(error.localizedDescription)")
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
                listen: configuration.api.listen, port: configuration.api.port, token: token, calls: apiCalls,
                logger: logger)
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
