// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// A DHCP client as they are (RFC 2131 4.4): it asks everybody, repeats itself with growing pauses, renews with the
/// server that it knows, then with any, and gives up when its time is over - by its own clock.
final class SimClient {
    enum Phase: String {
        case off, waiting, selecting, requesting, rebooting, bound, renewing, rebinding
    }

    /// What an ACK gave it, in true time.
    struct Holding: Equatable {
        var address: IPv4Address
        var server: IPv4Address
        var t1: SimTime
        var t2: SimTime
        var until: SimTime
    }

    let index: Int
    let network: String
    var mac: MACAddress
    private unowned let world: SimWorld
    private let driftPerMillion: Int64
    /// Whether its lease begins when the ACK comes, as many have it, or when it asked (RFC 2131 4.4.1).
    private let countsFromReceipt: Bool
    /// After a restart that nobody answers it goes on with what it had (RFC 2131 3.2.3).
    private let keepsUnconfirmed: Bool

    var phase = Phase.off
    var holding: Holding?
    var transaction: UInt32 = 0
    var lastSentAt: SimTime = 0
    /// When the first message of the transaction went out.
    var askedAt: SimTime = 0
    private var wish: IPv4Address?
    private var chosenServer: IPv4Address?
    private var attempt = 0
    private var timerVersion = 0

    init(index: Int, network: String, world: SimWorld, random: inout SimRandom) {
        self.index = index
        self.network = network
        self.world = world
        mac = MACAddress(bits: 0x0200_0000_0000 + UInt64(index + 1))
        driftPerMillion = world.options.faults.contains(.clockSkew) ? random.between(-100, 100) : 0
        countsFromReceipt = random.chance(perMille: 500)
        keepsUnconfirmed = random.chance(perMille: 500)
    }

    var name: String { "c\(index)" }
    /// Whether it would use an address of its own now, or after a restart.
    func holds(at now: SimTime) -> IPv4Address? { holding.flatMap { now < $0.until ? $0.address : nil } }

    // MARK: Time

    /// True time that passes while its own clock counts `milliseconds`.
    private func trueTime(_ milliseconds: Int64) -> SimTime {
        milliseconds - milliseconds * driftPerMillion / 1_000_000
    }

    private func timer(at time: SimTime, _ body: @escaping () -> Void) {
        timerVersion += 1
        let version = timerVersion
        world.at(max(time, world.now)) { [unowned self] in if timerVersion == version { body() } }
    }

    /// RFC 2131 4.1: 4, 8, 16, 32, 64 seconds, each more or less a second.
    private func backOff(_ body: @escaping () -> Void) {
        let seconds = Int64(4 << min(attempt, 4))
        attempt += 1
        timer(at: world.now + trueTime(seconds * 1000 + world.random.between(-1000, 1000)), body)
    }

    // MARK: Beginning

    func start(after delay: SimTime) {
        phase = .waiting
        timer(at: world.now + delay) { [unowned self] in discover() }
    }

    func discover() {
        holding = nil
        begin(.selecting)
        sendDiscover()
    }

    private func begin(_ phase: Phase) {
        self.phase = phase
        transaction = UInt32(truncatingIfNeeded: world.random.next())
        askedAt = world.now
        attempt = 0
    }

    private func message(_ type: DHCPMessageType) -> DHCPRequest {
        var request = DHCPRequest(hardware: ClientHardware(mac: mac))
        request.messageType = type
        request.transactionID = transaction
        return request
    }

    private func send(_ request: DHCPRequest, to server: IPv4Address? = nil) {
        lastSentAt = world.now
        world.send(request, from: self, to: server)
    }

    private func sendDiscover() {
        var request = message(.discover)
        if let wish { request.options.append(.requestedAddress, wish) }
        send(request)
        backOff { [unowned self] in sendDiscover() }
    }

    private func sendSelect() {
        guard attempt < 4, let wish, let chosenServer else { return discover() }
        var request = message(.request)
        request.options.append(.requestedAddress, wish)
        request.options.append(.serverIdentifier, chosenServer)
        send(request)
        backOff { [unowned self] in sendSelect() }
    }

    // MARK: Keeping

    private func bind(_ reply: DHCPReply, wasNew: Bool) {
        let seconds = Int64(reply.options.uint32(.leaseTime) ?? 0)
        let start = countsFromReceipt ? world.now : lastSentAt
        func end(_ code: DHCPOptionCode, else fallback: Int64) -> SimTime {
            start + trueTime((reply.options.uint32(code).map { Int64($0) } ?? fallback) * 1000)
        }
        let held = Holding(
            address: reply.yourAddress, server: reply.options.address(.serverIdentifier) ?? .any,
            t1: end(.renewalTime, else: seconds / 2), t2: end(.rebindingTime, else: seconds * 7 / 8),
            until: start + trueTime(seconds * 1000))
        holding = held
        wish = held.address
        world.auditor.bound(self, held, wasNew: wasNew)
        keep(held)
    }

    private func keep(_ held: Holding) {
        phase = .bound
        timer(at: held.t1) { [unowned self] in
            begin(.renewing)
            renew()
        }
    }

    private func renew() {
        guard let holding else { return discover() }
        guard world.now < holding.t2 else {
            begin(.rebinding)
            return rebind()
        }
        var request = message(.request)
        request.clientAddress = holding.address
        send(request, to: holding.server)
        timer(at: min(again(before: holding.t2), holding.t2)) { [unowned self] in renew() }
    }

    private func rebind() {
        guard let holding, world.now < holding.until else { return expire() }
        var request = message(.request)
        request.clientAddress = holding.address
        send(request)
        timer(at: min(again(before: holding.until), holding.until)) { [unowned self] in rebind() }
    }

    /// Half of what remains, and not too often.
    private func again(before end: SimTime) -> SimTime { world.now + max((end - world.now) / 2, 3_000) }

    private func expire() {
        world.say(subject, [20, UInt64(index)], "\(self.name) gives up its address: nobody has renewed it")
        discover()
    }

    // MARK: Answers

    func receive(_ reply: DHCPReply) {
        guard reply.transactionID == transaction else { return }
        switch (reply.messageType, phase) {
        case (.offer, .selecting):
            wish = reply.yourAddress
            chosenServer = reply.options.address(.serverIdentifier)
            phase = .requesting
            attempt = 0
            askedAt = world.now
            sendSelect()
        case (.ack, .requesting), (.ack, .rebooting): taken(reply)
        case (.ack, .renewing), (.ack, .rebinding): bind(reply, wasNew: false)
        case (.nak, .requesting), (.nak, .rebooting), (.nak, .renewing), (.nak, .rebinding):
            holding = nil
            wish = nil
            start(after: 500 + world.random.between(0, 1_000))
        default: break
        }
    }

    private func taken(_ reply: DHCPReply) {
        if phase == .requesting, world.isUnrestful, world.mayDecline(self), world.random.chance(perMille: 4) {
            return decline(reply)
        }
        bind(reply, wasNew: phase == .requesting)
    }

    private func decline(_ reply: DHCPReply) {
        var request = message(.decline)
        request.options.append(.requestedAddress, reply.yourAddress)
        request.options.append(.serverIdentifier, reply.options.address(.serverIdentifier) ?? .any)
        world.say(
            SimSubject(network: network, address: reply.yourAddress, client: index), [21, UInt64(index)],
            "\(self.name) declines \(reply.yourAddress)")
        holding = nil
        wish = nil
        send(request)
        start(after: 10_000)
    }

    // MARK: Unrest

    private var subject: SimSubject { SimSubject(network: network, address: holding?.address, client: index) }

    /// Something that people do to machines.
    func disturb() {
        guard phase == .bound || phase == .renewing || phase == .rebinding, let held = holding else { return }
        // Where all have bindings nobody new can come.
        let choice = world.random.index(network == SimSite.bindings ? 90 : 100)
        world.say(subject, [22, UInt64(index), UInt64(choice)], "\(self.name) \(Self.word(choice))")
        switch choice {
        case ..<35: leave(for: world.random.skewed(500, 20_000))
        case ..<55: leave(for: world.random.skewed(20_000, 500_000))
        case ..<75: release(held)
        case ..<90:
            holding = nil
            start(after: world.random.between(500, 5_000))
        default:
            // Another machine stands here from now on; the old one lies on a shelf with an address that it may use.
            world.auditor.shelved(self, held)
            holding = nil
            wish = nil
            mac = MACAddress(bits: mac.bits + 0x1_0000)
            world.clientChanged(self)
            start(after: world.random.between(500, 10_000))
        }
    }

    private static func word(_ choice: Int) -> String {
        switch choice {
        case ..<35: "restarts"
        case ..<55: "is away"
        case ..<75: "releases"
        case ..<90: "restarts and has forgotten everything"
        default: "is replaced by another machine"
        }
    }

    private func release(_ held: Holding) {
        begin(.off)
        var request = message(.release)
        request.clientAddress = held.address
        request.options.append(.serverIdentifier, held.server)
        holding = nil
        send(request, to: held.server)
        start(after: world.random.skewed(200, 60_000))
    }

    private func leave(for time: SimTime) {
        phase = .off
        // In the calm everybody is there.
        timer(at: min(world.now + time, world.options.calmFrom + 10_000)) { [unowned self] in
            guard let holding, world.now < holding.until else { return discover() }
            begin(.rebooting)
            reboot()
        }
    }

    private func reboot() {
        guard let held = holding, world.now < held.until else { return discover() }
        guard attempt < 3 else {
            guard keepsUnconfirmed else { return discover() }
            world.say(subject, [23, UInt64(index)], "\(self.name) hears nothing and goes on with \(held.address)")
            return keep(held)
        }
        var request = message(.request)
        request.options.append(.requestedAddress, held.address)
        send(request)
        backOff { [unowned self] in reboot() }
    }
}
