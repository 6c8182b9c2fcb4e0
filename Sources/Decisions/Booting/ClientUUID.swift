// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Option 97, "Client Machine Identifier" (RFC 4578 2.3): a type octet, 0, and the 16 octets of the SMBIOS UUID.
public enum ClientUUID {
    /// Nil when the option is absent or malformed, or when the value names no single machine.
    public static func decode(_ value: ArraySlice<UInt8>?) -> MachineUUID? {
        guard let value, value.count == 17, value.first == 0 else { return nil }
        let uuid = MachineUUID(smbiosOrder: Array(value.dropFirst()))
        return isIdentity(uuid) ? uuid : nil
    }

    /// Whether a UUID can name a machine: not one of those that whole product lines carry.
    public static func isIdentity(_ uuid: MachineUUID) -> Bool { uuid.isIdentity && !vendorDefaults.contains(uuid) }

    /// Values that boards leave the factory with when nobody has set one (seen on many machines at once; American
    /// Megatrends' and Insyde's firmware templates).
    private static let vendorDefaults: Set<MachineUUID> = Set(
        [
            "03000200-0400-0500-0006-000700080009", "03020100-0504-0706-0809-0a0b0c0d0e0f",
            "00020003-0004-0005-0006-000700080009", "00010203-0405-0607-0809-0a0b0c0d0e0f",
            "12345678-1234-5678-90ab-cddeefaabbcc", "12345678-1234-1234-1234-123456789012",
            "fefefefe-fefe-fefe-fefe-fefefefefefe",
        ].compactMap { MachineUUID($0) })
}
