// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension Reservation {
    private static let keys = ["network", "address", "mac", "client-id", "uuid", "circuit", "hostname", "options"]
    private static let identityKeys = ["mac", "client-id", "uuid", "circuit"]
    private static let advice = [
        "ip": "did you mean 'address'?", "ip-address": "did you mean 'address'?", "name": "did you mean 'hostname'?",
        "hw-address": "did you mean 'mac'?", "macs": "did you mean 'mac'?",
        "subnet": "did you mean 'network'?",
    ]

    /// `network` and `address` are known where the reservation is named by its URL; its fields need not repeat them.
    init?(known: (network: String, address: IPv4Address)? = nil, _ reader: FieldReader) {
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return nil }
        let network =
            known != nil && fields["network"] == nil
            ? known?.network : fields.required("network") { $0.name() }
        let address =
            known != nil && fields["address"] == nil
            ? known?.address : fields.required("address") { $0.address() }
        let identity = Self.identity(reader, fields)
        var rest = Reservation(network: "", address: .any, identity: .clientIdentifier([]))
        fields.read("hostname", into: &rest.hostname) { $0.hostname() }
        fields.read("options", into: &rest.options) { $0.options() }
        guard let network, let address, let identity else { return nil }
        if let known, (network, address) != known {
            reader.fail("is \(network)/\(address), but was to be \(known.network)/\(known.address)")
            return nil
        }
        self.init(network: network, address: address, identity: identity)
        hostname = rest.hostname
        options = rest.options
    }

    private static func identity(_ reader: FieldReader, _ fields: FieldReader.Fields) -> ClientIdentity? {
        let given = identityKeys.compactMap { key in fields[key].map { (key: key, reader: $0) } }
        guard let first = given.first else {
            reader.fail("does not say whom it is for", hint: "give one of \(spokenList(identityKeys))")
            return nil
        }
        guard given.count == 1 else {
            reader.fail("has \(spokenList(given.map(\.key), last: "and")); give only one of them")
            return nil
        }
        switch first.key {
        case "mac": return first.reader.mac().map(ClientIdentity.mac)
        case "client-id": return first.reader.octets(max: Limits.identityBytesMax).map(ClientIdentity.clientIdentifier)
        case "uuid": return first.reader.uuid().map(ClientIdentity.uuid)
        default: return first.reader.opaque(max: Limits.identityBytesMax).map(ClientIdentity.circuit)
        }
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("network", network)
        map.write("address", address)
        switch identity {
        case .mac(let mac): map.write("mac", mac)
        case .clientIdentifier(let bytes): map.write("client-id", bytes.map { hexText([$0]) }.joined(separator: ":"))
        case .uuid(let uuid): map.write("uuid", uuid)
        case .circuit(let bytes): map.write("circuit", Self.circuitText(bytes))
        }
        map.write("hostname", text: hostname)
        map.write("options", map: FieldMap(options: options))
        return .map(map)
    }

    /// As text where it is printable and does not look like hex.
    private static func circuitText(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let isPlain = bytes.allSatisfy { (0x20...0x7e).contains($0) } && !text.hasPrefix("hex:")
        return isPlain ? text : "hex:\(hexText(bytes))"
    }
}
