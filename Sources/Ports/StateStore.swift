// SPDX-License-Identifier: Apache-2.0

import Model

/// A point in the store's history. It only grows; every commit has one.
public struct Revision: Hashable, Comparable, Sendable {
    public var value: Int64
    public init(_ value: Int64) { self.value = value }
    /// "No such record": what a guard expects of a key that must not exist.
    public static let none = Revision(0)
    public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// One record, as stored.
public struct StoreRecord: Hashable, Sendable {
    public var key: String
    public var value: [UInt8]
    /// The commit that wrote it last.
    public var revision: Revision

    public init(key: String, value: [UInt8], revision: Revision) {
        self.key = key
        self.value = value
        self.revision = revision
    }
}

/// All records whose keys begin with a prefix, as they were at one revision.
public struct StoreSnapshot: Sendable {
    public var records: [StoreRecord]
    public var revision: Revision
    public init(records: [StoreRecord], revision: Revision) { self.records = records; self.revision = revision }
}

public enum StoreWrite: Hashable, Sendable {
    case put(key: String, value: [UInt8])
    case delete(key: String)

    public var key: String {
        switch self {
        case .put(let key, _), .delete(let key): key
        }
    }
}

/// A record must still have this revision (`.none`: must not exist) for the batch to be written.
public struct StoreGuard: Hashable, Sendable {
    public var key: String
    public var revision: Revision
    public init(key: String, revision: Revision) { self.key = key; self.revision = revision }
}

/// Writes that happen together or not at all, if every guard holds.
public struct StoreBatch: Sendable {
    public var guards: [StoreGuard]
    public var writes: [StoreWrite]
    public init(guards: [StoreGuard] = [], writes: [StoreWrite]) { self.guards = guards; self.writes = writes }
}

/// What one commit changed, in the order of commits.
public struct StoreChange: Sendable {
    public var revision: Revision
    public var writes: [StoreWrite]
    public init(revision: Revision, writes: [StoreWrite]) { self.revision = revision; self.writes = writes }
}

public enum StoreError: Error, Hashable, Sendable {
    /// A guard did not hold; nothing was written. Names the first guard that failed.
    case conflict(key: String)
    /// The disk or quota is full; nothing was written.
    case full(String)
    /// The store cannot be written or reached now; whether a write happened may be unknown for a networked store,
    /// never for SQLite.
    case unavailable(String)
    /// What is stored cannot be read.
    case corrupt(String)

    /// What every engine says to a batch without writes.
    public static let withoutWrites = StoreError.unavailable("refused: a batch without writes, which is a bug")
}

/// How the store itself is: for people, and for the question whether a failure now would be safe.
public struct StoreStatus: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var name: String
        public var endpoint: String
        public var isReachable: Bool
        public var isLeader: Bool
        /// Of one small question; nil when it was not answered.
        public var latencyMilliseconds: Double?
        /// Of its database; nil when it does not say.
        public var sizeBytes: Int64?
        public init(name: String, endpoint: String, isReachable: Bool, isLeader: Bool) {
            self.name = name
            self.endpoint = endpoint
            self.isReachable = isReachable
            self.isLeader = isLeader
        }
    }

    /// "sqlite", "etcd 3.4.23", "consul 1.15.2"
    public var engine: String
    /// The store's own identity (etcd's cluster id, Consul's data centre and first leader's token): another value
    /// means another store, whatever its address. Empty when it has none.
    public var identity: String
    public var members: [Member]
    public var hasQuorum: Bool
    /// The loss of any one member would leave it working.
    public var survivesOneLoss: Bool
    /// What the store complains about, as sentences: "etcd: NOSPACE on n2".
    public var alarms: [String]

    public init(engine: String, identity: String = "", members: [Member] = [], hasQuorum: Bool = true) {
        self.engine = engine
        self.identity = identity
        self.members = members
        self.hasQuorum = hasQuorum
        survivesOneLoss = false
        alarms = []
    }
}

/// The one thing that OnDeck asks of SQLite, etcd and Consul: ordered, guarded, durable batches.
///
/// Contract (Tests/StoreTests/PortContract.swift and PortContractChanges.swift run it against every engine):
/// - `commit` tells `done` only when the batch is durable (fsynced; quorum-committed), and its revision is larger than
///   any before it. A batch is applied in its order: a key written twice ends as the last write says. Deleting what is
///   not there is no error; a batch that changes nothing else may be told the latest revision there is, and `changes`
///   may leave such deletes out. A batch without writes is refused as a programming error (`.unavailable`).
/// - `done` is called once, from any thread, perhaps before `commit` returns; it must not wait for anything.
/// - `read` sees every commit that returned before it was called. Keys are bytes, a prefix is plain text, and records
///   come in the order of their keys' bytes.
/// - `changes` yields, after the snapshot's revision, every commit that touched a key with the prefix, once, in
///   order, this process's own included, with those of its writes that have the prefix; the stream ends only when the
///   store is closed or the reader is too slow to follow, or asked for a past that the store has forgotten, or for a
///   future (it must then read again).
public protocol StateStore: Sendable {
    func read(prefix: String) async throws(StoreError) -> StoreSnapshot
    func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void)
    func changes(prefix: String, after revision: Revision) async throws(StoreError) -> AsyncStream<StoreChange>
    func close() async
    /// The most guards and writes, together, that one batch may have.
    var operationsPerBatchMax: Int { get }
    /// Asks every member; takes a second at most.
    func status() async -> StoreStatus
    /// Whether other processes may write to it. When they may not, nobody can take a term away.
    var isShared: Bool { get }
}

extension StateStore {
    /// The same, waited for.
    public func commit(_ batch: StoreBatch) async throws(StoreError) -> Revision {
        try await withCheckedContinuation { waiting in commit(batch) { waiting.resume(returning: $0) } }.get()
    }
}
