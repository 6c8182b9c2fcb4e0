// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Model
import Synchronization

/// Removes what no image needs any more, and what is kept only while there is room.
final class Sweeper: Sendable {
    struct Finding: Sendable {
        var removed: [HeldBlob] = []
        /// No image needs them, and they stay for now.
        var kept: [HeldBlob] = []
    }

    private let blobs: BlobStore
    private let library: ContentLibrary
    private let planner: ContentPlanner
    private let timeline: Timeline
    private let clock: Clock
    private let cacheBytesMax: Int64
    private let pinned: @Sendable () -> Set<Digest>
    private let garbage = Mutex(BlobGarbage())
    /// What may come in before the next look at what is kept while there is room; nil: not known yet.
    private let roomLeft = Mutex<Int64?>(nil)

    init(_ parts: ContentParts, cacheBytesMax: Int64, pinned: @escaping @Sendable () -> Set<Digest>) {
        blobs = parts.blobs
        library = parts.library
        planner = parts.planner
        timeline = parts.timeline
        clock = parts.clock
        self.cacheBytesMax = cacheBytesMax
        self.pinned = pinned
    }

    /// Until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Limits.contentSweepMilliseconds))
            guard !Task.isCancelled else { return }
            sweep(graceSeconds: Limits.blobGraceSeconds)
        }
    }

    /// What is kept only while there is room makes room for a file of so many bytes. All files are looked at only when
    /// what has come since the last look may not fit.
    func makeRoom(_ bytes: Int64) {
        let fits = roomLeft.withLock { left in
            guard let rest = left, rest >= bytes else { return false }
            left = rest - bytes
            return true
        }
        if !fits { sweep(graceSeconds: Limits.blobGraceSeconds, room: bytes) }
    }

    /// `isDry`: only says what would go.
    @discardableResult
    func sweep(graceSeconds: Int64, room: Int64 = 0, isDry: Bool = false) -> Finding {
        let facts = facts(room)
        let now = clock.now()
        let verdict = garbage.withLock { garbage in
            guard isDry else { return garbage.due(facts, now: now, graceSeconds: graceSeconds) }
            var copy = garbage
            return copy.due(facts, now: now, graceSeconds: graceSeconds)
        }
        let byDigest = Dictionary(facts.held.map { ($0.digest, $0) }, uniquingKeysWith: { a, _ in a })
        var finding = Finding()
        finding.removed = (verdict.unneeded + verdict.evicted).compactMap { byDigest[$0] }
        finding.kept = kept(facts, removed: Set(verdict.unneeded + verdict.evicted))
        guard !isDry else { return finding }
        // The look took a while: who has asked for a file since, or brought it in again, is to have it.
        finding.removed = finding.removed.filter { blobs.remove($0.digest, unlessUsedAfter: $0.lastUsed) }
        roomLeft.withLock { $0 = facts.cacheBytesMax - verdict.bytesCached }
        if !facts.hasUnknownManifests {
            blobs.removePartials(except: Set(facts.manifests.values.flatMap { $0.manifest.files.map(\.digest) }))
        }
        if !finding.removed.isEmpty {
            let bytes = finding.removed.reduce(0) { $0 + $1.bytes }
            let text = "\(finding.removed.count) content files removed, \(bytes) bytes: no image needs them, or there "
            timeline.add(Event(.system, .info, .text(text + "was no room to keep them")))
        }
        return finding
    }

    private func kept(_ facts: BlobGarbage.Facts, removed: Set<Digest>) -> [HeldBlob] {
        var needed: Set<Digest> = []
        for (digest, manifest) in facts.manifests.values {
            needed.insert(digest)
            needed.formUnion(manifest.files.map(\.digest))
        }
        return facts.held.filter { !needed.contains($0.digest) && !removed.contains($0.digest) }
    }

    private func facts(_ room: Int64) -> BlobGarbage.Facts {
        let view = planner.view()
        var facts = BlobGarbage.Facts()
        facts.held = blobs.blobs
        facts.pinned = pinned()
        facts.cacheBytesMax = max(0, cacheBytesMax - room)
        for (name, record) in view.images {
            guard let digest = record.manifest else { continue }
            if let manifest = library.manifest(name) {
                facts.manifests[name] = (digest, manifest)
            } else {
                facts.hasUnknownManifests = true
            }
            if view.plan.isKeeper(of: name) { facts.kept.insert(name) }
            if view.plan.isSafeElsewhere(name) { facts.safeElsewhere.insert(name) }
        }
        return facts
    }
}
