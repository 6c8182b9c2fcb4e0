// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model
import Synchronization

extension BlobStore {
    /// Hashes what looks changed as soon as it does, and everything else now and then, oldest first. Until cancelled.
    public func run(scrubBytesPerSecond: Int64) async {
        while !Task.isCancelled {
            await verify()
            await scrub(paceBytesPerSecond: scrubBytesPerSecond)
            index.rewrite(ifNeeded: true) { indexEntries }
            try? await Task.sleep(for: .milliseconds(Limits.blobLookMilliseconds))
        }
    }

    /// What the index file may say: blobs that are on the disk for certain.
    private var indexEntries: [Digest: BlobEntry] {
        state.withLock { state in state.held.filter { !state.unsynced.contains($0.key) } }
    }

    /// Hashes everything that has to be checked before it is served. What is whole is held from then on; what is not is
    /// thrown away, and `onDamage` is told.
    public func verify() async {
        for digest in state.withLock({ Array($0.suspects.keys) }) {
            guard !Task.isCancelled else { return }
            await check(digest, paceBytesPerSecond: nil)
        }
    }

    /// Hashes, in the order in which they were verified last, the blobs for which that is longer ago than so many
    /// seconds. A disk may lie without the file's times changing.
    public func scrub(paceBytesPerSecond: Int64, olderThanSeconds: Int64 = Limits.blobScrubSeconds) async {
        let due = state.withLock { state in
            state.held.filter { now - $0.value.verified >= olderThanSeconds }
                .sorted { ($0.value.verified, $0.key) < ($1.value.verified, $1.key) }
                .map(\.key)
        }
        for digest in due {
            guard !Task.isCancelled else { return }
            await verify()
            await check(digest, paceBytesPerSecond: max(1, paceBytesPerSecond))
        }
    }

    // MARK: One blob

    private enum Finding {
        case whole(BlobIdentity)
        case damaged(String)
        /// It cannot be told now.
        case unknown
    }

    private func check(_ digest: Digest, paceBytesPerSecond: Int64?) async {
        let hex = digest.description
        let descriptor = files.openBlob(hex)
        guard descriptor >= 0 else {
            switch -descriptor {
            case ENOENT, ENOTDIR: conclude(digest, .damaged("its file is gone"), looked: nil)
            case ELOOP, ENXIO: conclude(digest, .damaged("something that is no file is in its place"), looked: nil)
            default: await later()
            }
            return
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return await later() }
        let before = BlobIdentity(status)
        guard status.st_mode & S_IFMT == S_IFREG else {
            return conclude(digest, .damaged("something that is no file is in its place"), looked: nil)
        }
        let finding = await hash(descriptor, digest, before, paceBytesPerSecond)
        conclude(digest, finding, looked: before)
        if case .unknown = finding { await later() }
    }

    /// So that a fault that stays does not keep a processor busy.
    private func later() async { try? await Task.sleep(for: .milliseconds(Limits.blobLookMilliseconds)) }

    private func hash(
        _ descriptor: Int32, _ digest: Digest, _ before: BlobIdentity, _ pace: Int64?
    ) async -> Finding {
        let reader = ChunkReader()
        var hash = ContentHash()
        var offset: Int64 = 0
        while !Task.isCancelled {
            do throws(ChunkReader.ReadFailure) {
                let chunk = try reader.read(descriptor, at: offset)
                if chunk.isEmpty { break }
                hash.update(chunk)
                offset += Int64(chunk.count)
                if let pace { try? await Task.sleep(for: .microseconds(Int64(chunk.count) * 1_000_000 / pace)) }
            } catch {
                guard error.code == EIO else { return .unknown }
                return .damaged("it cannot be read: \(String(cString: strerror(error.code)))")
            }
            await Task.yield()
        }
        if Task.isCancelled { return .unknown }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .unknown }
        let found = hash.digest
        guard found == digest else { return .damaged("its \(offset) bytes have the SHA-256 \(found)") }
        // Somebody writes to it this very moment: what was read may no longer be there.
        guard BlobIdentity(status) == before, offset == before.bytes else { return .unknown }
        return .whole(before)
    }

    /// Applies a finding to what lies in the blob's place, if that is still what was looked at (nil: nothing was).
    private func conclude(_ digest: Digest, _ finding: Finding, looked: BlobIdentity?) {
        let hex = digest.description
        var (damage, line): (String?, String?) = (nil, nil)
        changing.withLock { _ in
            let isKnown = state.withLock { $0.held[digest] != nil || $0.suspects[digest] != nil }
            guard isKnown, files.identity(hex) == looked else { return }
            switch finding {
            case .unknown: return
            case .whole(let identity):
                line = state.withLock { state in
                    let used = state.held[digest]?.used ?? now
                    let entry = BlobEntry(identity: identity, verified: now, used: used, usedWritten: used)
                    let isUnsynced = state.unsynced.contains(digest)
                    state.hold(digest, entry)
                    if isUnsynced { state.unsynced.insert(digest) }
                    return isUnsynced ? nil : BlobIndexFile.line(digest, entry)
                }
            case .damaged(let reason):
                state.withLock { state in
                    state.drop(digest)
                    state.suspects[digest] = nil
                }
                files.takeAway(hex)
                damage = reason
            }
        }
        if let line {
            index.append([line])
            onChange?()
        }
        if let damage { tellDamage(digest, damage) }
    }
}
