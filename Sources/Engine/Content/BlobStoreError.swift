// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model

/// Why a file could not be brought into the content store. What it held before is untouched.
public enum BlobStoreError: Error, Hashable, Sendable {
    /// The disk or a quota is full; what is there of the file is kept, and can be gone on with.
    case full(String)
    /// The system refused a step; the text names the step and the reason.
    case io(String)
    /// Somebody else is writing this very file.
    case busy
    /// The file was to be published before all of it was there; it can be gone on with.
    case incomplete(bytes: Int64, of: Int64)
    /// More bytes came than the file has.
    case surplus(bytes: Int64)
    /// Its bytes are not what its name says. They have been thrown away.
    case mismatch(expected: Digest, found: Digest)

    public var sentence: String {
        switch self {
        case .full(let text): text
        case .io(let text): text
        case .busy: "it is being written by somebody else"
        case .incomplete(let bytes, let of): "only \(bytes) of \(of) bytes are here"
        case .surplus(let bytes): "more than its \(bytes) bytes came"
        case .mismatch(let expected, let found): "its SHA-256 should be \(expected) and is \(found)"
        }
    }

    /// The error of a system call that has just failed.
    public static func system(_ step: String, _ code: Int32 = errno) -> Self {
        switch code {
        case ENOSPC: .full("the disk of the content store is full (\(step))")
        case EDQUOT: .full("the quota of the content store is used up (\(step))")
        default: .io("\(step): \(String(cString: strerror(code)))")
        }
    }
}

/// What opening a blob gives.
public enum BlobAnswer: Sendable {
    /// Whole and as it was when it was verified.
    case file(OpenFile)
    /// It is not here.
    case absent
    /// It was here, and is no longer what it was, or has not been checked yet: it is not served.
    case damaged(reason: String)
    /// It is here, and the system does not let us open it now: too many open files, a disk that fails.
    case unreadable(reason: String)

    public var file: OpenFile? { if case .file(let file) = self { file } else { nil } }
}
