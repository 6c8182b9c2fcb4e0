// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses

/// ondeck.yaml: the configuration of one node. Every key is optional.
public struct ServerConfiguration: Hashable, Sendable {
    public static let defaultPath = "/etc/ondeck/ondeck.yaml"

    /// Where the site and its leases are.
    public enum Store: Hashable, Sendable {
        /// A database in the data directory: one machine.
        case sqlite
        case etcd(EtcdOptions)
        case consul(ConsulOptions)
    }

    public enum LogLevel: String, Sendable, CaseIterable { case debug, info, warning, error }
    public enum TFTPMode: String, Sendable, CaseIterable {
        /// All transfers answer from the listening port; passes NAT and load balancers.
        case singlePort = "single-port"
        /// A port of its own for each transfer (RFC 1350).
        case classic
    }

    public struct DHCP: Hashable, Sendable {
        /// nil: every interface that the site needs.
        public var interfaces: [String]?
        public init() {}
    }

    public struct TFTP: Hashable, Sendable {
        public var enabled = true
        public var listen: IPv4Address = .any
        public var port: UInt16 = 69
        public var mode: TFTPMode = .singlePort
        public init() {}
    }

    /// One directory of a content set.
    public struct ContentDirectory: Hashable, Sendable {
        public var path: String
        /// Only files of these names, relative to the directory; nil: all.
        public var only: [String]?
        public init(path: String, only: [String]? = nil) {
            self.path = path
            self.only = only
        }
    }

    /// What `ondeck drill` may do to this node.
    public enum Drills: String, Sendable, CaseIterable {
        /// Hand-overs only.
        case refused
        /// Kill it, and have it stand still for a while.
        case allowed
    }

    /// nil: the host's name. With a shared store it is never nil: two hosts may have one name.
    public var node: String?
    public var data = "/var/lib/ondeck"
    public var store: Store = .sqlite
    public var cluster = Cluster()
    public var drill = Drills.refused
    public var log: LogLevel = .info
    public var dhcp = DHCP()
    public var tftp = TFTP()
    public var http = HTTP()
    public var api = API()
    /// By the name of the set; its directories are tried in order.
    public var content = ServerConfiguration.contentDefault
    public var contentStore = ContentStore()

    /// What Debian's packages install: loaders, an installer, a memory test.
    public static let contentDefault: [String: [ContentDirectory]] = [
        // Debian links /usr/lib/ipxe/ipxe.efi out to /boot.
        "ipxe": [ContentDirectory(path: "/usr/lib/ipxe"), ContentDirectory(path: "/boot", only: ["ipxe.efi"])],
        "debian-12": [
            ContentDirectory(path: "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64")
        ],
        // Never all of /boot: initrds hold secrets.
        "memtest": [
            ContentDirectory(
                path: "/boot",
                only: ["memtest86+x64.bin", "memtest86+x64.efi", "memtest86+ia32.bin", "memtest86+ia32.efi"])
        ],
        "local": [ContentDirectory(path: "/var/lib/ondeck/content")],
    ]

    public init() {}

    public var tokenFile: String { api.tokenFile ?? data + "/api-token" }
    /// SQLite's file.
    public var databaseFile: String { data + "/ondeck.sqlite" }

    /// Reads ondeck.yaml. Every error of the file is in the thrown lines.
    public static func load(path: String) throws(FileErrors) -> ServerConfiguration {
        try parse(TextFile.read(path: path), file: TextFile.name(path))
    }

    /// `file` is what messages call it.
    public static func parse(_ text: String, file: String) throws(FileErrors) -> ServerConfiguration {
        let log = FieldErrorLog()
        let reader = FieldReader(try YAMLSource.parse(text, file: file), at: "", log: log)
        let configuration = ServerConfiguration(reader, log)
        do {
            try log.check()
        } catch {
            throw FileErrors(error.errors.map { $0.description(file: file) })
        }
        return configuration
    }
}
