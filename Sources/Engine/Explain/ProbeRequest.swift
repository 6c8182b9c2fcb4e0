// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import Wire

/// The packet that a client of a given kind would send: what `explain` asks the decision about. The option values are
/// those that real firmware sends (OVMF 2022.11, Debian 12's iPXE ROM).
struct ProbeRequest {
    /// What `--arch` takes, and what such a client says in options 60, 93 and 77.
    static let kinds: [(name: String, vendorClass: String, architecture: UInt16, isIPXE: Bool)] = [
        ("bios", "PXEClient:Arch:00000:UNDI:002001", 0, false),
        ("x86-uefi", "PXEClient:Arch:00006:UNDI:003000", 6, false),
        ("x64-uefi", "PXEClient:Arch:00007:UNDI:003000", 7, false),
        ("arm32-uefi", "PXEClient:Arch:00010:UNDI:003000", 10, false),
        ("arm64-uefi", "PXEClient:Arch:00011:UNDI:003000", 11, false),
        ("riscv64-uefi", "PXEClient:Arch:00027:UNDI:003000", 27, false),
        ("loongarch64-uefi", "PXEClient:Arch:00039:UNDI:003000", 39, false),
        ("x86-http", "HTTPClient:Arch:00015:UNDI:003000", 15, false),
        ("x64-http", "HTTPClient:Arch:00016:UNDI:003000", 16, false),
        ("arm64-http", "HTTPClient:Arch:00019:UNDI:003000", 19, false),
        ("ipxe", "PXEClient:Arch:00000:UNDI:002001", 0, true),
        ("ipxe-uefi", "PXEClient:Arch:00007:UNDI:003016", 7, true),
    ]

    private static let bootList: [UInt8] = [1, 3, 6, 12, 15, 28, 43, 54, 60, 66, 67, 97, 119, 121]
    private static let plainList: [UInt8] = [1, 3, 6, 12, 15, 28, 42, 119, 121]
    /// iPXE's features with HTTP among them, as Debian's ROM lists them.
    private static let ipxeFeatures: [UInt8] = [0x13, 1, 1, 0x12, 1, 1, 0x17, 1, 1]

    private var errors: [FieldError] = []
    private let ask: ExplainRequest

    /// The packet, or what is wrong with the question.
    static func make(_ ask: ExplainRequest) throws(Problem) -> DHCPRequest {
        var probe = ProbeRequest(ask: ask)
        let request = probe.request()
        guard probe.errors.isEmpty, let request else { throw .invalid(probe.errors) }
        return request
    }

    private init(ask: ExplainRequest) { self.ask = ask }

    private mutating func request() -> DHCPRequest? {
        guard let mac = read("mac", ask.mac, "a MAC address such as 52:54:00:12:34:56", { MACAddress($0) }) else {
            return nil
        }
        var request = DHCPRequest(hardware: ClientHardware(mac: mac))
        request.transactionID = 0x0dec_0de0
        request.relayAddress = read("relay", ask.relay, "an address such as 10.9.0.1", { IPv4Address($0) }) ?? .any
        addMessage(&request)
        addIdentity(&request)
        addFirmware(&request)
        return request
    }

    /// Nil for an absent field; a bad one is noted.
    private mutating func read<Value>(
        _ field: String, _ text: String?, _ expected: String, _ parse: (String) -> Value?
    ) -> Value? {
        guard let text else { return nil }
        if let value = parse(text) { return value }
        errors.append(FieldError(field: field, message: "expected \(expected), got \"\(text)\""))
        return nil
    }

    private mutating func addMessage(_ request: inout DHCPRequest) {
        let wish = read("requested", ask.requested, "an address such as 10.1.0.20", { IPv4Address($0) })
        switch ask.message ?? "discover" {
        case "discover":
            request.messageType = .discover
            if let wish { request.options.append(.requestedAddress, wish) }
        case "request":
            request.messageType = .request
            if let wish { request.options.append(.requestedAddress, wish) }
        case "inform":
            request.messageType = .inform
            request.clientAddress = wish ?? .any
        case let other:
            errors.append(
                FieldError(field: "message", message: "expected discover, request or inform, got \"\(other)\""))
        }
    }

    private mutating func addIdentity(_ request: inout DHCPRequest) {
        if let bytes = read("clientID", ask.clientID, "hex digits", { hexBytes($0) }) {
            request.options.append(.clientIdentifier, bytes)
        }
        if let uuid = read("uuid", ask.uuid, "a UUID", { MachineUUID($0) }) {
            request.options.append(.clientUUID, [0] + uuid.smbiosOrder)
        }
        let circuit = read("circuit", ask.circuit, "text, or hex: and hex digits") { text in
            text.hasPrefix("hex:") ? hexBytes(text.dropFirst(4)) : Array(text.utf8)
        }
        guard let circuit else { return }
        request.options.append(.relayAgentInformation, [1, UInt8(clamping: circuit.count)] + circuit.prefix(255))
    }

    private mutating func addFirmware(_ request: inout DHCPRequest) {
        guard let name = ask.architecture else {
            request.options.append(.parameterRequestList, Self.plainList)
            return
        }
        guard let kind = Self.kinds.first(where: { $0.name == name }) else {
            let names = Self.kinds.map(\.name).joined(separator: ", ")
            errors.append(
                FieldError(field: "architecture", message: "\"\(name)\" is not known", hint: "one of \(names)"))
            return
        }
        request.options.append(.parameterRequestList, Self.bootList)
        request.options.append(.vendorClass, kind.vendorClass.utf8)
        request.options.append(
            .clientArchitecture,
            [UInt8(truncatingIfNeeded: kind.architecture >> 8), UInt8(truncatingIfNeeded: kind.architecture)])
        guard kind.isIPXE else { return }
        request.options.append(.userClass, "iPXE".utf8)
        request.options.append(.ipxeEncapsulated, Self.ipxeFeatures)
    }
}
