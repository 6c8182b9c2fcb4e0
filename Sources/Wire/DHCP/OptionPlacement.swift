// SPDX-License-Identifier: Apache-2.0

/// Which field of a reply each option goes to, within the size that the client takes.
///
/// Everything goes to the options field when it fits, which is nearly always. Otherwise each option, in order, goes
/// to the first of options, file and sname that has room for all of it (RFC 2131 4.1); file and sname only when they
/// carry no name, and not for BOOTP clients, who know no option 52. What finds no room is dropped, so the order of
/// the options is their priority. Room for option 82 is set aside before any other (RFC 3046 2.1).
struct OptionPlacement {
    enum Field: UInt8 {
        case main, file, serverName, none
    }

    /// One field for each option; nil when all go to `main`.
    private(set) var fields: [Field]?
    private(set) var dropped: [DHCPOptionCode] = []
    /// The value of option 52; zero when it is not sent.
    private(set) var overload: UInt8 = 0
    private(set) var sendsRelayAgentInformation: Bool
    private(set) var sendsServerName: Bool
    private(set) var sendsBootFile: Bool

    init(_ reply: DHCPReply) {
        sendsRelayAgentInformation = reply.relayAgentInformation != nil
        sendsServerName = !reply.serverName.isEmpty
        sendsBootFile = !reply.bootFile.isEmpty
        // A cut name is a wrong name, so one that is too long is not sent at all.
        if reply.serverName.count >= DHCPLayout.serverName.width {
            sendsServerName = false
            dropped.append(.tftpServerName)
        }
        if reply.bootFile.count >= DHCPLayout.bootFile.width {
            sendsBootFile = false
            dropped.append(.bootFileName)
        }
        // What every reply has: the cookie, option 53 and End.
        let typeBytes = reply.messageType == nil ? 0 : 3
        var room = Self.messageBytesMax(reply) - DHCPLayout.optionsOffset - typeBytes - 1
        if let information = reply.relayAgentInformation {
            let size = Self.wireBytes(information.count)
            if size <= room {
                room -= size
            } else {
                sendsRelayAgentInformation = false
                dropped.append(.relayAgentInformation)
            }
        }
        if Self.wireBytes(reply.options) > room {
            place(reply.options, room: room, canOverload: reply.messageType != nil)
        }
    }

    private mutating func place(_ options: DHCPOptions, room: Int, canOverload: Bool) {
        // Option 52 itself takes three octets of the options field, and End one of each other field.
        let canOverload = canOverload && room >= 3 && !(sendsBootFile && sendsServerName)
        var room = (
            main: room - (canOverload ? 3 : 0),
            file: canOverload && !sendsBootFile ? DHCPLayout.bootFile.width - 1 : 0,
            serverName: canOverload && !sendsServerName ? DHCPLayout.serverName.width - 1 : 0
        )
        var fields: [Field] = []
        for (code, value) in options {
            let size = Self.wireBytes(value.count)
            if !code.standsInOptions {
                fields.append(.none)
            } else if size <= room.main {
                room.main -= size
                fields.append(.main)
            } else if size <= room.file {
                room.file -= size
                overload |= DHCPLayout.overloadFile
                fields.append(.file)
            } else if size <= room.serverName {
                room.serverName -= size
                overload |= DHCPLayout.overloadServerName
                fields.append(.serverName)
            } else {
                fields.append(.none)
                dropped.append(code)
            }
        }
        self.fields = fields
    }

    /// The UDP payload that the client takes.
    private static func messageBytesMax(_ reply: DHCPReply) -> Int {
        let size = min(max(reply.messageSizeMax, DHCPLayout.messageSizeMin), DHCPLayout.messageSizeMax)
        return size - DHCPLayout.headersIPAndUDPBytes
    }

    private static func wireBytes(_ options: DHCPOptions) -> Int {
        var total = 0
        for (code, value) in options where code.standsInOptions { total += wireBytes(value.count) }
        return total
    }

    /// What a value of `count` octets takes with its headers: one for each 255 octets begun (RFC 3396).
    private static func wireBytes(_ count: Int) -> Int {
        count <= DHCPLayout.fragmentBytesMax
            ? count + 2 : count + 2 * ((count + DHCPLayout.fragmentBytesMax - 1) / DHCPLayout.fragmentBytesMax)
    }
}

extension DHCPOptionCode {
    /// False for what the encoder writes by itself, or what is no option at all.
    var standsInOptions: Bool {
        switch self {
        case .pad, .overload, .messageType, .relayAgentInformation, .end: false
        default: true
        }
    }
}
