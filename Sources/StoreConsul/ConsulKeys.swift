// SPDX-License-Identifier: Apache-2.0

/// Where things are in Consul's key/value store, below OnDeck's prefix:
///
///     record/<key>             a record of the port; its revision is its ModifyIndex
///     head/<run>               a writer's last batch: sequence, slots of its feed, node
///     feed/<run>/<slot>        what the batch of one sequence wrote; slots are used in a ring
///     store                    a token drawn once, by which this store is known
struct ConsulKeys: Sendable {
    let prefix: String

    var records: String { prefix + "record/" }
    var heads: String { prefix + "head/" }
    var identity: String { prefix + "store" }
    /// Never written. Asking whether it exists needs the right to write, so that a token without rights is refused,
    /// where Consul otherwise leaves out what it may not see and the store would look empty.
    var permission: String { prefix + "permission" }

    func record(_ key: String) -> String { records + key }
    func head(_ run: String) -> String { heads + run }
    func feed(_ run: String) -> String { prefix + "feed/" + run + "/" }
    /// Of one length, so that none is the beginning of another.
    func slot(_ run: String, _ sequence: Int64, of slots: Int64) -> String {
        let digits = String(sequence % slots, radix: 16)
        return feed(run) + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }
}

extension String {
    /// The rest after `prefix`, byte for byte; nil when it does not begin so. (Swift's own comparison holds different
    /// spellings of one letter equal.)
    func rest(after prefix: String) -> String? {
        guard utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}
