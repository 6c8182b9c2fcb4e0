// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Model
import Synchronization

/// Finds out, before a machine does, which images this node could not bring in: those that are not kept here, and whose
/// sources do not answer.
final class ReachCheck: Sendable {
    private struct State {
        /// By image: how often in a row it was found out of reach, and why.
        var doubts: [String: (count: Int, reason: String)] = [:]
        /// By image: confirmed, and said.
        var failures: [String: String] = [:]
        /// By URL: what a web server said, which is not asked at every turn.
        var web: [String: (at: Uptime, fault: String?)] = [:]
    }

    private let index: ContentIndex
    private let blobs: BlobStore
    private let library: ContentLibrary
    private let planner: ContentPlanner
    private let client: WebClient
    private let timeline: Timeline
    private let clock: Clock
    private let state = Mutex(State())
    /// Looks that must agree: a node that is being started again is not worth a warning.
    private static let looks = 2
    private static let doubtMilliseconds: Int64 = 1_000
    private static let webMilliseconds: Int64 = 60_000

    init(_ parts: ContentParts, client: WebClient) {
        index = parts.index
        blobs = parts.blobs
        library = parts.library
        planner = parts.planner
        timeline = parts.timeline
        clock = parts.clock
        self.client = client
    }

    /// Why this node could not bring the image in; nil: it could, or nobody knows yet.
    func failure(_ image: String) -> String? { state.withLock { $0.failures[image] } }

    /// Until the task is cancelled. `onChange`: another image is out of reach, or within it.
    func run(onChange: @Sendable () -> Void) async {
        // Until the others have been heard of.
        try? await Task.sleep(for: .milliseconds(Limits.contentReachMilliseconds / 2))
        while !Task.isCancelled {
            if await look() { onChange() }
            let isInDoubt = state.withLock { state in state.doubts.keys.contains { state.failures[$0] == nil } }
            let pause = isInDoubt ? Self.doubtMilliseconds : Limits.contentReachMilliseconds
            try? await Task.sleep(for: .milliseconds(pause))
        }
    }

    /// One look at every image that is pulled through. True: something has changed.
    func look() async -> Bool {
        let view = planner.view()
        let wanted = Set(view.plan.wanted)
        var hasChanged = false
        let images = view.images.values.filter { planner.isPulledThrough($0.name) && !wanted.contains($0.name) }
        for record in images.sorted(by: { $0.name < $1.name }) {
            guard let digest = record.manifest, !Task.isCancelled else { continue }
            let reason = await fault(record, digest)
            guard !Task.isCancelled else { return hasChanged }
            if note(record.name, reason) { hasChanged = true }
        }
        let known = Set(images.map(\.name))
        let urls = Set(images.compactMap { planner.web($0.name) })
        state.withLock { state in
            state.web = state.web.filter { urls.contains($0.key) }
            state.doubts = state.doubts.filter { known.contains($0.key) }
            state.failures = state.failures.filter { known.contains($0.key) }
        }
        return hasChanged
    }

    private func note(_ image: String, _ reason: String?) -> Bool {
        enum News { case none, lost(String), found }
        let news = state.withLock { state -> News in
            guard let reason else {
                state.doubts[image] = nil
                return state.failures.removeValue(forKey: image) == nil ? .none : .found
            }
            let count = (state.doubts[image]?.count ?? 0) + 1
            state.doubts[image] = (count, reason)
            guard count >= Self.looks else { return .none }
            let isNew = state.failures.updateValue(reason, forKey: image) == nil
            return isNew ? .lost(reason) : .none
        }
        switch news {
        case .none: return false
        case .lost(let reason):
            let place = planner.ownLocation.map { " in \($0)" } ?? ""
            let text =
                "image \(image) cannot be fetched by this node\(place): \(reason); a machine that asks would not get it"
            timeline.add(Event(.system, .error, .text(text)))
        case .found:
            timeline.add(Event(.system, .info, .text("image \(image) can be fetched by this node again")))
        }
        return true
    }

    // MARK: One image

    /// Nil: it is here, or can be fetched.
    private func fault(_ record: ImageRecord, _ digest: Digest) async -> String? {
        let missing = library.manifest(record.name)?.files.filter { !blobs.holds($0.digest) }
        if let missing, missing.isEmpty { return nil }
        let holders = planner.holders(of: record.name)
        var reasons: [String] = []
        for holder in holders where holder.isComplete {
            guard let fault = await fault(holder.source, digest) else { return nil }
            reasons.append("\(holder.source.name): \(fault)")
        }
        if let url = planner.web(record.name) {
            guard let fault = await webFault(url) else { return nil }
            reasons.append("\(url): \(fault)")
        }
        reasons += planner.absentHolders(of: record.name).map { "\($0.node) is \($0.life)" }
        let some = holders.filter { !$0.isComplete }.map(\.source)
        guard !some.isEmpty, let missing else {
            return reasons.isEmpty ? "no node holds it" : "no source of it answers: " + reasons.joined(separator: "; ")
        }
        for file in missing.prefix(Limits.contentReachFilesMax) {
            var isThere = false
            for source in some where !isThere { isThere = await fault(source, file.digest) == nil }
            if !isThere { return "no node that answers has \(file.path)" }
        }
        return nil
    }

    private func fault(_ source: ContentSource, _ digest: Digest) async -> String? {
        do throws(FetchFault) {
            _ = try await client.look(source.url(digest), of: source.server)
            return nil
        } catch { return error.reason }
    }

    private func webFault(_ url: String) async -> String? {
        let now = clock.uptime()
        if let known = state.withLock({ $0.web[url] }), now.millisecondsSince(known.at) < Self.webMilliseconds {
            return known.fault
        }
        let fault: String?
        do throws(FetchFault) {
            _ = try await client.look(url, of: .web(isPinned: true))
            fault = nil
        } catch {
            // A server that does not take HEAD is there nevertheless.
            if case .status(let code) = error, code == 405 || code == 501 { fault = nil } else { fault = error.reason }
        }
        state.withLock { $0.web[url] = (now, fault) }
        return fault
    }
}
