// SPDX-License-Identifier: Apache-2.0

/// A failure in words for the operator. Exit code 1.
struct CommandError: Error, Hashable, CustomStringConvertible {
    var message: String
    var hint: String?
    /// The connection's fault: it may be gone when the same is asked once more.
    var isTransient = false

    init(_ message: String, hint: String? = nil, isTransient: Bool = false) {
        self.message = message
        self.hint = hint
        self.isTransient = isTransient
    }

    var description: String { hint.map { "\(message). \($0)" } ?? message }
}
