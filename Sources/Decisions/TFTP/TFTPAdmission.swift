// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Which requests are answered at all. The sender's address in a request may be forged, so what one address can draw
/// from us is bounded: in requests a second and in transfers at one time. Times are microseconds of any steady clock.
public struct TFTPAdmission: Sendable {
    public enum Verdict: Hashable, Sendable {
        case admitted
        case tooManyTransfers
        case tooManyTransfersOfClient
        case tooManyRequestsOfClient
        case tooManyClients
    }

    private struct Client {
        var transfers = 0
        /// Requests it may still make, in millionths: a microsecond earns `tftpRequestsPerClientPerSecond` of them.
        var allowance = TFTPAdmission.allowanceFull
        var refilledAt: Int64

        mutating func refill(now: Int64) {
            // No more than what fills it, so that the product is small whatever the clock says.
            let elapsed = min(max(now - refilledAt, 0), TFTPAdmission.refillMicrosecondsMax)
            let earned = elapsed * Int64(Limits.tftpRequestsPerClientPerSecond)
            allowance = min(allowance + earned, TFTPAdmission.allowanceFull)
            refilledAt = now
        }
    }

    private static let request: Int64 = 1_000_000
    private static let allowanceFull = Int64(Limits.tftpRequestBurstPerClient) * request
    private static let refillMicrosecondsMax = allowanceFull / Int64(Limits.tftpRequestsPerClientPerSecond) + 1

    private var clients: [IPv4Address: Client] = [:]
    /// Transfers of all clients.
    public private(set) var transfers = 0

    public init() {}

    /// A request came. Counts it, answered or not.
    public mutating func requested(by address: IPv4Address, now: Int64) -> Verdict {
        var client = clients[address] ?? Client(refilledAt: now)
        client.refill(now: now)
        if clients[address] == nil, !makeRoom(now) { return .tooManyClients }
        defer { clients[address] = client }
        guard client.allowance >= Self.request else { return .tooManyRequestsOfClient }
        client.allowance -= Self.request
        guard transfers < Limits.tftpTransfersMax else { return .tooManyTransfers }
        guard client.transfers < Limits.tftpTransfersPerClientMax else { return .tooManyTransfersOfClient }
        return .admitted
    }

    /// An admitted request has become a transfer.
    public mutating func began(by address: IPv4Address) {
        transfers += 1
        clients[address]?.transfers += 1
    }

    /// A transfer that `began` is over.
    public mutating func ended(by address: IPv4Address) {
        transfers -= 1
        clients[address]?.transfers -= 1
    }

    /// Forgets clients that are as good as new when there are too many to remember.
    private mutating func makeRoom(_ now: Int64) -> Bool {
        guard clients.count >= Limits.tftpClientsMax else { return true }
        clients = clients.filter { _, client in
            var client = client
            client.refill(now: now)
            return client.transfers > 0 || client.allowance < Self.allowanceFull
        }
        return clients.count < Limits.tftpClientsMax
    }
}
