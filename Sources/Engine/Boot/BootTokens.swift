// SPDX-License-Identifier: Apache-2.0

import Addresses
import Crypto
import Decisions
import Model

/// Makes and checks the tokens in boot URLs. Nothing is stored: a token is the minute in which it was made and a keyed
/// hash of that, the machine, its intent and the token's use. Every node of a cluster makes the same one in the same
/// minute, and takes each other's.
public struct BootTokens: Sendable {
    public enum Use: UInt8, Sendable, CaseIterable {
        /// In DHCP answers and scripts: for the machine's script.
        case boot = 1
        /// In scripts and answer files: for answer files and reports.
        case stage = 2

        var minutes: Int64 { self == .boot ? Limits.bootTokenMinutes : Limits.stageTokenMinutes }
    }

    private let key: SymmetricKey

    /// `secret`: the cluster's. A key of its own is derived from it.
    public init(secret: [UInt8]) {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("ondeck boot tokens, version 1".utf8), using: SymmetricKey(data: secret))
        key = SymmetricKey(data: Array(code))
    }

    /// `intent`: `BootGate.tokenIntent`.
    public func mint(_ use: Use, mac: MACAddress, intent: String, now: Instant) -> String {
        text(use, mac, intent, minute: ServedAnswers.minute(now))
    }

    public func verdict(
        on token: String?, use: Use, mac: MACAddress, intent: String, now: Instant
    ) -> BootTokenVerdict {
        guard let token else { return .none }
        guard let first = Self.firstBits(token) else { return .wrong }
        let present = ServedAnswers.minute(now)
        // The latest minute that ends so; one ahead, for the other node's clock may be.
        let latest = present + 1
        let minute = latest - (latest - first) & (Self.minutesMax - 1)
        // All of both is compared, however early they differ.
        let difference = zip(token.utf8, text(use, mac, intent, minute: minute).utf8).reduce(0) { $0 | ($1.0 ^ $1.1) }
        guard difference == 0 else { return .wrong }
        return present - minute > use.minutes ? .expired : .valid(minute: minute)
    }

    // MARK: Twelve bits of the minute, 63 bits of the hash

    private static let minutesMax: Int64 = 1 << 12
    private static let hashBits = 63

    private func text(_ use: Use, _ mac: MACAddress, _ intent: String, minute: Int64) -> String {
        var message: [UInt8] = [use.rawValue] + mac.bytes
        withUnsafeBytes(of: minute.bigEndian) { message += $0 }
        message += intent.utf8
        var hash: UInt64 = 0
        for byte in HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(8) {
            hash = hash << 8 | UInt64(byte)
        }
        let bits = UInt128(UInt64(minute & (Self.minutesMax - 1))) << UInt128(Self.hashBits) | UInt128(hash >> 1)
        let characters = (0..<Limits.bootTokenCharacters).reversed().map { place in
            BootTokenText.alphabet[Int(truncatingIfNeeded: bits >> UInt128(5 * place)) & 31]
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// The twelve bits; nil when the text cannot be a token.
    private static func firstBits(_ token: String) -> Int64? {
        guard token.utf8.count == Limits.bootTokenCharacters else { return nil }
        let values = token.utf8.prefix(3).compactMap { BootTokenText.alphabet.firstIndex(of: $0) }
        guard values.count == 3 else { return nil }
        return Int64(values[0] << 10 | values[1] << 5 | values[2]) >> 3
    }
}
