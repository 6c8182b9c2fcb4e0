// SPDX-License-Identifier: Apache-2.0

import Engine
import Model

/// Why a file did not come from one source.
enum FetchFault: Error, Sendable {
    /// Nobody listens there, no way leads there, or its name is not known.
    case unreachable(String)
    /// Nothing came for so long.
    case silent(seconds: Int64)
    /// The connection ended before the file did.
    case cutShort
    /// It does not have it.
    case missing
    /// It answered with this status.
    case status(Int)
    /// It answers what cannot be understood, or is not what was asked for.
    case nonsense(String)
    /// It is there, and not to be trusted, or not to be asked in this way; the same again would end the same.
    case refused(String)
    /// Not here: the disk, or what came is not the file.
    case here(BlobStoreError)
    /// This node stops, or nobody wants it any more.
    case stopped

    /// Without the source's name.
    var reason: String {
        switch self {
        case .unreachable(let why): why
        case .silent(let seconds): "sends nothing for \(seconds) s"
        case .cutShort: "ends the connection before the file's end"
        case .missing: "does not have it (404)"
        case .status(let code): "answers with status \(code)"
        case .nonsense(let what), .refused(let what): what
        case .here(let error): error.sentence
        case .stopped: "stopped"
        }
    }

    /// Another source would not help.
    var isFinal: Bool {
        switch self {
        case .stopped: true
        case .here(let error): !error.isOfSource
        default: false
        }
    }
}

extension BlobStoreError {
    /// What came is not the file: another source may have it.
    var isOfSource: Bool {
        switch self {
        case .mismatch, .surplus: true
        case .full, .io, .busy, .incomplete: false
        }
    }
    var isFull: Bool { if case .full = self { true } else { false } }
}
