// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Where an image is kept.
public enum Placement: Hashable, Sendable {
    /// On every node; what counts for an image without a policy.
    case everywhere
    /// On so many nodes, chosen by rendezvous hashing.
    case copies(Int)
    /// On every node of these locations.
    case locations([String])
    case nodes([String])
    /// Where a machine asks for it: pulled through from a node that has it, and kept while there is room.
    case onDemand
    /// Pulled through and not kept.
    case stream
    /// Nowhere: machines are pointed at this base URL, which may be a plain web server; paths are appended to it.
    case central(url: String)
}

/// An operator's word about one image: the site object of kind `image`.
public struct ImagePolicy: Hashable, Sendable {
    public var name: String
    public var placement = Placement.everywhere
    public init(name: String) { self.name = name }
}

/// Base URLs under which machines may reach us, in an operator's order.
public enum EndpointChoice: Hashable, Sendable {
    /// A load balancer or a name: "http://boot.example", without a slash at its end.
    case url(String)
    /// The nodes' own addresses, nearest and healthiest first.
    case nodes
}

/// A place where nodes and networks are: a room, a branch. The site object of kind `location`.
public struct Location: Hashable, Sendable {
    /// A time of day, UTC, in which replication into this place may run; it may pass midnight.
    public struct Hours: Hashable, Sendable {
        public var fromMinute: Int
        public var untilMinute: Int
        public init(fromMinute: Int, untilMinute: Int) {
            self.fromMinute = fromMinute
            self.untilMinute = untilMinute
        }
    }

    public var name: String
    public var nodes: [String] = []
    /// For networks of this place that name none of their own; empty: the nodes.
    public var endpoints: [EndpointChoice] = []
    /// Other places fetch images from here first, and imports run here.
    public var isOrigin = false
    /// Replication into one node of this place; nil: no limit.
    public var bytesPerSecondMax: Int64?
    /// Empty: always.
    public var hours: [Hours] = []
    public init(name: String) { self.name = name }
}
