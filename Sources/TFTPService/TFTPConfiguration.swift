// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Where and how TFTP is served.
public struct TFTPConfiguration: Hashable, Sendable {
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        /// Everything goes through the one port: passes NAT, container networks and packet filters that only know it.
        case singlePort = "single-port"
        /// A fresh port for each transfer (RFC 1350 4), for firewalls with a TFTP helper that expect one.
        case classic
    }

    /// An address of ours, or 0.0.0.0: all of them. Answers leave from the address that was asked in any case.
    public var listen: IPv4Address
    /// 0: any free port (tests).
    public var port: UInt16
    public var mode: Mode
    /// Threads that serve, each with a socket of its own on the port; 0: one for each processor, within limits.
    public var threads: Int

    public init(listen: IPv4Address = .any, port: UInt16 = 69, mode: Mode = .singlePort, threads: Int = 0) {
        self.listen = listen
        self.port = port
        self.mode = mode
        self.threads = threads
    }
}
