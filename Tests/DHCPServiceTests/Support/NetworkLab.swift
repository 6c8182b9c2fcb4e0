// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import Glibc
import Synchronization

@testable import DHCPService

/// What the lab needs and the machine does not give. It fails the test: without namespaces nothing here is tested.
struct LabFault: Error, CustomStringConvertible {
    let description: String
}

/// Two network namespaces, "server" and "client", joined by a wire: eth0 to eth0, server 10.77.0.1/24.
/// Needs root. Gone after `withLab`.
struct NetworkLab: Sendable {
    static let serverAddress = IPv4Address(10, 77, 0, 1)
    static let serverMAC = MACAddress(bits: 0x5254_0077_0001)
    static let clientMAC = MACAddress(bits: 0x5254_0077_0002)

    let server: String
    let client: String

    private static let serial = Atomic<Int>(0)

    fileprivate init() {
        let number = Self.serial.add(1, ordering: .relaxed).newValue
        server = "dhcpio\(getpid())-\(number)-s"
        client = "dhcpio\(getpid())-\(number)-c"
    }

    fileprivate func build() throws {
        for namespace in [server, client] {
            try Self.ip("netns", "add", namespace)
            try Self.ip("-n", namespace, "link", "set", "lo", "up")
        }
        try connect("eth0", serverMAC: Self.serverMAC, clientMAC: Self.clientMAC)
        try Self.ip("-n", server, "addr", "add", "\(Self.serverAddress)/24", "brd", "+", "dev", "eth0")
    }

    /// A further wire between the two.
    func connect(_ name: String, serverMAC: MACAddress, clientMAC: MACAddress) throws {
        try Self.ip(
            "link", "add", name, "netns", server, "address", "\(serverMAC)", "type", "veth",
            "peer", "name", name, "netns", client, "address", "\(clientMAC)")
        try Self.ip("-n", server, "link", "set", name, "up")
        try Self.ip("-n", client, "link", "set", name, "up")
    }

    fileprivate func remove() {
        for namespace in [server, client] { try? Self.ip("netns", "del", namespace) }
    }

    /// From now on the server's kernel has no way to send by eth0 what it has made itself; frames of ours leave. It says
    /// the same (ENOBUFS) as when its table of neighbours is full, which a test must not bring about: all namespaces
    /// share that table. Datagrams of the kernel's have a time to live of 64, our frames one of 128.
    func refuseKernelsPackets() throws {
        let rules =
            "add table netdev full; "
            + "add chain netdev full out { type filter hook egress device eth0 priority 0; }; "
            + "add rule netdev full out ip ttl 64 drop"
        try Self.ip("netns", "exec", server, "nft", rules)
    }

    func onServer(_ arguments: String...) throws { try Self.ip(["-n", server] + arguments) }
    func onClient(_ arguments: String...) throws { try Self.ip(["-n", client] + arguments) }

    private static func ip(_ arguments: String...) throws { try ip(arguments) }

    private static func ip(_ arguments: [String]) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["ip"] + arguments
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LabFault(description: "ip \(arguments.joined(separator: " ")): \(text)")
        }
    }
}

func withLab(_ body: (NetworkLab) throws -> Void) throws {
    let lab = NetworkLab()
    defer { lab.remove() }
    try lab.build()
    try body(lab)
}

/// Runs `body` on a thread of its own inside the namespace, to its end. Sockets and threads made there stay there.
func inside<Value: Sendable>(_ namespace: String, _ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let result = Mutex<Result<Value, any Error>?>(nil)
    let box = Box(result: result)
    let thread = try PacketThread(name: "lab") {
        let made = Result {
            try enter(namespace); return try body()
        }
        box.result.withLock { $0 = made }
    }
    thread.join()
    guard let value = box.result.withLock({ $0 }) else { throw LabFault(description: "no result") }
    return try value.get()
}

private final class Box<Value: Sendable>: Sendable {
    let result: Mutex<Result<Value, any Error>?>
    init(result: consuming sending Mutex<Result<Value, any Error>?>) { self.result = result }
}

/// Moves the calling thread into the namespace. (`setns` is not in Swift's Glibc.)
func enter(_ namespace: String) throws {
    typealias SetNamespace = @convention(c) (Int32, Int32) -> Int32
    let networkNamespaces: Int32 = 0x4000_0000
    guard let symbol = dlsym(nil, "setns") else { throw LabFault(description: "no setns") }
    let setNamespace = unsafeBitCast(symbol, to: SetNamespace.self)
    let descriptor = Descriptor(open("/run/netns/\(namespace)", O_RDONLY | O_CLOEXEC))
    guard descriptor.number >= 0, setNamespace(descriptor.number, networkNamespaces) == 0 else {
        throw LabFault(description: "cannot enter \(namespace): \(errorText(errno))")
    }
}

/// A socket of somebody else in the lab.
struct ClosableSocket: Sendable {
    let descriptor: Int32

    /// A UDP socket that does not share its port.
    static func exclusiveUDP(port: UInt16) throws -> ClosableSocket {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let bound = withUnsafeBytes(of: &address) {
            bind(descriptor, $0.bindMemory(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        guard bound == 0 else { throw LabFault(description: "bind: \(errorText(errno))") }
        return ClosableSocket(descriptor: descriptor)
    }

    func shut() { close(descriptor) }
}
