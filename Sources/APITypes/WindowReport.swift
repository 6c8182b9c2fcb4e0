// SPDX-License-Identifier: Apache-2.0

/// `GET /api/v1/window`: what an outage of a given length would cost, network by network.
public struct WindowReport: Codable, Hashable, Sendable {
    public struct Network: Codable, Hashable, Sendable {
        public var network: String
        /// "static", "dynamic", "proxy"
        public var mode: String
        public var leaseSeconds: UInt32
        /// How much longer than the lease an address is kept for its client; 0: no longer.
        public var reserveSeconds: UInt32
        /// The longest outage in which no client loses its address; nil: none ever does.
        public var bridgedSeconds: UInt32?
        public var fits: Bool
        /// Of a hundred clients, how many have lost their address when the outage ends.
        public var lostPercent: Int
        /// Sentences: who would lose an address, who could not boot.
        public var costs: [String]
        /// The shortest lease that bridges the outage, and one that bridges twice as much; nil: any lease does.
        public var leaseSecondsNeeded: UInt32?
        public var leaseSecondsAdvised: UInt32?
        /// The reserve that bridges the outage with the lease as it is; nil where there need or can be none.
        public var reserveSecondsNeeded: UInt32?
        /// A sentence: what to set; nil when nothing is to be.
        public var advice: String?
        /// "backup-and-rebuild", "static-active-active", "active-passive": what such a need calls for; and why.
        public var availability: String
        public var availabilityReason: String

        public init(
            network: String, mode: String, leaseSeconds: UInt32, reserveSeconds: UInt32, bridgedSeconds: UInt32?,
            fits: Bool, lostPercent: Int, costs: [String], availability: String, availabilityReason: String
        ) {
            self.network = network
            self.mode = mode
            self.leaseSeconds = leaseSeconds
            self.reserveSeconds = reserveSeconds
            self.bridgedSeconds = bridgedSeconds
            self.fits = fits
            self.lostPercent = lostPercent
            self.costs = costs
            self.availability = availability
            self.availabilityReason = availabilityReason
        }
    }

    public var outageSeconds: UInt32
    /// Whose outage: the shared store's, with the nodes up; or, of a store that one machine has for itself, that
    /// machine's.
    public var storeIsShared: Bool
    public var networks: [Network]

    public init(outageSeconds: UInt32, storeIsShared: Bool, networks: [Network]) {
        self.outageSeconds = outageSeconds
        self.storeIsShared = storeIsShared
        self.networks = networks
    }
}
