// SPDX-License-Identifier: Apache-2.0

import Model

/// What pulling a file through gives.
public enum PullAnswer: Sendable {
    /// It is here by now.
    case file(OpenFile)
    /// It is on its way, and can be followed.
    case arriving(ArrivingFile)
    /// Nobody who has it can be reached; a sentence says why.
    case unavailable(String)
}

/// Brings files here while somebody waits for them.
public protocol ContentPulling: Sendable {
    /// Joins a transfer of the same file that is under way. `keep`: while there is room; else the file goes with its
    /// last reader.
    func pull(_ file: ContentFile, image: String, keep: Bool) async -> PullAnswer
    /// Nil: no node that has the manifest can be reached.
    func pullManifest(_ digest: Digest, image: String) async -> Manifest?
}
