// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Wire

/// Who asks for what.
public struct TFTPReadRequest: Hashable, Sendable {
    /// A clean name (`TFTPName`): segments joined by "/", none of them "." or "..".
    public var name: String
    public var client: IPv4Address
    public var clientPort: UInt16
    /// The address of ours that was asked.
    public var local: IPv4Address

    public init(name: String, client: IPv4Address, clientPort: UInt16, local: IPv4Address) {
        self.name = name
        self.client = client
        self.clientPort = clientPort
        self.local = local
    }
}

/// What a name stands for, for this client. Reasons are sentences for the log and the client's screen.
public enum TFTPContent: Sendable {
    case file(OpenFile)
    case bytes([UInt8])
    /// It is on its way here. Nothing is said: the client asks again, as for a packet that was lost, and is asked about
    /// anew.
    case later
    /// ERROR 1. Loaders try many names, so this is nothing to worry about.
    case missing(reason: String)
    /// ERROR 2.
    case refused(reason: String)
}

/// What became of a request: for the timeline and the log.
public struct TFTPReport: Hashable, Sendable {
    public enum Event: Hashable, Sendable {
        /// The client has acknowledged the first packet: a transfer is under way.
        case started(contentBytes: Int, options: [TFTPOption])
        /// The client asked for the size and went away, as UEFI firmware does before it reads. Not a failure.
        case sizeProbe(contentBytes: Int)
        case finished(bytes: Int, durationMilliseconds: Int, retransmits: Int)
        case failed(reason: String, bytes: Int, retransmits: Int)
        /// The client never answered our first packet: the way back is blocked, or the request was forged.
        case unanswered
        case missing(reason: String)
        case refused(reason: String)
    }

    /// The name in it is as sent (made printable) when it could not be cleaned.
    public var request: TFTPReadRequest
    public var event: Event

    public init(request: TFTPReadRequest, event: Event) {
        self.request = request
        self.event = event
    }
}
