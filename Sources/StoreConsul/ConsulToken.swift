// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model
import Ports
import Synchronization

/// The ACL token's secret. It leaves this type only for the request's header.
final class ConsulToken: Sendable {
    private let file: String?
    private let secret: Mutex<String?>

    init(_ settings: ConsulSettings) throws(StoreError) {
        guard settings.token == nil || settings.tokenFile == nil else {
            throw .unavailable("consul token: set the token or the token file, not both")
        }
        file = settings.tokenFile
        if let token = settings.token {
            guard Self.isToken(token) else {
                throw .unavailable("consul token: is empty, or holds characters that no token has")
            }
            secret = Mutex(token)
        } else {
            secret = Mutex(try settings.tokenFile.map { path throws(StoreError) in try Self.read(path) })
        }
    }

    var value: String? { secret.withLock { $0 } }

    /// After a refusal: an operator may have put a new one there.
    func refresh() {
        guard let file, let fresh = try? Self.read(file) else { return }
        secret.withLock { $0 = fresh }
    }

    /// `text` without the secret, whoever put it there.
    func redacted(_ text: String) -> String {
        guard let value, !value.isEmpty else { return text }
        return text.replacingOccurrences(of: value, with: "(token)")
    }

    private static func read(_ path: String) throws(StoreError) -> String {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw .unavailable("consul token file: \(path) cannot be read")
        }
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard isToken(text) else { throw .unavailable("consul token file: \(path) does not hold a token") }
        return text
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= Limits.tokenBytesMax
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
}
