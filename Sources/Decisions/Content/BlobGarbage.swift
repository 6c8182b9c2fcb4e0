// SPDX-License-Identifier: Apache-2.0

import Model

/// Which files of this node may go. Remembers since when each has not been needed; a restart begins anew, which only
/// keeps files longer.
public struct BlobGarbage: Sendable {
    /// What is known when the question is asked.
    public struct Facts: Sendable {
        public var held: [HeldBlob] = []
        /// By image, for those whose list of files is known here.
        public var manifests: [String: (digest: Digest, manifest: Manifest)] = [:]
        /// There is an image whose list of files is not known here: a file may belong to it.
        public var hasUnknownManifests = false
        /// Images that this node should hold whole.
        public var kept: Set<String> = []
        /// Images of which a live node other than this one holds everything.
        public var safeElsewhere: Set<String> = []
        /// Files of imports that are under way.
        public var pinned: Set<Digest> = []
        /// For files that are kept only while there is room.
        public var cacheBytesMax: Int64 = .max
        public init() {}
    }

    public struct Verdict: Hashable, Sendable {
        /// No image needs them any more.
        public var unneeded: [Digest] = []
        /// Kept while there was room; those that were used last are not among them.
        public var evicted: [Digest] = []
        /// Of what is kept only while there is room, and stays.
        public var bytesCached: Int64 = 0
        public init() {}
    }

    private var unneededSince: [Digest: Instant] = [:]

    public init() {}

    /// What may go now. `graceSeconds` 0: at once, because an operator asks for it.
    public mutating func due(
        _ facts: Facts, now: Instant, graceSeconds: Int64 = Limits.blobGraceSeconds
    ) -> Verdict {
        let needs = Needs(facts)
        var verdict = Verdict()
        var since: [Digest: Instant] = [:]
        var cached: [HeldBlob] = []
        for blob in facts.held where !facts.pinned.contains(blob.digest) {
            if needs.cached.contains(blob.digest) {
                cached.append(blob)
            } else if !needs.kept.contains(blob.digest), !facts.hasUnknownManifests {
                let first = unneededSince[blob.digest] ?? now
                since[blob.digest] = first
                // Whoever has opened it a moment ago may be a peer that is not as far as we are.
                let last = max(first, min(blob.lastUsed, now))
                let isDue = graceSeconds <= 0 || now.millisecondsSince(last) >= graceSeconds * 1000
                if isDue { verdict.unneeded.append(blob.digest) }
            }
        }
        unneededSince = since
        verdict.unneeded.sort()
        verdict.bytesCached = cached.reduce(0) { $0 + $1.bytes }
        evict(cached, needs, bytesMax: facts.cacheBytesMax, &verdict)
        return verdict
    }

    /// Least recently used first, until the rest fits.
    private func evict(_ cached: [HeldBlob], _ needs: Needs, bytesMax: Int64, _ verdict: inout Verdict) {
        for blob in cached.sorted(by: { ($0.lastUsed, $0.digest) < ($1.lastUsed, $1.digest) }) {
            guard verdict.bytesCached > bytesMax else { break }
            // The last copy there is stays, whatever the limit.
            guard needs.replaceable.contains(blob.digest) else { continue }
            verdict.evicted.append(blob.digest)
            verdict.bytesCached -= blob.bytes
        }
    }

    /// Each file's use, over all images: it is shared between them.
    private struct Needs {
        /// They stay: lists of files, and the files of images that this node keeps.
        var kept: Set<Digest> = []
        /// They belong to an image, but this node does not have to keep it.
        var cached: Set<Digest> = []
        /// Of `cached`: every image that they belong to is whole elsewhere.
        var replaceable: Set<Digest> = []

        init(_ facts: Facts) {
            var needed: Set<Digest> = []
            var precious: Set<Digest> = []
            for (image, (digest, manifest)) in facts.manifests {
                kept.insert(digest)
                let digests = manifest.files.map(\.digest)
                if facts.kept.contains(image) { kept.formUnion(digests) } else { needed.formUnion(digests) }
                if !facts.safeElsewhere.contains(image) { precious.formUnion(digests) }
            }
            cached = needed.subtracting(kept)
            replaceable = cached.subtracting(precious)
        }
    }
}
