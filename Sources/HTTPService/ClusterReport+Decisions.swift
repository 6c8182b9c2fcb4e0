// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Model

/// Reports whose verdicts are decisions: floor 1's two rooms do not know each other.
extension ClusterReport {
    /// Fills in `ready` from all the rest.
    mutating func judge() {
        let readiness = ClusterReadiness.judge(facts)
        ready = Readiness(safe: readiness.isSafe, reasons: readiness.reasons)
    }

    private var facts: ClusterFacts {
        ClusterFacts(
            store: .init(
                engine: store.engine, hasQuorum: store.hasQuorum, survivesOneLoss: store.survivesOneLoss,
                unreachable: store.members.filter { !$0.reachable }.map(\.name), alarms: store.alarms),
            nodes: nodes.map {
                .init(
                    name: $0.name, isAlive: $0.life == Leadership.NodeView.Life.alive.rawValue,
                    takesTerms: $0.intent == NodeIntent.serving.rawValue, lagRevisions: $0.lagRevisions,
                    clockOffsetMilliseconds: $0.clockOffsetMilliseconds, deaf: Set($0.deafNetworks))
            },
            networks: networks.map {
                .init(
                    name: $0.name, isDynamic: $0.mode == NetworkMode.dynamic.rawValue, holder: $0.holder,
                    missingVIP: $0.vipFault == nil ? nil : $0.vip)
            },
            isCutOff: isCutOff)
    }
}

extension WindowReport {
    /// What an outage costs each of a site's networks, by name. `isShared`: other nodes use the store too.
    public init(site: Site, outageSeconds: UInt32, isShared: Bool) {
        self.init(
            outageSeconds: outageSeconds, storeIsShared: isShared,
            networks: site.names(.network).compactMap { site.networks[$0] }.map {
                Network(OutageWindow($0, outageSeconds: outageSeconds, isShared: isShared))
            })
    }
}

extension WindowReport.Network {
    init(_ window: OutageWindow) {
        self.init(
            network: window.network, mode: window.mode.rawValue, leaseSeconds: window.leaseSeconds,
            reserveSeconds: window.reserveSeconds, bridgedSeconds: window.bridgedSeconds, fits: window.fits,
            lostPercent: window.lostPercent, costs: window.costs, availability: window.availability.rawValue,
            availabilityReason: window.availabilityReason)
        leaseSecondsNeeded = window.leaseSecondsNeeded
        leaseSecondsAdvised = window.leaseSecondsAdvised
        reserveSecondsNeeded = window.reserveSecondsNeeded
        advice = window.advice
    }
}
