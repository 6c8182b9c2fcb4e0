// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// What the commands that speak to the store itself need of the rest of OnDeck. The command line knows neither the
/// engines nor their records: whoever sees everything fills this in, and sets it for the command that runs.
public struct StoreAccess: Sendable {
    /// Opens the store that a configuration names. Throws `StoreError`, or an error whose description is a sentence.
    public var open: @Sendable (ServerConfiguration) async throws -> any StateStore
    /// The beat of a record under `StoreKeys.beatPrefix`; nil where it cannot be read.
    public var beat: @Sendable (StoreRecord) -> Beat?
    /// The cluster's name of the record `StoreKeys.cluster`; nil where it cannot be read.
    public var clusterName: @Sendable (StoreRecord) -> String?
    /// The boot loaders that the configuration's content has here, by their content names.
    public var loaders: @Sendable (ServerConfiguration) -> Set<String>
    /// What this machine's clock says.
    public var now: @Sendable () -> Instant
    /// Copies everything from the first store to the second. Throws an error whose description is a sentence.
    public var copy: @Sendable (any StateStore, any StateStore, CopyOrder) async throws -> CopyCounts

    public struct CopyOrder: Sendable {
        /// What else the target holds is given up.
        public var replaces: Bool
        /// Writes that are done, and all that are to be done.
        public var progress: @Sendable (Int, Int) -> Void
    }

    public struct CopyCounts: Sendable {
        public var siteObjects: Int
        public var bootStates: Int
        /// What images' names stand for.
        public var images: Int
        public var leases: Int
        public var terms: Int
        /// Writes that the target needed.
        public var written: Int
        public init(siteObjects: Int, bootStates: Int, images: Int = 0, leases: Int, terms: Int, written: Int) {
            self.siteObjects = siteObjects
            self.bootStates = bootStates
            self.images = images
            self.leases = leases
            self.terms = terms
            self.written = written
        }
    }

    public init(
        open: @escaping @Sendable (ServerConfiguration) async throws -> any StateStore,
        beat: @escaping @Sendable (StoreRecord) -> Beat?,
        clusterName: @escaping @Sendable (StoreRecord) -> String?,
        loaders: @escaping @Sendable (ServerConfiguration) -> Set<String>,
        now: @escaping @Sendable () -> Instant,
        copy: @escaping @Sendable (any StateStore, any StateStore, CopyOrder) async throws -> CopyCounts
    ) {
        self.open = open
        self.beat = beat
        self.clusterName = clusterName
        self.loaders = loaders
        self.now = now
        self.copy = copy
    }

    /// That of the command that runs; nil where nobody has set one.
    @TaskLocal public static var current: StoreAccess?

    static func required() throws(CommandError) -> StoreAccess {
        guard let current else { throw CommandError("this program was built without stores") }
        return current
    }
}

/// An error of a store in words.
func storeText(_ error: any Error) -> String {
    switch error {
    case StoreError.conflict(let key): "somebody else changed \(key) first"
    case StoreError.full(let why): "no space is left (\(why))"
    case StoreError.unavailable(let why): why
    case StoreError.corrupt(let why): "it cannot be read (\(why))"
    default: "\(error)"
    }
}
