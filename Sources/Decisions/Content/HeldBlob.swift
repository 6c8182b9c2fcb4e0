// SPDX-License-Identifier: Apache-2.0

import Model

/// A file that this node holds, whole and verified.
public struct HeldBlob: Hashable, Sendable {
    public var digest: Digest
    public var bytes: Int64
    /// When it was last opened, or came in.
    public var lastUsed: Instant

    public init(digest: Digest, bytes: Int64, lastUsed: Instant) {
        self.digest = digest
        self.bytes = bytes
        self.lastUsed = lastUsed
    }
}
