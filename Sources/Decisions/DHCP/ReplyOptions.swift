// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Which options a reply carries, and in which order (RFC 2131 4.3.1 and table 3).
enum ReplyOptions {
    /// What the server decides itself; the rest is the operator's.
    struct Terms {
        var serverIdentifier: IPv4Address
        /// Nil in a reply that grants no lease (INFORM, BOOTP).
        var leaseSeconds: UInt32?
    }

    /// Adds to `reply`: the server's own options first, then the operator's in the order in which the client asked
    /// for them. A client that sent no list gets all.
    static func fill(
        _ reply: inout DHCPReply, for request: DHCPRequest, client: Client?, link: Link, terms: Terms
    ) {
        reply.options.append(.serverIdentifier, terms.serverIdentifier)
        if let seconds = terms.leaseSeconds { appendLease(seconds, to: &reply.options) }
        let subnetIndex =
            link.compiled.subnetIndex(containing: reply.yourAddress)
            ?? link.compiled.subnetIndex(containing: request.clientAddress) ?? link.subnetIndex
        if let subnetIndex {
            let mask = link.network.subnets[subnetIndex].subnet.mask
            reply.options.append(.subnetMask, mask)
        }
        let settings = settings(client: client, link: link, subnetIndex: subnetIndex)
        appendConfigured(settings, to: &reply.options, request: request, client: client)
        echoIdentity(&reply, request: request, network: link.network)
    }

    /// T1 and T2 are sent with their default fractions (RFC 2131 4.4.5), so that no client has to guess them.
    private static func appendLease(_ seconds: UInt32, to options: inout DHCPOptions) {
        options.append(.leaseTime, uint32: seconds)
        guard seconds != .max else { return }
        options.append(.renewalTime, uint32: seconds / 2)
        options.append(.rebindingTime, uint32: UInt32(UInt64(seconds) * 7 / 8))
    }

    private static func settings(client: Client?, link: Link, subnetIndex: Int?) -> [OptionSetting] {
        let base = subnetIndex.map { link.compiled.optionsBySubnet[$0] } ?? link.network.options
        guard let own = client?.reservation?.options, !own.isEmpty else { return base }
        return CompiledNetwork.merged([own, base])
    }

    private static func appendConfigured(
        _ settings: [OptionSetting], to options: inout DHCPOptions, request: DHCPRequest, client: Client?
    ) {
        let hostname = client?.hostname ?? ""
        let list = request.options[.parameterRequestList]
        guard let list else {
            for setting in settings { append(setting, to: &options) }
            if !hostname.isEmpty, !options.contains(.hostName) { options.append(.hostName, hostname.utf8) }
            return
        }
        // RFC 3442: a client that takes 121 must not be sent 3 and 33 with it: it would ignore them, and one that
        // did not would have two default routes.
        let hasClassless =
            list.contains(DHCPOptionCode.classlessRoutes.rawValue)
            && settings.contains { $0.code == DHCPOptionCode.classlessRoutes.rawValue }
        for code in list {
            if hasClassless, code == DHCPOptionCode.routers.rawValue || code == DHCPOptionCode.staticRoutes.rawValue {
                continue
            }
            if let setting = settings.first(where: { $0.code == code }) {
                append(setting, to: &options)
            } else if code == DHCPOptionCode.hostName.rawValue, !hostname.isEmpty, !options.contains(.hostName) {
                options.append(.hostName, hostname.utf8)
            } else if code == DHCPOptionCode.microsoftClasslessRoutes.rawValue,
                let routes = settings.first(where: { $0.code == DHCPOptionCode.classlessRoutes.rawValue })
            {
                append(OptionSetting(code: code, value: routes.value), to: &options)
            }
        }
    }

    private static func append(_ setting: OptionSetting, to options: inout DHCPOptions) {
        let code = DHCPOptionCode(rawValue: setting.code)
        guard !options.contains(code) else { return }
        options.append(code, setting.value)
    }

    /// RFC 6842 (echo option 61) and RFC 3011 (echo option 118 exactly).
    static func echoIdentity(_ reply: inout DHCPReply, request: DHCPRequest, network: Network) {
        if let identifier = request.clientIdentifier, !network.allows(.noClientIdentifierEcho) {
            reply.options.append(.clientIdentifier, identifier)
        }
        if network.allows(.subnetSelection), let selection = request.options[.subnetSelection] {
            reply.options.append(.subnetSelection, selection)
        }
    }
}
