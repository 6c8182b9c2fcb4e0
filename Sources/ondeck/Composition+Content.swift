// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import CLI
import ContentService
import Decisions
import Engine
import Foundation
import HTTPService
import Model
import Ports
import Synchronization

/// What a node serves, and where it sends machines: the parts that belong together.
struct ContentParts: Sendable {
    /// The content store is ours for as long as the process lives.
    let lock: ContentLock
    let index: ContentIndex
    let library: ContentLibrary
    let served: ServedList
    let center: ContentCenter
    let targets: TargetService
    let tokens: TokenBox
}

/// The boot tokens, once the cluster's secret is known.
final class TokenBox: Sendable {
    private let box = Mutex<BootTokens?>(nil)
    var value: BootTokens? { box.withLock { $0 } }

    /// From now on DHCP puts tokens into boot URLs.
    func set(_ tokens: BootTokens, engine: DHCPEngine) {
        box.withLock { $0 = tokens }
        engine.setTokenMint { mac, intent, now in tokens.mint(.boot, mac: mac, intent: intent, now: now) }
    }
}

extension Composition {
    static func makeContent(
        _ configuration: ServerConfiguration, _ store: any StateStore, _ cache: SiteCache, _ engine: DHCPEngine,
        _ node: ClusterNode, _ interfaces: InterfaceWatch, _ clock: Clock, _ timeline: Timeline
    ) throws(StartFault) -> ContentParts {
        let index = ContentIndex(timeline: timeline)
        let served = ServedList(store: store, timeline: timeline)
        cache.add(
            .init(
                replace: { index.replace($0) }, take: { index.take($0) },
                siteChanged: { index.setPolicies($0.images) }))
        cache.add(.init(replace: { served.replace($0) }, take: { served.take($0) }))
        var settings = ContentCenterSettings(
            node: node.run.node, directory: configuration.contentStorePath,
            cacheBytesMax: configuration.contentStore.cacheBytesMax)
        settings.web = WebSettings(
            caFile: configuration.contentStore.caFile, environment: ProcessInfo.processInfo.environment)
        let blobs: BlobStore
        let lock: ContentLock
        do throws(ContentLock.Fault) { lock = try ContentLock(directory: settings.directory) } catch {
            throw StartFault(
                sentence: "cannot open the content store ('content-store: { path: }'): \(error.sentence)")
        }
        do throws(BlobStoreError) { blobs = try BlobStore(directory: settings.directory, clock: clock) } catch {
            throw StartFault(sentence: "cannot open the content store: \(error.sentence)")
        }
        let pulling = ContentCenter.Pulling()
        let library = ContentLibrary(
            index: index, blobs: blobs, catalog: makeCatalog(configuration), pull: pulling, clock: clock)
        let center: ContentCenter
        do throws(ImportFault) {
            center = try ContentCenter(
                settings, index: index, blobs: blobs, library: library, pulling: pulling, site: { cache.site },
                store: store, timeline: timeline, clock: clock, peers: { peers(node) })
        } catch { throw StartFault(sentence: "cannot open the content store: \(error.sentence)") }
        let targets = makeTargets(configuration, store, cache, engine, node, index, interfaces, clock, timeline)
        cache.add(.init(replace: { _ in }, take: { _ in }, siteChanged: { _ in center.placesChanged() }))
        index.onChange { [engine, library] in
            targets.refresh()
            engine.setLoaders(library.availableLoaders())
        }
        return ContentParts(
            lock: lock, index: index, library: library, served: served, center: center, targets: targets,
            tokens: TokenBox())
    }

    private static func makeTargets(
        _ configuration: ServerConfiguration, _ store: any StateStore, _ cache: SiteCache, _ engine: DHCPEngine,
        _ node: ClusterNode, _ index: ContentIndex, _ interfaces: InterfaceWatch, _ clock: Clock, _ timeline: Timeline
    ) -> TargetService {
        var settings = TargetService.Settings(
            node: node.run.node, isShared: store.isShared, httpPort: configuration.http.port)
        settings.httpListen = configuration.http.listen
        settings.isTFTPOn = configuration.tftp.enabled
        settings.tftpPort = configuration.tftp.port
        settings.tftpListen = configuration.tftp.listen
        settings.bootAddress = configuration.http.address
        settings.isProxied = configuration.http.proxies.proxyProtocol
        let calls = TargetService.Calls(
            node: node,
            content: {
                var content = TargetContent()
                content.images = index.images
                content.holdings = index.holdings
                return content
            },
            drained: { index.drainedTargets },
            subnets: { interfaces.subnets })
        return TargetService(
            settings: settings, calls: calls, engine: engine, cache: cache, clock: clock, timeline: timeline)
    }

    /// The other nodes, as sources of files.
    private static func peers(_ node: ClusterNode) -> [ContentPeer] {
        node.nodeViews.filter { $0.beat.run.node != node.run.node }.map { view in
            let beat = view.beat
            // Where the operator says; else where it exchanges heartbeats, for that way is certainly there.
            let address = beat.bootAddress ?? (beat.peerAddress.isAny ? nil : beat.peerAddress)
            return ContentPeer(
                node: beat.run.node, address: address, port: beat.httpPort, isAlive: view.life == .alive,
                awaySeconds: view.life == .alive ? 0 : view.silentMilliseconds / 1_000, life: view.life.rawValue)
        }
    }

    var contentCalls: ContentCalls {
        let center = content.center
        return ContentCalls(
            list: { center.list() }, show: { center.show($0) }, remove: { await center.remove($0) },
            startImport: { await center.startImport($0, $1) },
            uploaded: { .success(center.uploaded($0.image, file: $0.file, total: $0.total, sha256: $0.sha256)) },
            upload: { upload, offset, body in
                await center.upload(
                    upload.image, file: upload.file, total: upload.total, offset: offset, body)
            },
            places: { center.places() }, collectGarbage: { .success(center.collectGarbage(dryRun: $0)) })
    }

    var targetCalls: TargetCalls {
        let targets = content.targets
        let orders = TargetOrders(store: store, node: node, index: content.index, timeline: timeline)
        return TargetCalls(
            show: { network, mac in
                await answer { () async throws(Problem) in
                    try targets.report(network: network, mac: mac.map { "\($0)" })
                }
            },
            drain: { node, isDraining in
                await answer { () async throws(Problem) in try await orders.drain(node, isDraining) }
            })
    }
}
