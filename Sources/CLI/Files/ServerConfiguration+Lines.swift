// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

extension ServerConfiguration {
    /// The lines of ondeck.yaml that say which node of which cluster this is: node, store and cluster. What is the
    /// default is left out, but for the cluster's name. `placeholder` stands for this machine's own address.
    func clusterLines(node: String, placeholder: String? = nil) -> String {
        var map = FieldMap()
        map["node"] = .string(node)
        map["store"] = store.value
        if isClustered { map["cluster"] = cluster.value(placeholder) }
        return YAMLWriter.text(.map(map))
    }

    /// The keys whose values are not the defaults, other than those lines.
    var otherKeys: [String] {
        let plain = ServerConfiguration()
        var usual = Self.contentDefault
        usual["local"] = [ContentDirectory(path: data + "/content")]
        let keys: [(String, Bool)] = [
            ("data", data != plain.data), ("log", log != plain.log), ("dhcp", dhcp != plain.dhcp),
            ("tftp", tftp != plain.tftp), ("http", http != plain.http), ("api", api != plain.api),
            ("content", content != usual), ("content-store", contentStore != plain.contentStore),
        ]
        return keys.filter(\.1).map(\.0)
    }
}

extension ServerConfiguration.Store {
    fileprivate var value: FieldValue {
        var map = FieldMap()
        switch self {
        case .sqlite: return "sqlite"
        case .etcd(let etcd):
            let plain = ServerConfiguration.EtcdOptions(endpoints: [])
            map["endpoints"] = .list(etcd.endpoints.map { .string($0.description) })
            if etcd.prefix != plain.prefix { map["prefix"] = .string(etcd.prefix) }
            map["tls"] = etcd.tls.value
            map["user"] = etcd.user.map(FieldValue.string)
            map["passwordFile"] = etcd.passwordFile.map(FieldValue.string)
            return ["etcd": .map(map)]
        case .consul(let consul):
            map["address"] = .string(consul.address.description)
            if consul.prefix != ServerConfiguration.ConsulOptions().prefix { map["prefix"] = .string(consul.prefix) }
            map["tokenFile"] = consul.tokenFile.map(FieldValue.string)
            map["tls"] = consul.tls.value
            return ["consul": .map(map)]
        }
    }
}

extension ServerConfiguration.TLS {
    /// Nil: nothing is set.
    fileprivate var value: FieldValue? {
        var map = FieldMap()
        map["ca"] = ca.map(FieldValue.string)
        map["cert"] = certificate.map(FieldValue.string)
        map["key"] = key.map(FieldValue.string)
        return map.isEmpty ? nil : .map(map)
    }
}

extension ServerConfiguration.Cluster {
    fileprivate func value(_ placeholder: String?) -> FieldValue {
        let plain = ServerConfiguration.Cluster()
        var map = FieldMap()
        map["name"] = .string(name)
        if silenceMilliseconds != plain.silenceMilliseconds {
            map["silence"] = .string(millisecondsText(silenceMilliseconds))
        }
        var peer = FieldMap()
        if self.peer.listen != plain.peer.listen { peer["listen"] = .string(placeholder ?? "\(self.peer.listen)") }
        if self.peer.port != plain.peer.port { peer["port"] = .integer(Int(self.peer.port)) }
        peer["address"] = self.peer.address.map { .string(placeholder ?? "\($0)") }
        if !peer.isEmpty { map["peer"] = .map(peer) }
        return .map(map)
    }
}
