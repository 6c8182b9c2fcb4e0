// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Wire

/// Which transfer a packet on the one port belongs to.
struct TFTPSessionKey: Hashable {
    var client: IPv4Address
    var clientPort: UInt16
    var local: IPv4Address
}

/// The octets being read.
enum TFTPSource {
    case file(OpenFile)
    case bytes([UInt8])

    var count: Int {
        switch self {
        case .file(let file): file.size
        case .bytes(let bytes): bytes.count
        }
    }
}

/// By which socket a client is answered.
struct TFTPRoute {
    var descriptor: Int32
    /// The socket is the transfer's own and connected to the client.
    var isConnected: Bool
    var key: TFTPSessionKey
}

/// One transfer on its worker's thread: the machine that decides, and what it decides about.
final class TFTPSession {
    let route: TFTPRoute
    let request: TFTPReadRequest
    /// As sent: the same octets from the same port are the same wish.
    let asked: TFTPRequest
    /// Given up with the transfer's end, however long the session is still mentioned somewhere.
    private(set) var source: TFTPSource
    lazy var readAhead = TFTPReadAhead()
    let terms: TFTPNegotiation
    let startedAt: Int64
    var transfer: TFTPTransfer
    /// The kernel cuts windows into packets, until it says that it cannot on this path.
    var segmentation = true
    /// When the worker's heap will look at this session; later than it must only until the next ACK.
    var wakesAt: Int64 = .max
    private(set) var isOver = false

    init(
        route: TFTPRoute, request: TFTPReadRequest, asked: TFTPRequest, source: TFTPSource, terms: TFTPNegotiation,
        now: Int64
    ) {
        self.route = route
        self.request = request
        self.asked = asked
        self.source = source
        self.terms = terms
        startedAt = now
        transfer = TFTPTransfer(contentBytes: source.count, terms: terms)
    }

    func end() {
        transfer.abandon()
        isOver = true
        source = .bytes([])
    }
}
