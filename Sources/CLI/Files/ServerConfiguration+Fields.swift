// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

extension ServerConfiguration {
    private static let keys = [
        "node", "data", "store", "cluster", "drill", "log", "dhcp", "tftp", "http", "api", "content", "content-store",
    ]
    private static let advice = Dictionary(
        uniqueKeysWithValues: (ObjectKind.allCases.map(\.plural) + ["subnets"]).map {
            ($0, "it belongs into a site file: ondeck apply -f site.yaml")
        })

    init(_ reader: FieldReader, _ log: FieldErrorLog) {
        self.init()
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return }
        fields.read("node", into: &node) { $0.name() }
        fields.read("data", into: &data) { $0.path() }
        // What stands in the data directory by default follows it.
        content["local"] = [ContentDirectory(path: data + "/content")]
        fields.read("store", into: &store) { Store($0) }
        fields.read("cluster", into: &cluster) { Cluster($0) }
        fields.read("drill", into: &drill) { $0.choice() }
        fields.read("log", into: &self.log) { $0.choice() }
        fields.read("dhcp", into: &dhcp) { DHCP($0) }
        fields.read("tftp", into: &tftp) { TFTP($0) }
        fields.read("http", into: &http) { HTTP($0) }
        fields.read("api", into: &api) { API($0) }
        fields.read("content", into: &content) { $0.content() }
        fields.read("content-store", into: &contentStore) { ContentStore($0) }
        if contentStorePath == data {
            fields["content-store"]?.fail(
                "path is the data directory", hint: "give it a directory of its own, such as \(data)/content-store")
        }
        if http.port == api.port, http.listen == api.listen || http.listen.isAny || api.listen.isAny {
            (fields["api"] ?? fields["http"] ?? reader).fail(
                "port \(api.port) is that of 'http' too", hint: "boot files and the API are served apart")
        }
        if isClustered { checkCluster(fields, log) }
    }

    private func checkCluster(_ fields: FieldReader.Fields, _ log: FieldErrorLog) {
        if fields["node"] == nil {
            log.add(
                FieldError(
                    field: "node", message: "is missing",
                    hint:
                        "nodes that share a store are told apart by it, and two hosts may have one name: node: rack1-a",
                    position: fields["store"]?.value.position))
        }
        // All of them are UDP.
        let peer = cluster.peer
        let isTFTP =
            tftp.enabled && peer.port == tftp.port
            && (tftp.listen == peer.listen || tftp.listen.isAny || peer.listen.isAny)
        if isTFTP || peer.port == 67 || peer.port == 4011 {
            (fields["cluster"] ?? fields["tftp"])?.fail(
                "peer.port \(peer.port) is that of \(isTFTP ? "'tftp'" : "DHCP") too",
                hint: "nodes speak to each other on a port of its own")
        }
    }
}

extension ServerConfiguration.DHCP {
    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["interfaces"], advice: ["interface": "did you mean 'interfaces'?"]) else {
            return nil
        }
        fields.read("interfaces", into: &interfaces) { $0.interfaces() }
    }
}

extension ServerConfiguration.TFTP {
    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["enabled", "listen", "port", "mode"]) else { return nil }
        fields.read("enabled", into: &enabled) { $0.boolean() }
        fields.read("listen", into: &listen) { $0.address() }
        fields.read("port", into: &port) { $0.port() }
        fields.read("mode", into: &mode) { $0.choice() }
    }
}

extension ServerConfiguration.ContentDirectory {
    /// A path, or {path: PATH, only: [NAMES]}.
    init?(_ reader: FieldReader) {
        guard reader.value.asMap != nil else {
            guard let path = reader.path() else { return nil }
            self.init(path: path)
            return
        }
        guard let fields = reader.fields(["path", "only"]) else { return nil }
        let path = fields.required("path") { $0.path() }
        var only: [String]?
        fields.read("only", into: &only) { $0.list { $0.relativeName() } }
        guard let path else { return nil }
        self.init(path: path, only: only)
    }
}

extension FieldReader {
    fileprivate func interfaces() -> [String]? {
        guard let names = list({ $0.interface() }) else { return nil }
        if names.isEmpty { fail("is empty", hint: "leave the key out to use every interface that the site needs") }
        return names.isEmpty ? nil : names
    }

    func port() -> UInt16? {
        integer(in: 1...65_535).map { UInt16(truncatingIfNeeded: $0) }
    }

    /// An absolute path, without a slash at its end.
    func path() -> String? {
        guard let text = text(bytesMax: 4095) else { return nil }
        guard text.hasPrefix("/"), !text.utf8.contains(0) else {
            failExpected("an absolute path")
            return nil
        }
        var path = text
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// A file within a directory.
    fileprivate func relativeName() -> String? {
        guard let text = text(bytesMax: Limits.contentNameBytesMax) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
            failExpected("a name within the directory")
            return nil
        }
        return text
    }

    fileprivate func content() -> [String: [ServerConfiguration.ContentDirectory]]? {
        guard let entries = entries() else { return nil }
        var sets: [String: [ServerConfiguration.ContentDirectory]] = [:]
        for (name, reader) in entries {
            if !ObjectNames.isValid(name) {
                reader.fail("the name of a content set is not valid", hint: ObjectNames.rule)
            }
            if ContentSets.reservedNames.contains(name) {
                reader.fail("a content set cannot be called \(name)", hint: "OnDeck serves something else there")
            }
            sets[name] = reader.directories()
        }
        return sets
    }

    private func directories() -> [ServerConfiguration.ContentDirectory]? {
        if value.asList == nil { return ServerConfiguration.ContentDirectory(self).map { [$0] } }
        guard let directories = list({ ServerConfiguration.ContentDirectory($0) }) else { return nil }
        if value.asList?.isEmpty == true { fail("is empty") }
        return directories
    }
}
