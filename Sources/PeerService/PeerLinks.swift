// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Model

/// The sending side: a connected socket for each peer. A value that the server keeps under its lock; nothing here
/// waits.
struct PeerLinks {
    private struct Link {
        let peer: PeerServer.Peer
        /// Its number in the poll; never used again for another socket.
        var id: UInt64
        /// Nil: there was no way to the peer when it was last tried.
        var socket: Descriptor?
        /// A heartbeat has left since the last refusal was reported.
        var isWaiting = false
    }

    /// What came of one heartbeat.
    struct Sent {
        var sent = 0
        var unsent = 0
        var refused: [String] = []
    }

    private let local: IPv4Address
    private let poll: PeerPoll
    private var wanted: [PeerServer.Peer] = []
    private var links: [Link] = []
    private var nextID = PeerPoll.firstLink

    /// Sends from an ephemeral port of `local`.
    init(local: IPv4Address, poll: PeerPoll) {
        self.local = local
        self.poll = poll
    }

    /// Replaces the peers; those that stay keep their sockets. Returns how many are too many to be kept.
    mutating func set(_ peers: [PeerServer.Peer]) -> Int {
        guard peers != wanted else { return 0 }
        wanted = peers
        var before = Dictionary(links.map { ($0.peer, $0) }, uniquingKeysWith: { first, _ in first })
        var seen: Set<PeerServer.Peer> = []
        // A beat without an address says 0.0.0.0, which would lead to ourselves.
        let usable = peers.filter { !$0.address.isAny && $0.port != 0 && seen.insert($0).inserted }
        links = usable.prefix(Limits.nodesMax).map { peer in
            if let link = before.removeValue(forKey: peer) { return link }
            return Link(peer: peer, id: 0, socket: nil)
        }
        return usable.count - links.count
    }

    mutating func removeAll() {
        wanted = []
        links = []
    }

    mutating func send(_ bytes: [UInt8]) -> Sent {
        var outcome = Sent()
        for index in links.indices {
            if links[index].socket == nil { open(index) }
            var error = send(bytes, to: index)
            if error == ECONNREFUSED {
                // That was about an earlier heartbeat; this one has not left yet.
                if let node = refused(index) { outcome.refused.append(node) }
                error = send(bytes, to: index)
            }
            if error == 0 {
                links[index].isWaiting = true
                outcome.sent += 1
            } else {
                outcome.unsent += 1
                // The route or our own address may be another by now; a new socket finds out.
                if error != EAGAIN, error != ENOBUFS, error != ECONNREFUSED { links[index].socket = nil }
            }
        }
        return outcome
    }

    private func send(_ bytes: [UInt8], to index: Int) -> Int32 {
        guard let socket = links[index].socket else { return ENOTCONN }
        return bytes.withUnsafeBufferPointer { -cl_peer_send(socket.number, $0.baseAddress, $0.count) }
    }

    private mutating func open(_ index: Int) {
        let peer = links[index].peer
        do throws(SocketFault) {
            let socket = try SocketFault.check(cl_peer_connect(local.bits, peer.address.bits, peer.port))
            links[index].id = nextID
            nextID += 1
            try poll.add(socket, links[index].id, reads: false)
            links[index].socket = socket
        } catch {
            // Tried again with the next heartbeat, which counts as unsent until then.
            links[index].socket = nil
        }
    }

    /// The poll says that an error came back on a socket. The node's name if its process is gone. "Host unreachable"
    /// and the like say nothing about the process, and the silence that follows is noticed elsewhere.
    mutating func errorCame(_ id: UInt64) -> String? {
        guard let index = links.firstIndex(where: { $0.id == id }), let socket = links[index].socket,
            cl_peer_take_error(socket.number) == ECONNREFUSED
        else { return nil }
        return refused(index)
    }

    /// Once a heartbeat.
    private mutating func refused(_ index: Int) -> String? {
        guard links[index].isWaiting else { return nil }
        links[index].isWaiting = false
        return links[index].peer.node
    }
}
