// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// The made-up clients of a rehearsal, as a value: what they say as time passes and as they hear answers, and what has
/// come of it. Times are microseconds on whatever steady clock the caller has.
///
/// There is a fixed number of them, each with one MAC address and so with one address of the pool at most: they take
/// turns in asking for a lease, hold it for a moment, and give it back.
public struct DrillClients: Sendable {
    public struct Plan: Hashable, Sendable {
        public var clients: Int
        /// New leases asked for in a second.
        public var perSecond: Int
        /// The first client's MAC address; the others' follow.
        public var firstMAC: MACAddress
        /// Transaction IDs begin here.
        public var firstTransaction: UInt32

        public init(clients: Int, perSecond: Int, firstMAC: MACAddress, firstTransaction: UInt32) {
            self.clients = clients
            self.perSecond = perSecond
            self.firstMAC = firstMAC
            self.firstTransaction = firstTransaction
        }

        /// Between two clients who begin.
        var interval: Int64 { 1_000_000 / Int64(max(1, perSecond)) }
        /// Half of the time until a client's next turn.
        var holding: Int64 { interval * Int64(clients) / 2 }
        /// Between giving back and asking again.
        var resting: Int64 { holding / 2 }

        /// The MAC addresses of a machine's drills: locally administered, and the same each time, so that a drill takes
        /// up the leases that an earlier one left.
        public static func firstMAC(on interface: MACAddress) -> MACAddress {
            MACAddress(bits: 0x060d << 32 | (interface.bits & 0xffff) << 16)
        }
    }

    enum Doing: Hashable, Sendable { case resting, discovering, requesting, holding }

    struct Client: Sendable {
        let mac: MACAddress
        var doing = Doing.resting
        var transaction: UInt32 = 0
        /// Of the present round: its first DISCOVER, its first REQUEST, and how long the OFFER took.
        var began: Int64 = 0
        var requested: Int64 = 0
        var offerTook: Int64 = 0
        /// How often the present message was sent, and when something is to be done next.
        var tries = 0
        var due: Int64 = 0
        var hasRepeated = false
        /// What it was offered, has, or had.
        var address = IPv4Address.any
        var server = IPv4Address.any
        /// It has had an address since it last gave one back.
        var mustRelease = false
    }

    let plan: Plan
    var clients: [Client]
    /// Who waits for an answer, by transaction.
    private var waitingFor: [UInt32: Int] = [:]
    private var holders: [IPv4Address: Int] = [:]
    private var nextTransaction: UInt32
    private var nextRound: Int64
    private var nextClient = 0
    private var isAsking = true
    public private(set) var log: DrillLog

    public init(_ plan: Plan, now: Int64) {
        self.plan = plan
        clients = (0..<plan.clients).map { Client(mac: MACAddress(bits: plan.firstMAC.bits + UInt64($0))) }
        nextTransaction = plan.firstTransaction
        nextRound = now
        log = DrillLog(began: now)
    }

    /// Clients that wait for an answer.
    public var waiting: Int { waitingFor.count }

    // MARK: Time

    /// What is to be sent now.
    public mutating func turn(_ now: Int64) -> [DHCPRequest] {
        var messages: [DHCPRequest] = []
        for index in clients.indices where clients[index].due <= now {
            switch clients[index].doing {
            case .resting: break
            case .holding: messages.append(release(index, now))
            case .discovering, .requesting: messages += wait(index, now)
            }
        }
        while isAsking, nextRound <= now {
            // After a stall of the caller's nobody catches up: a burst would be another load.
            nextRound = max(nextRound, now - plan.interval) + plan.interval
            if let index = whoseTurn(now) { messages.append(begin(index, now)) }
        }
        return messages
    }

    /// When `turn` has something to do again, as far as is known.
    public var nextTurn: Int64 {
        let due = clients.filter { $0.doing != .resting }.map(\.due).min() ?? .max
        return isAsking ? min(due, nextRound) : due
    }

    /// From now on nobody begins anew; those who wait go on waiting.
    public mutating func stopAsking(_ now: Int64) {
        guard isAsking else { return }
        isAsking = false
        log.asked = now
    }

    /// Everybody gives back what it has or may have: also what was given back while perhaps nobody listened. Those who
    /// still wait have got nothing.
    public mutating func end(_ now: Int64) -> [DHCPRequest] {
        stopAsking(now)
        log.ended = now
        for index in clients.indices where clients[index].doing != .resting && clients[index].doing != .holding {
            lose(index, now)
        }
        return clients.indices.filter { clients[$0].server != .any }.map { release($0, now) }
    }

    /// The caller did not get to run for so long.
    public mutating func noteStall(_ microseconds: Int64) { log.stall = max(log.stall, microseconds) }

    private mutating func whoseTurn(_ now: Int64) -> Int? {
        for offset in clients.indices {
            let index = (nextClient + offset) % clients.count
            guard clients[index].doing == .resting, clients[index].due <= now else { continue }
            nextClient = index + 1
            return index
        }
        return nil
    }

    /// An answer has not come in time.
    private mutating func wait(_ index: Int, _ now: Int64) -> [DHCPRequest] {
        if now - clients[index].began >= Limits.drillPatienceMilliseconds * 1_000 {
            lose(index, now)
            return []
        }
        clients[index].hasRepeated = true
        if clients[index].doing == .requesting, clients[index].tries >= Limits.drillTriesMax {
            return [discover(index, now)]
        }
        return [say(index, now)]
    }

    private mutating func lose(_ index: Int, _ now: Int64) {
        log.lost.append(clients[index].began)
        rest(index, now)
    }

    private mutating func rest(_ index: Int, _ now: Int64) {
        waitingFor[clients[index].transaction] = nil
        clients[index].doing = .resting
        clients[index].due = now + plan.resting
    }

    // MARK: Speaking

    private mutating func begin(_ index: Int, _ now: Int64) -> DHCPRequest {
        clients[index].began = now
        clients[index].hasRepeated = false
        return discover(index, now)
    }

    private mutating func discover(_ index: Int, _ now: Int64) -> DHCPRequest {
        waitingFor[clients[index].transaction] = nil
        nextTransaction &+= 1
        clients[index].transaction = nextTransaction
        clients[index].doing = .discovering
        clients[index].tries = 0
        waitingFor[nextTransaction] = index
        return say(index, now)
    }

    /// Says, or repeats, what the client has to say now.
    private mutating func say(_ index: Int, _ now: Int64) -> DHCPRequest {
        let wait = min(Limits.drillRetryMilliseconds << Int64(clients[index].tries), Limits.drillRetryMillisecondsMax)
        clients[index].tries += 1
        clients[index].due = now + wait * 1_000
        let client = clients[index]
        var message = request(client, client.doing == .discovering ? .discover : .request, now)
        if client.doing == .requesting {
            message.options.append(.requestedAddress, client.address)
            message.options.append(.serverIdentifier, client.server)
        }
        message.options.append(.parameterRequestList, [1, 3, 6, 51, 54])
        return message
    }

    private mutating func release(_ index: Int, _ now: Int64) -> DHCPRequest {
        if clients[index].mustRelease {
            clients[index].mustRelease = false
            log.released += 1
        }
        if holders[clients[index].address] == index { holders[clients[index].address] = nil }
        rest(index, now)
        nextTransaction &+= 1
        clients[index].transaction = nextTransaction
        var message = request(clients[index], .release, now)
        message.seconds = 0
        message.clientAddress = clients[index].address
        message.options.append(.serverIdentifier, clients[index].server)
        return message
    }

    private func request(_ client: Client, _ type: DHCPMessageType, _ now: Int64) -> DHCPRequest {
        var request = DHCPRequest(hardware: ClientHardware(mac: client.mac))
        request.messageType = type
        request.transactionID = client.transaction
        request.seconds = UInt16(clamping: (now - client.began) / 1_000_000)
        // Frames to a made-up MAC address would not reach this machine; broadcasts do. A RELEASE is not answered.
        request.flags = type == .release ? 0 : 0x8000
        request.options.append(.vendorClass, Array("ondeck-drill".utf8))
        return request
    }

    // MARK: Hearing

    /// What a client says to an answer, if it is for one of ours and says something new.
    public mutating func hear(_ reply: DHCPReply, _ now: Int64) -> DHCPRequest? {
        guard let index = waitingFor[reply.transactionID], reply.hardware.mac == clients[index].mac else { return nil }
        switch (reply.messageType, clients[index].doing) {
        case (.offer, .discovering):
            guard let server = reply.options.address(.serverIdentifier) else { return nil }
            clients[index].address = reply.yourAddress
            clients[index].server = server
            clients[index].offerTook = now - clients[index].began
            clients[index].requested = now
            clients[index].doing = .requesting
            clients[index].tries = 0
            return say(index, now)
        case (.ack, .requesting):
            bind(index, reply, now)
            return nil
        case (.nak, .requesting):
            log.refused += 1
            return discover(index, now)
        default: return nil
        }
    }

    private mutating func bind(_ index: Int, _ reply: DHCPReply, _ now: Int64) {
        waitingFor[reply.transactionID] = nil
        let address = reply.yourAddress
        if let other = holders[address], other != index {
            log.duplicates.append(DrillLog.Duplicate(address: address, macs: [clients[other].mac, clients[index].mac]))
        }
        holders[address] = index
        clients[index].address = address
        clients[index].server = reply.options.address(.serverIdentifier) ?? clients[index].server
        clients[index].doing = .holding
        clients[index].due = now + plan.holding
        clients[index].mustRelease = true
        let client = clients[index]
        log.leases.append(
            DrillLog.Lease(
                began: client.began, bound: now, offerTook: client.offerTook, ackTook: now - client.requested,
                hasRepeated: client.hasRepeated, server: client.server))
    }
}
