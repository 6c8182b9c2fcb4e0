// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc

extension ServerConfiguration {
    /// Where the other nodes reach this one: as configured, or the address that this machine's packets to the store
    /// have. Nothing is sent, but names are looked up, which may take seconds. Nil where there is no route.
    public func peerAddress() -> IPv4Address? {
        if let address = cluster.peer.address { return address }
        if !cluster.peer.listen.isAny { return cluster.peer.listen }
        for endpoint in store.endpoints {
            if let address = Self.sourceAddress(towards: endpoint) { return address }
        }
        return nil
    }

    /// Connecting a UDP socket asks the kernel for the route, and no more.
    private static func sourceAddress(towards endpoint: Endpoint) -> IPv4Address? {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(endpoint.host, "\(endpoint.port)", &hints, &found) == 0, let found else { return nil }
        defer { freeaddrinfo(found) }
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard connect(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else { return nil }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard code == 0, address.sin_addr.s_addr != 0 else { return nil }
        return IPv4Address(bits: UInt32(bigEndian: address.sin_addr.s_addr))
    }
}
