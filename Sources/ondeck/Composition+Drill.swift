// SPDX-License-Identifier: Apache-2.0

import APITypes
import CLI
import DrillService
import Engine
import Model
import Ports

/// Rehearsals: what a node may do to itself, and what the command line needs for its made-up clients.
extension Composition {
    static func makeDrillTarget(
        _ configuration: ServerConfiguration, _ run: NodeRun, _ store: any StateStore, _ engine: DHCPEngine,
        _ clock: Clock, _ timeline: Timeline
    ) -> DrillTarget {
        DrillTarget(
            run: run, isAllowed: configuration.drill == .allowed, store: store, clock: clock, timeline: timeline,
            calls: .process(engine, timeline))
    }

    static var drillAccess: DrillAccess {
        DrillAccess(
            interfaces: {
                try DrillInterface.all().map { DrillAccess.Interface(name: $0.name, addresses: $0.addresses) }
            },
            begin: { load in
                guard let interface = try DrillInterface.all().first(where: { $0.name == load.interface }) else {
                    throw StartFault(
                        sentence: "there is no interface \(load.interface) that is up and has a MAC address")
                }
                let run = try DrillRun(on: interface, clients: load.clients, perSecond: load.perSecond)
                return DrillAccess.Running(
                    leases: { run.progress.leases }, sendError: { run.progress.sendError }, mark: { run.mark($0) },
                    finish: { await run.finish($0, $1) })
            })
    }
}
