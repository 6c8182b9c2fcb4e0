// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What has come of looking at the token in a path.
public enum BootTokenVerdict: Hashable, Sendable {
    /// There was none.
    case none
    /// Made by this cluster for this machine, its present intent and this use; `minute` counts from 1970.
    case valid(minute: Int64)
    case expired
    /// Another machine's, for another intent or use, or made up.
    case wrong
}

/// Whether a request for something of a machine's is the machine's own (rules/boot 9): it shows a token, or it comes
/// from the address that DHCP gave the machine.
public struct BootAccess: Hashable, Sendable {
    public enum Purpose: Hashable, Sendable {
        case script
        case answer
        /// Progress, and that it is done.
        case report
    }

    public enum Refusal: Hashable, Sendable, CustomStringConvertible {
        case noToken
        case expired
        case wrongToken
        /// The machine has reported since that it is done.
        case burnt

        public var description: String {
            switch self {
            case .noToken: "the request has no token and does not come from the machine's address"
            case .expired: "the token has expired, and the request does not come from the machine's address"
            case .wrongToken:
                "the token is not this machine's or not for its present intent, and the request does not come from "
                    + "the machine's address"
            case .burnt: "the machine has reported that it is done, and its token is burnt"
            }
        }
    }

    public var token: BootTokenVerdict
    /// By its reservation or lease.
    public var isFromMachinesAddress: Bool
    /// No object names the machine, and the network that the request comes from takes such machines in: whoever is
    /// there may have as much under any MAC address.
    public var isAnybodys: Bool
    /// The minute before which tokens are burnt; 0: none is.
    public var burntBefore: Int64

    public init(
        token: BootTokenVerdict, isFromMachinesAddress: Bool, isAnybodys: Bool = false, burntBefore: Int64 = 0
    ) {
        self.token = token
        self.isFromMachinesAddress = isFromMachinesAddress
        self.isAnybodys = isAnybodys
        self.burntBefore = burntBefore
    }

    /// Nil: it may have it.
    public func refusal(_ purpose: Purpose) -> Refusal? {
        if provenMinute != nil || isFromMachinesAddress { return nil }
        switch token {
        case .valid: return .burnt
        case .none: return purpose == .script && isAnybodys ? nil : .noToken
        case .expired: return purpose == .script && isAnybodys ? nil : .expired
        case .wrong: return purpose == .script && isAnybodys ? nil : .wrongToken
        }
    }

    /// When the token that proves the machine was made; nil when it is not a token that does.
    public var provenMinute: Int64? {
        if case .valid(let minute) = token, minute >= burntBefore { minute } else { nil }
    }
}
