// SPDX-License-Identifier: Apache-2.0

import Addresses
import Wire

/// The four states in which a client sends a REQUEST, told apart strictly by fields (RFC 2131 4.3.2, table 4).
enum RequestState: Hashable, Sendable {
    case selecting(server: IPv4Address, address: IPv4Address)
    case initReboot(address: IPv4Address)
    case renewing(address: IPv4Address)
    case rebinding(address: IPv4Address)
    /// Neither an address nor a server: no state of the RFC.
    case bare

    /// Some loaders and BMCs send fields that do not belong together; the server identifier decides first, because
    /// it alone says that an offer was chosen. With option 50 and ciaddr both, ciaddr wins: the client uses it.
    init(_ request: DHCPRequest, isUnicast: Bool) {
        let requested = request.requestedAddress.flatMap { $0.isAny ? nil : $0 }
        let current = request.clientAddress.isAny ? nil : request.clientAddress
        if let server = request.serverIdentifier, let address = requested ?? current {
            self = .selecting(server: server, address: address)
        } else if let current {
            self =
                isUnicast && request.relayAddress.isAny
                ? .renewing(address: current) : .rebinding(address: current)
        } else if let requested {
            self = .initReboot(address: requested)
        } else {
            self = .bare
        }
    }

    var name: String {
        switch self {
        case .selecting: "SELECTING"
        case .initReboot: "INIT-REBOOT"
        case .renewing: "RENEWING"
        case .rebinding: "REBINDING"
        case .bare: "none"
        }
    }
}
