// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Engine
import HTTPService
import Model
import Ports

/// What the API asks, answered by the engine.
extension Composition {
    var apiCalls: APICalls {
        let explain = ExplainService(
            engine: engine, cache: cache, interfaces: { [interfaces] in interfaces.interfaces },
            absence: { [library = content.library] in library.absence($0) })
        let leases = LeaseService(engine: engine, clock: clock)
        let events = EventService(timeline: timeline, engine: engine)
        let health = Health(composition: self)
        return APICalls(
            export: { [cache] in (SiteDocument.write(cache.site), cache.revision.value) },
            apply: { [sites] document, prune, dryRun in
                await answer { () async throws(Problem) in
                    try await sites.apply(try Self.read(document), prune: prune, dryRun: dryRun)
                }
            },
            list: { [sites] kind in await sites.list(kind) },
            get: { [sites] kind, name in await sites.get(kind, name) },
            put: { [sites] kind, name, fields, ifMatch in
                await answer { () async throws(Problem) in
                    let object = try Self.read(kind, name, fields)
                    return try await sites.put(object, expected: ifMatch.map { Revision($0) })
                }
            },
            delete: { [sites] kind, name, ifMatch in
                await answer { () async throws(Problem) in
                    try await sites.delete(kind, name, expected: ifMatch.map { Revision($0) })
                }
            },
            leases: { leases.list(network: $0.network, mac: $0.mac) },
            deleteLease: { network, address in
                await answer { () async throws(Problem) in try await leases.delete(network: network, address) }
            },
            setIntent: { [sites] machine, intent in
                await answer { () async throws(Problem) in try await sites.boot(machine, intent) }
            },
            explain: { ask in await answer { () async throws(Problem) in try explain.explain(ask) } },
            events: { events.stream(since: $0.since, mac: $0.mac, follow: $0.follow) },
            metrics: { health.metrics },
            readiness: { health.readiness(scope: $0) },
            cluster: clusterCalls, content: contentCalls, targets: targetCalls)
    }

    private var clusterCalls: ClusterCalls {
        let cluster = ClusterService(node: node, store: store, engine: engine, clock: clock, timeline: timeline)
        let drills = DrillOrders(
            node: node, store: store, engine: engine, clock: clock, timeline: timeline, cluster: cluster)
        return ClusterCalls(
            show: { [vips] in
                var report = await cluster.report()
                vips.complete(&report)
                return report
            },
            handOver: { network, successor in
                await answer { () async throws(Problem) in try await cluster.handOver(network, to: successor) }
            },
            drill: { network, request in
                await answer { () async throws(Problem) in try await drills.order(network, request) }
            },
            drillEnded: { network, outcome in
                await answer { () async throws(Problem) in try drills.ended(network, outcome) }
            },
            drain: { node, isDraining in
                await answer { () async throws(Problem) in try await cluster.drain(node, isDraining) }
            },
            acceptRestored: { await answer { () async throws(Problem) in try cluster.acceptRestored() } },
            window: { [cache, store] seconds in
                WindowReport(site: cache.site, outageSeconds: seconds, isShared: store.isShared)
            })
    }

    private static func read(_ document: FieldValue) throws(Problem) -> [SiteObject] {
        do throws(FieldErrors) { return try SiteDocument.read(document) } catch { throw .invalid(error.errors) }
    }

    private static func read(_ kind: ObjectKind, _ name: String, _ fields: FieldValue) throws(Problem) -> SiteObject {
        do throws(FieldErrors) { return try SiteObject.read(kind: kind, name: name, value: fields) } catch {
            throw .invalid(error.errors)
        }
    }
}

func answer<Value: Sendable>(
    _ body: () async throws(Problem) -> Value
) async -> Result<Value, Problem> {
    do throws(Problem) { return .success(try await body()) } catch { return .failure(error) }
}
