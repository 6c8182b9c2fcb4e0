// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation

extension ServerConfiguration {
    /// What is valid, and yet perhaps not what was meant: lines that name the field.
    var warnings: [String] { storeWarnings + clusterWarnings + fileWarnings + contentWarnings }

    private var storeWarnings: [String] {
        guard isClustered else { return [] }
        var lines: [String] = []
        if case .etcd(let etcd) = store { lines += Self.memberWarnings(etcd.endpoints.count) }
        let isPlain = store.endpoints.contains { !$0.isTLS && !$0.isLoopback }
        if isPlain, let secret = neededFiles.first(where: { $0.field.hasSuffix("File") }) {
            lines.append("\(secret.field): without TLS it goes over the network for everybody to read: use https://")
        }
        return lines
    }

    private static func memberWarnings(_ count: Int) -> [String] {
        if count == 1 {
            return [
                "store.etcd.endpoints: one endpoint: when that member is lost the store is, for this node; "
                    + "name all members, three or five"
            ]
        }
        guard count % 2 == 0 else { return [] }
        return [
            "store.etcd.endpoints: \(count) endpoints: a cluster of \(count) survives no more losses than one of "
                + "\(count - 1); three or five are usual"
        ]
    }

    private var clusterWarnings: [String] {
        let peer = cluster.peer
        if isClustered {
            guard peer.address == nil, peer.listen.isAny, store.endpoints.allSatisfy(\.isLoopback) else { return [] }
            return [
                "cluster.peer.address: is missing: the route to the store, which is on this machine, does not show "
                    + "where other machines reach this one"
            ]
        }
        guard cluster != Cluster() else { return [] }
        return ["cluster: has no effect with the store sqlite, which is one machine's own"]
    }

    private var fileWarnings: [String] {
        neededFiles.filter(\.isOpenToAll).map {
            "\($0.field): everybody on this machine can read \($0.path): chmod o= \($0.path)"
        }
    }

    var contentWarnings: [String] { contentWarnings { FileManager.default.fileExists(atPath: $0) } }

    func contentWarnings(_ isThere: (_ path: String) -> Bool) -> [String] {
        content.sorted { $0.key < $1.key }.flatMap { name, directories in
            let isOurs = directories == Self.contentDefault[name]
            // The operator's own files, if there are any.
            let missing = isOurs && name == "local" ? [] : directories.filter { !isThere($0.path) }
            let hint = isOurs ? Self.packages[name].map { " (apt-get install \($0))" } ?? "" : ""
            return missing.map { "content \(name): there is no directory \($0.path)\(hint)" }
        }
    }

    /// Debian's packages that bring what is served unless `content` says otherwise.
    private static let packages = ["ipxe": "ipxe", "debian-12": "debian-installer-12-netboot-amd64"]
}
