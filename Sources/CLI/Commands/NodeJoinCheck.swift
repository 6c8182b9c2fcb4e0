// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc
import Model
import Ports

/// What was looked at, how it is, and what to do about it.
struct CheckList: Sendable {
    enum Mark: String, Sendable {
        case ok
        case warning
        case failed = "FAILED"
    }

    private struct Entry: Sendable {
        var mark: Mark
        var subject: String
        var text: String
        var advice: String?
    }

    private var entries: [Entry] = []
    var failed: Int { entries.count { $0.mark == .failed } }

    mutating func add(_ mark: Mark, _ subject: String, _ text: String, do advice: String? = nil) {
        entries.append(Entry(mark: mark, subject: subject, text: text, advice: advice))
    }

    func lines(_ terminal: Terminal) -> [String] {
        let width = entries.map(\.subject.count).max() ?? 0
        var lines: [String] = []
        for entry in entries {
            let color: Terminal.Color = entry.mark == .ok ? .green : entry.mark == .warning ? .yellow : .red
            let mark = terminal.colored(Self.padded(entry.mark.rawValue, 7), color)
            let margin = String(repeating: " ", count: 11 + width)
            let texts = entry.text.split(separator: "\n").map { printable(String($0)) }
            lines.append("\(mark)  \(Self.padded(entry.subject, width))  \(texts.first ?? "")")
            lines += texts.dropFirst().map { margin + $0 }
            if let advice = entry.advice { lines.append("\(margin)-> \(advice)") }
        }
        lines.append(
            failed == 0
                ? "It can join: systemctl enable --now ondeck"
                : "It cannot join yet: \(failed) of \(entries.count) checks FAILED.")
        return lines
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

/// Whether this machine can join the cluster that its configuration names.
struct NodeJoinCheck {
    let path: String
    /// The name that it is meant to have; nil: whatever its file says.
    let node: String?
    let access: StoreAccess
    private var list = CheckList()

    init(path: String, node: String?, access: StoreAccess) {
        self.path = path
        self.node = node
        self.access = access
    }

    /// What is known of a node of the cluster.
    private struct Seen {
        var beat: Beat
        /// Rewrote its beat while we looked.
        var isRunning = false
        /// This machine's clock less the cluster's, and what a beat takes to get here.
        var offsetMilliseconds: Int64?
    }

    consuming func run() async -> CheckList {
        guard let configuration = checkConfiguration() else { return list }
        checkContent(configuration)
        let store: any StateStore
        do { store = try await access.open(configuration) } catch {
            list.add(
                .failed, "store", "\(configuration.store.spoken) cannot be opened: \(storeText(error))",
                do: "is it running, does the firewall let this machine through, are user, token and TLS right?")
            return list
        }
        await checkStore(configuration, store)
        await store.close()
        return list
    }

    // MARK: This machine

    private mutating func checkConfiguration() -> ServerConfiguration? {
        let configuration: ServerConfiguration
        do throws(FileErrors) {
            configuration = try ServerConfiguration.load(path: path)
            try configuration.checkNeededFiles(path: path)
        } catch {
            list.add(
                .failed, "configuration", "\(error)",
                do: "`ondeck node join --node NAME` on a node of the cluster prints the lines")
            return nil
        }
        guard configuration.isClustered, let name = configuration.node else {
            list.add(
                .failed, "configuration", "\(path): the store is sqlite, which no other machine can use",
                do: "`ondeck node join --node NAME` on a node of the cluster prints the lines for this file")
            return nil
        }
        if let node, node != name {
            list.add(.failed, "configuration", "\(path): node is \(name), and --node says \(node)", do: "which is it?")
            return nil
        }
        list.add(.ok, "configuration", "\(path): node \(name) of the cluster \(configuration.cluster.name)")
        for warning in configuration.warnings where !configuration.contentWarnings.contains(warning) {
            list.add(.warning, "configuration", warning)
        }
        if let address = configuration.cluster.peer.address, !localAddresses().contains(address) {
            list.add(
                .failed, "peer address", "cluster.peer.address: \(address) is not an address of this machine",
                do: "the other nodes must reach this one at it; without the line it is found by itself")
        }
        return configuration
    }

    private mutating func checkContent(_ configuration: ServerConfiguration) {
        let loaders = access.loaders(configuration)
        if loaders.isEmpty {
            list.add(
                .failed, "boot loaders", "none is here: machines that this node answers would not boot",
                do: "apt-get install ipxe, or name the folders under content as the other nodes do")
        } else {
            list.add(.ok, "boot loaders", loaders.sorted().joined(separator: ", "))
        }
        for warning in configuration.contentWarnings {
            list.add(.warning, "content", warning, do: "what the other nodes serve should be here, too")
        }
    }

    // MARK: The cluster

    private mutating func checkStore(_ configuration: ServerConfiguration, _ store: any StateStore) async {
        let status = await store.status()
        let members = status.members.filter(\.isReachable).count
        let text = "\(status.engine), \(members) of \(status.members.count) members answer"
        if !status.hasQuorum {
            list.add(.failed, "store", "\(text), and there is no quorum", do: "start the others")
        } else if !status.survivesOneLoss {
            list.add(.warning, "store", "\(text): the loss of one would stop it", do: "three members survive one loss")
        } else {
            list.add(.ok, "store", text)
        }
        for alarm in status.alarms { list.add(.warning, "store", alarm) }
        do throws(StoreError) {
            try await checkWriting(configuration, store)
            try await checkName(configuration, store)
            checkNodes(configuration, try await look(configuration, store))
        } catch {
            list.add(
                .failed, "store", "it does not do what OnDeck needs: \(storeText(error))",
                do: "may the user or token read and write everything under the prefix?")
        }
    }

    private func checkWriting(_ configuration: ServerConfiguration, _ store: any StateStore) async throws(StoreError) {
        let value = Array((configuration.node ?? "").utf8)
        _ = try await store.commit(StoreBatch(writes: [.put(key: StoreKeys.probe, value: value)]))
        _ = try await store.commit(StoreBatch(writes: [.delete(key: StoreKeys.probe)]))
    }

    private mutating func checkName(
        _ configuration: ServerConfiguration, _ store: any StateStore
    ) async throws(StoreError) {
        let name = configuration.cluster.name
        let records = try await store.read(prefix: StoreKeys.cluster).records
        guard let record = records.first(where: { $0.key == StoreKeys.cluster }) else {
            list.add(.warning, "cluster", "the store has none yet: this node would begin \(name)")
            return
        }
        guard let found = access.clusterName(record) else {
            list.add(.failed, "cluster", "its record cannot be read", do: "is OnDeck's version the others'?")
            return
        }
        if found == name {
            list.add(.ok, "cluster", "\(name), as the store says")
        } else {
            list.add(
                .failed, "cluster", "the store has the cluster \(found) there, and cluster.name is \(name)",
                do: "write name: \(found), or give this cluster another prefix")
        }
    }

    /// Looks at the beats for the time after which a node counts as silent.
    private func look(
        _ configuration: ServerConfiguration, _ store: any StateStore
    ) async throws(StoreError) -> [Seen] {
        var nodes: [String: Seen] = [:]
        let pause: Int64 = 50
        for round in 0...(configuration.cluster.silenceMilliseconds / pause) {
            if round > 0 { try? await Task.sleep(for: .milliseconds(pause)) }
            for beat in try await store.read(prefix: StoreKeys.beatPrefix).records.compactMap(access.beat) {
                guard var seen = nodes[beat.run.node] else {
                    nodes[beat.run.node] = Seen(beat: beat)
                    continue
                }
                if (beat.run, beat.sequence) != (seen.beat.run, seen.beat.sequence) {
                    seen.isRunning = beat.intent != .stopped
                    let offset = access.now().millisecondsSince(beat.sentAt)
                    if abs(offset) < abs(seen.offsetMilliseconds ?? .max) { seen.offsetMilliseconds = offset }
                    seen.beat = beat
                    nodes[beat.run.node] = seen
                }
            }
        }
        return nodes.values.sorted { $0.beat.run.node < $1.beat.run.node }
    }

    private mutating func checkNodes(_ configuration: ServerConfiguration, _ nodes: [Seen]) {
        let texts = nodes.map { seen in
            let state = seen.isRunning ? seen.beat.intent.rawValue : seen.beat.intent == .stopped ? "stopped" : "silent"
            return "\(seen.beat.run.node) at \(seen.beat.peerAddress) (\(state))"
        }
        list.add(.ok, "nodes", texts.isEmpty ? "none yet" : texts.joined(separator: ", "))
        checkNode(configuration.node ?? "", nodes)
        checkClock(nodes)
    }

    private mutating func checkNode(_ name: String, _ nodes: [Seen]) {
        guard let seen = nodes.first(where: { $0.beat.run.node == name }) else {
            if nodes.count < Limits.nodesMax {
                list.add(.ok, "node name", "\(name) is free")
            } else {
                list.add(.failed, "node name", "the cluster has \(nodes.count) nodes, which is as many as it can have")
            }
            return
        }
        let address = seen.beat.peerAddress
        if localAddresses().contains(address) {
            list.add(.ok, "node name", "\(name) is this machine's already\(seen.isRunning ? ", and running" : "")")
        } else if seen.isRunning {
            list.add(
                .failed, "node name", "\(name) is running at \(address) already", do: "give this machine another name")
        } else {
            list.add(
                .warning, "node name", "\(name) was at \(address), which is silent now",
                do: "if that machine will come back, give this one another name")
        }
    }

    private mutating func checkClock(_ nodes: [Seen]) {
        let offsets = nodes.compactMap(\.offsetMilliseconds)
        guard let offset = offsets.min(by: { abs($0) < abs($1) }) else {
            list.add(.ok, "clock", "no other node is running to compare it with")
            return
        }
        let text = "this machine's is \(abs(offset)) ms \(offset < 0 ? "behind" : "ahead of") the cluster's"
        if abs(offset) <= Limits.clockSkewSecondsMax * 1000 {
            list.add(.ok, "clock", text)
        } else {
            list.add(.failed, "clock", text, do: "set it, and keep it so: timedatectl set-ntp true")
        }
    }
}

/// The IPv4 addresses of this machine's interfaces.
private func localAddresses() -> Set<IPv4Address> {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    var addresses: Set<IPv4Address> = []
    var next = first
    while let entry = next?.pointee {
        next = entry.ifa_next
        guard let address = entry.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else { continue }
        address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            _ = addresses.insert(IPv4Address(bits: UInt32(bigEndian: $0.pointee.sin_addr.s_addr)))
        }
    }
    return addresses
}
