// SPDX-License-Identifier: Apache-2.0

import Decisions
import Glibc
import Model
import Synchronization

/// The files of this node by digest, on its disk. What it opens is what was verified: size, inode and time of change
/// are compared each time, and a blob that is no longer as it was is not served again before its bytes have been
/// hashed.
///
/// Calls block for as long as the disk takes. `run` has to run beside them.
public final class BlobStore: Sendable {
    struct State: Sendable {
        var held: [Digest: BlobEntry] = [:]
        /// What lies in a blob's place and has yet to be hashed, and why.
        var suspects: [Digest: String] = [:]
        var writers: Set<Digest> = []
        var bytesHeld: Int64 = 0
        /// Blobs that were brought in without waiting for the disk: they are not in the index file before `sync`.
        var unsynced: Set<Digest> = []
        var importNumber = 0
        var onDamage: (@Sendable (Digest, String) -> Void)?
        var onChange: (@Sendable () -> Void)?
    }

    let files: BlobFiles
    let index: BlobIndexFile
    let state = Mutex(State())
    /// Held by whoever changes what lies in a blob's place, from the first look to the last; never by `open` for a file
    /// that is as it was.
    let changing = Mutex<Void>(())
    private let clock: Clock

    /// Makes the directories and loads the index. Blobs that the index does not know, or that have changed since, are
    /// not served before `run` has hashed them; partial files that are old are forgotten.
    public init(directory: String, clock: Clock = Clock()) throws(BlobStoreError) {
        files = try BlobFiles(directory: directory)
        index = BlobIndexFile(directory: files.root)
        self.clock = clock
        var known = index.load()
        var state = State()
        for name in files.blobNames() {
            guard let digest = Digest(name), digest.description == name else { continue }
            if let entry = known.removeValue(forKey: digest), files.identity(name) == entry.identity {
                state.held[digest] = entry
                state.bytesHeld += entry.identity.bytes
            } else {
                state.suspects[digest] = "it has not been checked since this node started"
            }
        }
        forgetPartials()
        self.state.withLock { $0 = state }
        index.rewrite(ifNeeded: false) { state.held }
    }

    /// Partial files that are too old, and files that were being brought in when the process ended.
    private func forgetPartials() {
        let oldest = now - Limits.partialBlobSeconds
        for (name, written) in files.partialNames() where name.hasPrefix("add-") || written < oldest {
            files.removePartial(name)
        }
    }

    /// Seconds since 1970.
    var now: Int64 { clock.now().seconds }

    // MARK: What is here

    /// Called when a blob turns out not to be what it was, from any thread; it is no longer held by then.
    public var onDamage: (@Sendable (Digest, String) -> Void)? {
        get { state.withLock { $0.onDamage } }
        set { state.withLock { $0.onDamage = newValue } }
    }

    /// Called when a blob has come or gone, from any thread.
    public var onChange: (@Sendable () -> Void)? {
        get { state.withLock { $0.onChange } }
        set { state.withLock { $0.onChange = newValue } }
    }

    /// Whether the blob is here, as far as is known without a look at the disk.
    public func holds(_ digest: Digest) -> Bool { state.withLock { $0.held[digest] != nil } }

    /// It lies here and will be hashed; it may turn out to be whole.
    public func isBeingChecked(_ digest: Digest) -> Bool { state.withLock { $0.suspects[digest] != nil } }

    /// Blobs that lie here and have yet to be hashed.
    public var countBeingChecked: Int { state.withLock { $0.suspects.count } }

    public var bytesHeld: Int64 { state.withLock { $0.bytesHeld } }

    /// What more may come in, the reserve left free; nil: the system does not say.
    public var bytesFree: Int64? {
        files.room().map { max(0, $0.free - min(Limits.blobDiskReserveBytes, $0.total / 20)) }
    }

    /// Everything that is held, in no order.
    public var blobs: [HeldBlob] {
        state.withLock { state in
            state.held.map {
                HeldBlob(digest: $0.key, bytes: $0.value.identity.bytes, lastUsed: Instant(seconds: $0.value.used))
            }
        }
    }

    /// Files that have come in part, whether or not somebody is at them now, in no order.
    public var partials: [Digest] { files.partialNames().compactMap { Digest($0.name) } }

    // MARK: Opening

    /// Opens the blob if it is what was verified, and notes its use.
    public func open(_ digest: Digest) -> BlobAnswer {
        guard let entry = state.withLock({ $0.held[digest] }) else { return withoutEntry(digest) }
        let hex = digest.description
        switch look(hex, entry) {
        case .same(let file):
            use(digest, entry)
            return .file(file)
        case .unreadable(let reason): return .unreadable(reason: reason)
        // It may just have been replaced: looked at again while nobody can.
        case .changed: return lookAgain(digest, hex)
        }
    }

    private func withoutEntry(_ digest: Digest) -> BlobAnswer {
        state.withLock { $0.suspects[digest] }.map { .damaged(reason: $0) } ?? .absent
    }

    private enum Look {
        case same(OpenFile)
        /// `mayBeWhole`: only a hash can tell.
        case changed(reason: String, mayBeWhole: Bool)
        case unreadable(String)
    }

    private func look(_ hex: String, _ entry: BlobEntry) -> Look {
        let descriptor = files.openBlob(hex)
        guard descriptor >= 0 else {
            switch -descriptor {
            case ENOENT, ENOTDIR: return .changed(reason: "its file is gone", mayBeWhole: false)
            case ELOOP, ENXIO: return .changed(reason: "something that is no file is in its place", mayBeWhole: false)
            default: return .unreadable("cannot be opened: \(String(cString: strerror(-descriptor)))")
            }
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            close(descriptor)
            return .unreadable("cannot be looked at: \(String(cString: strerror(errno)))")
        }
        let identity = BlobIdentity(status)
        guard identity != entry.identity else {
            return .same(OpenFile(descriptor: descriptor, status: status, version: hex))
        }
        close(descriptor)
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .changed(reason: "something that is no file is in its place", mayBeWhole: false)
        }
        guard identity.bytes == entry.identity.bytes else {
            let sizes = "\(identity.bytes) bytes instead of \(entry.identity.bytes)"
            return .changed(reason: "its file has \(sizes)", mayBeWhole: false)
        }
        let what = identity.inode == entry.identity.inode ? "was changed" : "was replaced by another"
        return .changed(reason: "its file \(what)", mayBeWhole: true)
    }

    private func lookAgain(_ digest: Digest, _ hex: String) -> BlobAnswer {
        var damage: String?
        let answer = changing.withLock { _ -> BlobAnswer in
            guard let entry = state.withLock({ $0.held[digest] }) else { return withoutEntry(digest) }
            switch look(hex, entry) {
            case .same(let file): return .file(file)
            case .unreadable(let reason): return .unreadable(reason: reason)
            case .changed(let reason, let mayBeWhole):
                state.withLock { state in
                    state.drop(digest)
                    if mayBeWhole { state.suspects[digest] = reason }
                }
                if !mayBeWhole { files.takeAway(hex) }
                damage = reason
                return .damaged(reason: reason)
            }
        }
        if let damage { tellDamage(digest, damage) }
        return answer
    }

    /// To be called with no lock held.
    func tellDamage(_ digest: Digest, _ reason: String) {
        index.append([BlobIndexFile.removal(digest)])
        onDamage?(digest, reason)
        onChange?()
    }

    // MARK: Use

    /// Notes that the blob is in use, as `open` does by itself.
    public func touch(_ digest: Digest) {
        guard let entry = state.withLock({ $0.held[digest] }) else { return }
        use(digest, entry)
    }

    private func use(_ digest: Digest, _ entry: BlobEntry) {
        let now = now
        guard entry.used != now else { return }
        let line = state.withLock { state -> String? in
            guard var entry = state.held[digest] else { return nil }
            entry.used = max(entry.used, now)
            let isDue = entry.used - entry.usedWritten >= Limits.blobUseSeconds && !state.unsynced.contains(digest)
            if isDue { entry.usedWritten = entry.used }
            state.held[digest] = entry
            return isDue ? BlobIndexFile.line(digest, entry) : nil
        }
        if let line { index.append([line]) }
    }

    // MARK: Going

    /// Whoever reads the blob now goes on with it. False: it has been used after `lastUse`, and stays, or is not here.
    @discardableResult
    public func remove(_ digest: Digest, unlessUsedAfter lastUse: Instant = .distantFuture) -> Bool {
        let wasHeld = changing.withLock { _ in
            let (goes, wasHeld) = state.withLock { state -> (Bool, Bool) in
                if let entry = state.held[digest], entry.used > lastUse.seconds { return (false, false) }
                state.suspects[digest] = nil
                return (true, state.drop(digest))
            }
            if goes { files.takeAway(digest.description) }
            return wasHeld
        }
        guard wasHeld else { return false }
        index.append([BlobIndexFile.removal(digest)])
        onChange?()
        return true
    }

    /// Throws away what has come in part of files that nobody wants any more. Those that are being written stay.
    public func removePartials(except wanted: Set<Digest>) {
        for digest in partials where !wanted.contains(digest) {
            // Its name is taken, so that no writer can begin meanwhile.
            guard state.withLock({ $0.writers.insert(digest).inserted }) else { continue }
            files.removePartial(digest.description)
            endWriting(digest)
        }
    }

    func endWriting(_ digest: Digest) { _ = state.withLock { $0.writers.remove(digest) } }
}

extension BlobStore.State {
    /// Forgets a blob; false when it was not held.
    @discardableResult
    mutating func drop(_ digest: Digest) -> Bool {
        unsynced.remove(digest)
        guard let entry = held.removeValue(forKey: digest) else { return false }
        bytesHeld -= entry.identity.bytes
        return true
    }

    /// Notes a blob as whole.
    mutating func hold(_ digest: Digest, _ entry: BlobEntry) {
        drop(digest)
        suspects[digest] = nil
        held[digest] = entry
        bytesHeld += entry.identity.bytes
    }
}
