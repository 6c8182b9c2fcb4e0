// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// How a packet reached us.
public struct Arrival: Sendable {
    public var interface: String
    /// The receiving interface's own addresses.
    public var interfaceAddresses: [IPv4Address]
    public var source: IPv4Address
    public var sourcePort: UInt16
    /// Where the packet was sent to: one of our addresses, or the broadcast address.
    public var destination: IPv4Address
    /// The port it was sent to: 67, or 4011 for PXE boot server requests.
    public var port: UInt16

    public init(
        interface: String, interfaceAddresses: [IPv4Address], source: IPv4Address, sourcePort: UInt16,
        destination: IPv4Address, port: UInt16
    ) {
        self.interface = interface
        self.interfaceAddresses = interfaceAddresses
        self.source = source
        self.sourcePort = sourcePort
        self.destination = destination
        self.port = port
    }

    /// Whether it was sent to an address of ours, not to everybody on a link.
    public var isUnicast: Bool { interfaceAddresses.contains(destination) || destination.isLoopback }
}

/// A reply with everything needed to send it.
public struct PlannedReply: Hashable, Sendable {
    public var reply: DHCPReply
    public var route: ReplyRoute
    /// The source address: the one that the client or relay asked (rules: relays and firewalls drop others).
    public var source: IPv4Address
    /// Why a boot client is told of nothing to boot; nil where it is, and for who is none.
    public var noBoot: NoBoot?

    public init(reply: DHCPReply, route: ReplyRoute, source: IPv4Address, noBoot: NoBoot? = nil) {
        self.reply = reply
        self.route = route
        self.source = source
        self.noBoot = noBoot
    }
}

/// A change of one lease, to be committed under the network's term.
public struct LeaseChange: Hashable, Sendable {
    public var network: String
    public var lease: Lease
    public init(network: String, lease: Lease) { self.network = network; self.lease = lease }
}

/// What is to be done about one packet: exactly one of these. Speaking before writing cannot be expressed: a reply
/// that needs a commit travels inside it.
public enum Verdict: Hashable, Sendable {
    case drop(DropReason)
    case reply(PlannedReply)
    /// Write the change, then send the reply, if there is one (RELEASE and DECLINE have none).
    case commit(LeaseChange, then: PlannedReply?)
    /// Ask the link whether somebody uses the address, then send the offer.
    case probe(IPv4Address, then: PlannedReply)
}

/// Why a packet is not answered. The raw value is the metric label.
public enum DropReason: String, Hashable, Sendable, CaseIterable {
    case noNetwork = "no-network"
    case tooManyHops = "too-many-hops"
    case notARequest = "not-a-request"
    case noIdentity = "no-identity"
    case unknownMachine = "unknown-machine"
    case noBinding = "no-binding"
    case poolFull = "pool-full"
    /// Another node has the term: it answers, or this one does when it comes up to bat.
    case notUpToBat = "not-up-to-bat"
    /// The store does not answer, and this cannot be done without it.
    case storeDown = "store-down"
    /// The store does not answer, and too little is left of what may be confirmed without it.
    case windowOver = "window-over"
    /// This node does nothing for dynamic clients, whatever they ask.
    case benched = "benched"
    case otherServer = "other-server"
    case noRecord = "no-record"
    case notAuthoritative = "not-authoritative"
    case malformed = "malformed"
    case foreignAddress = "foreign-address"
    case declinedTooOften = "declined-too-often"
    case declinedBinding = "declined-binding"
    case nothingToRelease = "nothing-to-release"
    case proxyNotPXE = "proxy-not-pxe"
    case proxyOtherServer = "proxy-other-server"
    case proxyNoBootFile = "proxy-no-boot-file"
    case bootPortOnly = "boot-port-only"
    case repeatPending = "repeat-pending"
    case queueFull = "queue-full"

    /// A sentence for the operator.
    public var explanation: String {
        switch self {
        case .noNetwork: "no configured network has this link: check `interface`, the subnets and the relay's address"
        case .tooManyHops: "it passed more than 16 relays"
        case .notARequest: "its message type is one that only servers send"
        case .noIdentity: "it has neither a hardware address nor a client identifier"
        case .unknownMachine: "no machine or reservation names it, and the network ignores unknown machines"
        case .noBinding: "no reservation names it, and the network has no addresses for others"
        case .poolFull: "no dynamic address is free in this network"
        case .notUpToBat: "this node is not the one that hands out this network's addresses now"
        case .storeDown: "the store does not answer, and new addresses, releases and declines must be written to it"
        case .windowOver: "the store does not answer, and the time for which its lease may be confirmed without is over"
        case .benched:
            "this node does not trust its records or clock now, and leaves dynamic clients alone: see `ondeck cluster`"
        case .otherServer: "it chose another DHCP server"
        case .noRecord: "we have no record of it: RFC 2131 4.3.2 demands silence"
        case .notAuthoritative: "its address is wrong here, but we are not authoritative for the network"
        case .malformed: "it lacks a field that its message type needs"
        case .foreignAddress: "the address it names is not its own"
        case .declinedTooOften: "it declined too many addresses within an hour"
        case .declinedBinding: "it declined its reserved address: something else on the link uses that address"
        case .nothingToRelease: "it has nothing to release"
        case .proxyNotPXE: "it is not a network boot, and a proxy answers nothing else"
        case .proxyOtherServer: "it takes its address from another server, as it should"
        case .proxyNoBootFile: "there is nothing for it to boot"
        case .bootPortOnly: "only boot requests are answered on port 4011"
        case .repeatPending: "the same request is already on its way to the store"
        case .queueFull: "too many requests wait for the store"
        }
    }
}

/// One question that a decision asked, and the answer.
public struct DecisionStep: Hashable, Sendable {
    public var question: String
    public var answer: String
    public init(_ question: String, _ answer: String) { self.question = question; self.answer = answer }
}

/// Collects the steps of a decision for `explain`. Decisions take it as an optional: where nobody listens, not even
/// the sentences are made.
public final class DecisionTrace {
    public private(set) var steps: [DecisionStep] = []
    public init() {}
    public func note(_ question: String, _ answer: String) { steps.append(DecisionStep(question, answer)) }
}
