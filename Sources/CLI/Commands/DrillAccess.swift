// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

/// What `ondeck drill` needs of the rest of OnDeck: made-up clients on an interface. The command line has no sockets of
/// that kind: whoever sees everything fills this in, and sets it for the command that runs.
public struct DrillAccess: Sendable {
    /// One that is up and has a MAC address.
    public struct Interface: Hashable, Sendable {
        public var name: String
        public var addresses: [IPv4Address]
        public init(name: String, addresses: [IPv4Address]) {
            self.name = name
            self.addresses = addresses
        }
    }

    public struct Load: Hashable, Sendable {
        public var interface: String
        public var clients: Int
        public var perSecond: Int
    }

    /// Clients at work.
    public struct Running: Sendable {
        /// Leases so far.
        public var leases: @Sendable () -> Int
        /// What the last sending failed with, as an errno, or 0.
        public var sendError: @Sendable () -> Int32
        /// A fault is being ordered now.
        public var mark: @Sendable (_ fault: String) -> Void
        /// Everything is given back, and what was seen is said.
        public var finish: @Sendable (_ network: String, DrillKind) async -> DrillReport

        public init(
            leases: @escaping @Sendable () -> Int, sendError: @escaping @Sendable () -> Int32,
            mark: @escaping @Sendable (String) -> Void,
            finish: @escaping @Sendable (String, DrillKind) async -> DrillReport
        ) {
            self.leases = leases
            self.sendError = sendError
            self.mark = mark
            self.finish = finish
        }
    }

    /// Both throw errors whose description is a sentence.
    public var interfaces: @Sendable () throws -> [Interface]
    public var begin: @Sendable (Load) throws -> Running

    public init(
        interfaces: @escaping @Sendable () throws -> [Interface], begin: @escaping @Sendable (Load) throws -> Running
    ) {
        self.interfaces = interfaces
        self.begin = begin
    }

    /// That of the command that runs; nil where nobody has set one.
    @TaskLocal public static var current: DrillAccess?
}
