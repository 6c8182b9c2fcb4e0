// SPDX-License-Identifier: Apache-2.0

/// An option's number. Known ones have names; any other number is carried all the same.
public struct DHCPOptionCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let pad = Self(rawValue: 0)
    public static let subnetMask = Self(rawValue: 1)
    public static let routers = Self(rawValue: 3)
    public static let domainNameServers = Self(rawValue: 6)
    public static let hostName = Self(rawValue: 12)
    public static let domainName = Self(rawValue: 15)
    public static let broadcastAddress = Self(rawValue: 28)
    public static let staticRoutes = Self(rawValue: 33)
    public static let vendorInformation = Self(rawValue: 43)
    public static let requestedAddress = Self(rawValue: 50)
    public static let leaseTime = Self(rawValue: 51)
    public static let overload = Self(rawValue: 52)
    public static let messageType = Self(rawValue: 53)
    public static let serverIdentifier = Self(rawValue: 54)
    public static let parameterRequestList = Self(rawValue: 55)
    public static let message = Self(rawValue: 56)
    public static let maximumMessageSize = Self(rawValue: 57)
    public static let renewalTime = Self(rawValue: 58)
    public static let rebindingTime = Self(rawValue: 59)
    public static let vendorClass = Self(rawValue: 60)
    public static let clientIdentifier = Self(rawValue: 61)
    public static let tftpServerName = Self(rawValue: 66)
    public static let bootFileName = Self(rawValue: 67)
    public static let userClass = Self(rawValue: 77)
    public static let fqdn = Self(rawValue: 81)
    public static let relayAgentInformation = Self(rawValue: 82)
    public static let clientArchitecture = Self(rawValue: 93)
    public static let clientNetworkInterface = Self(rawValue: 94)
    public static let clientUUID = Self(rawValue: 97)
    public static let subnetSelection = Self(rawValue: 118)
    public static let domainSearch = Self(rawValue: 119)
    public static let classlessRoutes = Self(rawValue: 121)
    public static let tftpServers = Self(rawValue: 150)
    public static let ipxeEncapsulated = Self(rawValue: 175)
    public static let microsoftClasslessRoutes = Self(rawValue: 249)
    public static let end = Self(rawValue: 255)
}
