// SPDX-License-Identifier: Apache-2.0

import CLI
import Engine
import Foundation
import Model
import Ports
import StoreConsul
import StoreEtcd
import StoreSQLite

/// Which store the configuration names, and what the commands that speak to a store need.
extension Composition {
    static var storeAccess: StoreAccess {
        StoreAccess(
            open: { configuration in
                do throws(StartFault) {
                    let name = configuration.node ?? ProcessInfo.processInfo.hostName
                    return try openStore(configuration, run: NodeRun(node: name, incarnation: .random(in: 1 ... .max)))
                } catch { throw error }
            },
            beat: { record in
                let node = String(record.key.dropFirst(StoreKeys.beatPrefix.count))
                return try? BeatRecord.decode(record.value, node: node)
            },
            clusterName: { (try? ClusterIdentity($0.value))?.name },
            loaders: { makeCatalog($0).availableLoaders() },
            now: { Clock().now() },
            copy: { source, target, order in
                let report = try await StoreCopy(from: source, to: target, replaces: order.replaces)
                    .run(progress: order.progress)
                return StoreAccess.CopyCounts(
                    siteObjects: report.siteObjects, bootStates: report.bootStates, images: report.images,
                    leases: report.leases,
                    terms: report.terms, written: report.written)
            })
    }

    /// The system's own words, where Foundation has some of its own around them.
    private static func reason(_ error: any Error) -> String {
        let inner = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        guard let inner, inner.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
        return String(cString: strerror(Int32(inner.code)))
    }

    static func openStore(_ configuration: ServerConfiguration, run: NodeRun) throws(StartFault) -> any StateStore {
        do {
            try FileManager.default.createDirectory(
                atPath: configuration.data, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750])
        } catch {
            throw StartFault(sentence: "cannot make the directory \(configuration.data): \(Self.reason(error))")
        }
        let secret: String?
        do throws(FileErrors) { secret = try configuration.storeSecret() } catch {
            throw StartFault(sentence: "\(error)")
        }
        do throws(StoreError) {
            switch configuration.store {
            case .sqlite: return try SQLiteStore(path: configuration.databaseFile)
            case .etcd(let etcd): return try EtcdStore(settings: settings(etcd, password: secret))
            case .consul(let consul): return try ConsulStore(settings(consul, run: run))
            }
        } catch {
            throw StartFault(sentence: "cannot open the store, \(configuration.store.spoken): \(error.sentence)")
        }
    }

    private static func settings(_ etcd: ServerConfiguration.EtcdOptions, password: String?) -> EtcdSettings {
        EtcdSettings(
            endpoints: etcd.endpoints.map(\.description), prefix: etcd.prefix,
            tls: EtcdSettings.TLS(ca: etcd.tls.ca, certificate: etcd.tls.certificate, key: etcd.tls.key),
            user: etcd.user, password: password)
    }

    private static func settings(
        _ consul: ServerConfiguration.ConsulOptions, run: NodeRun
    ) -> ConsulSettings {
        var settings = ConsulSettings(address: consul.address.description, prefix: consul.prefix, node: run.node)
        settings.tokenFile = consul.tokenFile
        settings.caFile = consul.tls.ca
        settings.certificateFile = consul.tls.certificate
        settings.keyFile = consul.tls.key
        return settings
    }
}
