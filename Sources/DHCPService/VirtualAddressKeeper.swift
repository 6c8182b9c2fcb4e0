// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Glibc
import Model
import Synchronization

/// Keeps the virtual addresses on this machine's interfaces as they should be, from a thread of its own: it waits for
/// the kernel, and nobody waits for it but, shortly, who gives a term away.
public final class VirtualAddressKeeper: Sendable {
    public enum News: Hashable, Sendable {
        case added(VirtualAddress)
        /// `isLeftover`: this process had not added it; an earlier one was killed.
        case removed(VirtualAddress, isLeftover: Bool)
        /// The same is not said twice in a row. Tried again every second.
        case failed(String)
        /// Another machine with this hardware address says that the address is its own; ours was announced again.
        case claimed(VirtualAddress, by: MACAddress)
        /// Another node has announced it, while this one did not know whether it was still up to bat.
        case yielded(VirtualAddress, to: MACAddress)
    }

    public struct Calls: Sendable {
        public var now: @Sendable () -> Uptime
        /// Asked at every look; takes microseconds.
        public var plan: @Sendable () -> VirtualAddressPlan
        public var report: @Sendable (News) -> Void
        /// The interfaces are as they should be, or it has been said why not.
        public var looked: @Sendable () -> Void

        public init(
            now: @escaping @Sendable () -> Uptime, plan: @escaping @Sendable () -> VirtualAddressPlan,
            report: @escaping @Sendable (News) -> Void, looked: @escaping @Sendable () -> Void = {}
        ) {
            self.now = now
            self.plan = plan
            self.report = report
            self.looked = looked
        }
    }

    private struct State {
        var isStopping = false
        var ordered: UInt64 = 0
        var done: UInt64 = 0
        var present: Set<VirtualAddress> = []
        var faults: [String: String] = [:]
    }

    private let calls: Calls
    private let wake: Wake
    private let state = Mutex(State())

    public init(_ calls: Calls) throws(DHCPServer.Fault) {
        self.calls = calls
        do throws(SocketFault) { wake = try Wake() } catch { throw DHCPServer.Fault(description: "\(error)") }
    }

    /// Ours that are on interfaces, as of the last look.
    public var present: Set<VirtualAddress> { state.withLock { $0.present } }

    /// Networks whose address this node should have and has not: why.
    public var faults: [String: String] { state.withLock { $0.faults } }

    /// Something may have changed. Returns at once, and from any thread.
    public func look() { _ = order() }

    /// The same, and waits until it has been looked, but not for long.
    public func lookNow() {
        let order = order()
        for _ in 0..<Limits.vipReleaseMilliseconds * 4 where state.withLock({ $0.done < order && !$0.isStopping }) {
            usleep(250)
        }
    }

    private func order() -> UInt64 {
        defer { wake.wake() }
        return state.withLock { state in
            state.ordered += 1
            return state.ordered
        }
    }

    /// Until the task is cancelled; then none of ours is left, as far as the kernel lets us. Once only.
    public func run() async throws(DHCPServer.Fault) {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (done: CheckedContinuation<DHCPServer.Fault?, Never>) in
                do throws(PacketThread.Fault) {
                    let thread = try PacketThread(name: "vip") {
                        self.keepUntilStopped()
                        done.resume(returning: nil)
                    }
                    thread.detach()
                } catch {
                    done.resume(returning: DHCPServer.Fault(description: "no thread: \(errorText(error.errno))"))
                }
            }
        } onCancel: {
            stop()
        }
        if let result { throw result }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        wake.wake()
    }

    /// The body of the thread. Addresses belong to the network namespace of the thread that calls it.
    func keepUntilStopped() {
        var round = Round(calls: calls)
        while true {
            let (isStopping, order) = state.withLock { ($0.isStopping, $0.ordered) }
            round.look(isStopping ? VirtualAddressPlan() : calls.plan())
            state.withLock { state in
                state.done = order
                (state.present, state.faults) = (round.present, round.faults)
            }
            calls.looked()
            if isStopping { return }
            round.wait(wake)
        }
    }
}

/// One look after the other; belongs to the keeper's thread.
private struct Round {
    let calls: VirtualAddressKeeper.Calls
    private(set) var present: Set<VirtualAddress> = []
    /// By network; what cannot be removed by itself.
    private(set) var faults: [String: String] = [:]
    private var desk = VirtualAddressDesk()
    private var watch = VirtualAddressWatch()
    private var added: Set<VirtualAddress> = []
    private var unannounced: [VirtualAddress: String] = [:]

    init(calls: VirtualAddressKeeper.Calls) { self.calls = calls }

    mutating func look(_ plan: VirtualAddressPlan) {
        var failing = plan.impossible
        hear(plan)
        // What was added is announced, and what was in the way is gone: three times at most.
        for _ in 0..<3 {
            guard list(&failing) else { break }
            let steps = desk.steps(wanted: plan.wishes, present: present, now: calls.now())
            if steps.isEmpty { break }
            for step in steps { carryOut(step, &failing) }
        }
        keepFaults(plan, &failing)
        watch.listen(for: present)
    }

    private mutating func list(_ failing: inout [String: String]) -> Bool {
        do throws(VirtualAddresses.Fault) {
            present = Set(try VirtualAddresses.list())
            return true
        } catch {
            failing[""] = "\(error)"
            return false
        }
    }

    private mutating func carryOut(_ step: VirtualAddressDesk.Step, _ failing: inout [String: String]) {
        switch step {
        case .remove(let address):
            let fault = Self.fault { () throws(VirtualAddresses.Fault) in try VirtualAddresses.remove(address) }
            if let fault {
                failing["\(address)"] = fault
            } else {
                calls.report(.removed(address, isLeftover: added.remove(address) == nil))
            }
            desk.ended(address, isDone: fault == nil, now: calls.now())
        case .add(let wish):
            let fault = Self.fault { () throws(VirtualAddresses.Fault) in try VirtualAddresses.add(wish.address) }
            if let fault {
                failing[wish.network] = fault
            } else {
                added.insert(wish.address)
                calls.report(.added(wish.address))
            }
            desk.ended(wish.address, isDone: fault == nil, now: calls.now())
        case .announce(let address):
            let fault = Self.fault { () throws(VirtualAddresses.Fault) in try VirtualAddresses.announce(address) }
            unannounced[address] = fault
        }
    }

    private static func fault(_ body: () throws(VirtualAddresses.Fault) -> Void) -> String? {
        do throws(VirtualAddresses.Fault) { try body() } catch { return "\(error)" }
        return nil
    }

    /// A fault stays until what has failed has succeeded, or is no longer wanted: between two tries nothing is known.
    private mutating func keepFaults(_ plan: VirtualAddressPlan, _ failing: inout [String: String]) {
        let wanted = Set(plan.wishes.map(\.address))
        unannounced = unannounced.filter { present.contains($0.key) }
        for wish in plan.wishes where failing[wish.network] == nil && !present.contains(wish.address) {
            failing[wish.network] = faults[wish.network]
        }
        for address in present where failing["\(address)"] == nil {
            failing["\(address)"] = unannounced[address] ?? (wanted.contains(address) ? nil : faults["\(address)"])
        }
        for (key, text) in failing.sorted(by: { $0.key < $1.key }) where faults[key] != text {
            calls.report(.failed(text))
        }
        faults = failing
    }

    private mutating func hear(_ plan: VirtualAddressPlan) {
        for (address, mac) in watch.claims() {
            switch desk.heard(address, now: calls.now()) {
            case .ignore: break
            case .yield: calls.report(.yielded(address, to: mac))
            case .defend(let isNews):
                if isNews { calls.report(.claimed(address, by: mac)) }
                try? VirtualAddresses.announce(address)
            }
        }
    }

    /// Until the keeper is told to look, somebody claims an address, or it is time.
    func wait(_ wake: Wake) {
        let numbers = [wake.number] + watch.descriptors
        var polled = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let idle: Int64 = faults.isEmpty ? -1 : Limits.vipRetryMilliseconds
        let timeout = desk.nextLook.map { max(0, $0.millisecondsSince(calls.now())) } ?? idle
        poll(&polled, nfds_t(polled.count), Int32(clamping: timeout))
        if polled[0].revents != 0 { wake.clear() }
    }
}
