// SPDX-License-Identifier: Apache-2.0

import APITypes
import Engine
import Model
import Ports
import Synchronization

/// Brings images into the content store: from a URL or an upload, unpacked or as they are. A name changes what it
/// stands for in one guarded write at the end; until then, and when it fails, what stood there before is served.
final class Importer: Sendable {
    enum Outcome: Sendable {
        case started(ImageRecord)
        /// The very same import is under way.
        case running
        case there
    }

    private struct State {
        var jobs: [String: ImportJob] = [:]
        /// What could not be said on the image, because the store did not take it.
        var unsaid: [String: ImageRecord.State] = [:]
    }

    let node: String
    let files: ImportFiles
    let blobs: BlobStore
    let index: ContentIndex
    let records: ImageRecords
    let client: WebClient
    private let fetcher: ContentFetcher
    private let timeline: Timeline
    private let clock: Clock
    private let isAlive: @Sendable (String) -> Bool
    private let state = Mutex(State())

    /// `isAlive`: whether that node is there, as far as is known.
    init(
        node: String, files: ImportFiles, blobs: BlobStore, index: ContentIndex, store: any StateStore,
        client: WebClient, fetcher: ContentFetcher, timeline: Timeline, clock: Clock,
        isAlive: @escaping @Sendable (String) -> Bool
    ) {
        self.node = node
        self.files = files
        self.blobs = blobs
        self.index = index
        records = ImageRecords(store: store)
        self.client = client
        self.fetcher = fetcher
        self.timeline = timeline
        self.clock = clock
        self.isAlive = isAlive
    }

    // MARK: Calls

    /// Returns when the import is in the store.
    func begin(_ order: ImportOrder) async throws(ImportFault) -> Outcome {
        let image = order.image
        if let running = await runningJob(image) {
            if running.order == order { return .running }
            throw .busy("another import of \(image) is running on \(node)")
        }
        if isThere(order) { return .there }
        if case .upload(let file) = order.origin {
            let path = files.upload(image, file)
            guard let total = files.noted(path + ".total").flatMap({ Int64($0) }), ImportFiles.size(path) == total
            else {
                throw .busy("\(file) is not here in full: upload it to \(node) first")
            }
        }
        let job = ImportJob(order, clock: clock)
        let refusal = state.withLock { state -> ImportFault? in
            if state.jobs[image] != nil { return .busy("another import of \(image) has just begun on \(node)") }
            guard state.jobs.count < Limits.contentImportsMax else {
                return .busy("\(node) is running \(state.jobs.count) imports; try again when one has ended")
            }
            state.jobs[image] = job
            state.unsaid[image] = nil
            return nil
        }
        if let refusal { throw refusal }
        do throws(ImportFault) {
            let record = try await claim(order)
            do throws(ImportFault) { try files.save(order) } catch {
                // Nobody would go on with it, or ever say that it is over.
                await say(.failed(error.sentence), image)
                throw error
            }
            guard start(job) else { throw .stopped }
            return .started(record)
        } catch {
            state.withLock { $0.jobs[image] = nil }
            throw error
        }
    }

    /// One that has said its last word is waited for.
    private func runningJob(_ image: String) async -> ImportJob? {
        for _ in 0..<50 {
            guard let job = state.withLock({ $0.jobs[image] }) else { return nil }
            guard job.hasSpoken else { return job }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return state.withLock { $0.jobs[image] }
    }

    /// Says in the store that this node brings it in.
    private func claim(_ order: ImportOrder) async throws(ImportFault) -> ImageRecord {
        try await records.update(order.image, attempts: 8) { old throws(ImportFault) in
            if case .importing(let other)? = old?.state, other != self.node, self.isAlive(other) {
                throw .busy("\(other) is bringing \(order.image) in")
            }
            var record = old ?? ImageRecord(name: order.image, state: .ready)
            record.state = .importing(node: self.node)
            if record.manifest == nil { record.source = order.source }
            return record
        }
    }

    /// The image is what this import would make of it, as far as can be told without fetching anything.
    private func isThere(_ order: ImportOrder) -> Bool {
        guard let sha256 = order.sha256, let record = index.image(order.image), record.state == .ready else {
            return false
        }
        return isMade(order.image, of: sha256) { $0 == order.unpack }
    }

    /// Whether what stands under the name was made of this file.
    func isMade(_ image: String, of sha256: Digest, unpacked: (Unpacking) -> Bool = { _ in true }) -> Bool {
        guard let record = index.image(image), record.state == .ready, record.manifest != nil,
            let made = ImageSource(record.source).made
        else { return false }
        return made.sha256 == sha256 && unpacked(made.unpack)
    }

    /// Whether an import that is under way reads this upload.
    func isUsing(_ path: String) -> Bool { state.withLock { $0.jobs.values.contains { source($0.order) == path } } }

    /// Where what is imported lies on the disk before it is in the content store.
    private func source(_ order: ImportOrder) -> String {
        switch order.origin {
        case .url(let url): files.download(order.image, url, order.sha256)
        case .upload(let file): files.upload(order.image, file)
        }
    }

    var isRunning: Bool { state.withLock { !$0.jobs.isEmpty } }

    func progress(of image: String) -> ImportProgress? { state.withLock { $0.jobs[image] }?.now }

    /// What imports have brought in, and no image names yet.
    var pinned: Set<Digest> { state.withLock { $0.jobs.values.reduce(into: []) { $0.formUnion($1.pinned) } } }

    /// Forgets the image, and ends an import of it here; returns what it was.
    func remove(_ image: String) async throws(ImportFault) -> ImageRecord {
        let removed = try await records.remove(image)
        files.forget(image)
        state.withLock { $0.jobs[image] }?.stop.raise()
        timeline.add(Event(.admin, .info, .text("image \(image): removed")))
        return removed
    }

    // MARK: Running

    /// Until the task is cancelled.
    func run() async {
        await resume()
        while !Task.isCancelled {
            sweep()
            await sayAgain()
            try? await Task.sleep(for: .milliseconds(Limits.contentSweepMilliseconds))
        }
    }

    /// Goes on with what was not over when the process ended.
    private func resume() async {
        let orders = files.jobs
        for order in orders {
            let job = ImportJob(order, clock: clock)
            let isNew = state.withLock { state in
                guard state.jobs[order.image] == nil else { return false }
                state.jobs[order.image] = job
                return true
            }
            guard isNew else { continue }
            timeline.add(Event(.admin, .info, .text("image \(order.image): going on with its import")))
            if !start(job) { state.withLock { $0.jobs[order.image] = nil } }
        }
        let known = Set(orders.map(\.image))
        for record in index.images.values where record.state == .importing(node: node) && !known.contains(record.name) {
            guard state.withLock({ $0.jobs[record.name] == nil }) else { continue }
            await say(
                .failed("its import was interrupted, and nothing of it is left on \(node); add it again"), record.name)
        }
    }

    /// Otherwise the image would seem to be on its way for ever.
    func sayAgain() async {
        let unsaid = state.withLock { state in state.unsaid.filter { state.jobs[$0.key] == nil } }
        for (image, word) in unsaid {
            state.withLock { $0.unsaid[image] = nil }
            await say(word, image)
        }
    }

    private func start(_ job: ImportJob) -> Bool {
        fetcher.start("import") { [self] in
            await carryOut(job)
            state.withLock { $0.jobs[job.order.image] = nil }
        }
    }

    /// Throws away downloads and uploads that nobody came back for.
    private func sweep() {
        let jobs = state.withLock { $0.jobs.values.map(\.order) }
        let used = jobs.flatMap { [source($0), files.tree($0.image)] }
        files.sweep(olderThan: Limits.uploadIdleSeconds, except: Set(used))
    }

    private func carryOut(_ job: ImportJob) async {
        let order = job.order
        do throws(ImportFault) {
            let made = try await make(job)
            let source = ImageSource(origin: order.source, made: .init(sha256: made.source, unpack: order.unpack))
            let isNews = try await publish(job, made, source)
            discard(order)
            await untilKnown(job, made.digest)
            let what = "\(made.manifest.files.count) files, \(made.manifest.bytes) bytes, from \(order.source)"
            let text = isNews ? "is here: \(what)" : "was here already: \(what)"
            timeline.add(Event(.admin, .info, .text("image \(order.image): \(text)\(made.remark)")))
        } catch {
            switch error {
            case .stopped where !job.stop.isUp: return
            case .stopped: discard(order)
            case .overtaken:
                files.forget(order.image)
                files.removeTree(files.tree(order.image))
                timeline.add(Event(.admin, .warning, .text("image \(order.image): \(error.sentence)")))
            default:
                files.forget(order.image)
                files.removeTree(files.tree(order.image))
                timeline.add(
                    Event(.admin, .error, .text("image \(order.image) could not be brought in: \(error.sentence)")))
                job.speak()
                await say(.failed(error.sentence), order.image)
            }
        }
    }

    private func discard(_ order: ImportOrder) {
        files.forget(order.image)
        files.remove(source(order))
        files.removeTree(files.tree(order.image))
    }

    /// The change feed may be behind. Until it has told this node what the name stands for, only the job says that its
    /// files are needed.
    private func untilKnown(_ job: ImportJob, _ manifest: Digest) async {
        let end = clock.uptime().adding(milliseconds: Limits.importKnownMilliseconds)
        while index.image(job.order.image)?.manifest != manifest, clock.uptime() < end, job.goesOn {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Makes the name stand for what was made, however long the store takes. False: it did already.
    private func publish(
        _ job: ImportJob, _ made: ImportedImage, _ source: ImageSource
    ) async throws(ImportFault) -> Bool {
        job.begin(.publishing, total: nil)
        let now = clock.now()
        let before = index.image(job.order.image)?.manifest
        job.speak()
        while true {
            do throws(ImportFault) {
                let beside = [holding(job.order.image, made)]
                _ = try await records.update(job.order.image, attempts: 4, beside: beside) { old throws(ImportFault) in
                    guard var record = old else { throw .overtaken("it was removed while it was being brought in") }
                    if case .importing(let other) = record.state, other != self.node {
                        throw .overtaken("\(other) is bringing it in now")
                    }
                    if record.manifest != made.digest { record.addedAt = now }
                    record.state = .ready
                    record.manifest = made.digest
                    record.bytes = made.manifest.bytes
                    record.files = made.manifest.files.count
                    record.source = source.text
                    return record
                }
                return before != made.digest
            } catch {
                guard case .store(let reason) = error else { throw error }
                guard job.goesOn else { throw .stopped }
                job.change { $0.note = "\(reason); trying again" }
                try? await Task.sleep(for: .milliseconds(Limits.contentRetryMilliseconds))
            }
        }
    }

    /// Whoever learns what the name stands for learns in the same instant that this node has it.
    private func holding(_ image: String, _ made: ImportedImage) -> StoreWrite {
        var holdings = index.holdings[node] ?? Holdings(node: node)
        holdings.images[image] = ImageHolding(
            manifest: made.digest, state: .complete, bytesHeld: made.manifest.bytes, bytesTotal: made.manifest.bytes)
        return .put(key: StoreKeys.holds(node), value: HoldingsText.encode(holdings))
    }

    /// Says it on the image, while it is still this node's to say.
    func say(
        _ state: ImageRecord.State, _ image: String, attempts: Int = Limits.importCommitAttemptsMax
    ) async {
        for _ in 0..<attempts where !Task.isCancelled {
            do throws(ImportFault) {
                _ = try await records.update(image, attempts: 4) { old throws(ImportFault) in
                    guard var record = old, record.state == .importing(node: self.node) else { throw .missing }
                    record.state = state
                    return record
                }
                return
            } catch {
                guard case .store = error else { return }
                try? await Task.sleep(for: .milliseconds(Limits.contentRetryMilliseconds))
            }
        }
        self.state.withLock { $0.unsaid[image] = state }
    }
}
