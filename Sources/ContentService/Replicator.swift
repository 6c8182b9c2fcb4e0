// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Model
import Synchronization

/// Brings to this node what the placement wants here, at most a few files at a time, and says so in the store and on
/// the timeline. One task keeps all of it: a turn looks, starts what may be started, and says what has changed.
final class Replicator: Sendable {
    let node: String
    let blobs: BlobStore
    let index: ContentIndex
    let library: ContentLibrary
    let planner: ContentPlanner
    let fetcher: ContentFetcher
    let pull: PullThrough
    let keeper: HoldingsKeeper
    let reach: ReachCheck
    let speeds = ImageSpeeds()
    let timeline: Timeline
    let clock: Clock
    let wakeup = Wakeup()
    private let pace: Pace
    private let news = Mutex(News())

    /// What other threads have told since the last turn.
    struct News: Sendable {
        /// The store, the site, or the blobs are not what they were.
        var isStale = true
        var damaged: [Digest: String] = [:]
        var ended: [(digest: Digest, end: Flight.End)] = []
        var lists: [(image: String, reason: String?)] = []
    }

    init(
        _ parts: ContentParts, fetcher: ContentFetcher, pull: PullThrough, keeper: HoldingsKeeper, reach: ReachCheck
    ) {
        node = parts.node
        blobs = parts.blobs
        index = parts.index
        library = parts.library
        planner = parts.planner
        timeline = parts.timeline
        clock = parts.clock
        self.fetcher = fetcher
        self.pull = pull
        self.keeper = keeper
        self.reach = reach
        pace = Pace(clock: parts.clock)
    }

    /// Until the task is cancelled.
    func run() async {
        index.onChange { [weak self] in self?.stale() }
        blobs.onDamage = { [weak self] digest, reason in self?.tell { $0.damaged[digest] = reason } }
        var work = ReplicaWork()
        var plannedAt = Int64.min / 2
        while !Task.isCancelled {
            let news = self.news.withLock { news in
                defer { news = News(isStale: false) }
                return news
            }
            let now = clock.uptime()
            take(news, &work, now)
            if news.isStale || !news.damaged.isEmpty || now.milliseconds - plannedAt >= Self.planMilliseconds {
                plan(&work, now)
                plannedAt = now.milliseconds
            }
            start(&work, now)
            if keeper.isDue(now) { await keeper.keep(status(work), now: now) }
            await wakeup.wait(milliseconds: Self.turnMilliseconds)
        }
    }

    private static let turnMilliseconds: Int64 = 500
    private static let planMilliseconds: Int64 = 2_000

    /// Something that the plan rests on has changed.
    func stale() { tell { $0.isStale = true } }

    private func tell(_ body: (inout News) -> Void) {
        news.withLock { body(&$0) }
        wakeup.call()
    }

    // MARK: What has happened

    private func take(_ news: News, _ work: inout ReplicaWork, _ now: Uptime) {
        for (digest, reason) in news.damaged where work.damaged.updateValue(reason, forKey: digest) == nil {
            sayDamaged(digest, reason)
        }
        for (digest, end) in news.ended {
            guard let running = work.running.removeValue(forKey: digest) else { continue }
            let name = "\(running.want.image)/\(running.want.file.path)"
            switch end {
            case .arrived(let from, _):
                work.noteSuccess(digest)
                if let reason = work.damaged.removeValue(forKey: digest) {
                    say(.info, "\(name) is whole again on this node, from \(from) (\(reason))")
                }
            // Stopped because the hours are over: nothing is wrong.
            case .failed where running.flight.stop.isUp: break
            case .failed(let reason, _): work.note(failure: reason, of: digest, at: now)
            }
        }
        for (image, reason) in news.lists {
            if let reason {
                work.lists[image, default: .init(reason: reason)].happen(reason, at: now)
            } else {
                work.lists[image] = nil
            }
        }
    }

    private func sayDamaged(_ digest: Digest, _ reason: String) {
        if let image = index.images.values.first(where: { $0.manifest == digest })?.name {
            say(
                .warning,
                "the list of the files of \(image) was damaged on this node's disk (\(reason)): it is replaced")
        } else if let (image, file) = names(digest) {
            say(
                .warning,
                "\(image)/\(file.path) was damaged on this node's disk (\(reason)): it is not served, and fetched again"
            )
        }
    }

    func say(_ level: Event.Level, _ text: String) { timeline.add(Event(.system, level, .text(text))) }

    /// An image that has the file, and its name there.
    private func names(_ digest: Digest) -> (image: String, file: ContentFile)? {
        for image in index.images.keys.sorted() {
            if let file = library.manifest(image)?.files.first(where: { $0.digest == digest }) { return (image, file) }
        }
        return nil
    }

    // MARK: What is to come

    private func plan(_ work: inout ReplicaWork, _ now: Uptime) {
        let view = planner.view()
        work.lists = work.lists.filter { view.images[$0.key] != nil }
        var wants: [ReplicaWork.Want] = []
        var seen: Set<Digest> = []
        let wanted = view.plan.wanted
        let isWanted = Set(wanted)
        // The lists of all images are kept everywhere: they are small, and the first machine that asks need not wait.
        for image in wanted + view.images.keys.filter({ !isWanted.contains($0) }).sorted() {
            guard let record = view.images[image], let digest = record.manifest else { continue }
            guard let manifest = list(image, digest, &work, now) else { continue }
            for file in manifest.files where !blobs.holds(file.digest) && !blobs.isBeingChecked(file.digest) {
                let isRepair = work.damaged[file.digest] != nil
                guard isRepair || isWanted.contains(image), seen.insert(file.digest).inserted else { continue }
                wants.append(.init(image: image, file: file, isRepair: isRepair))
            }
        }
        forgetWhole(&work)
        work.plan(wants.filter(\.isRepair) + wants.filter { !$0.isRepair })
    }

    /// What turned out to be whole after all, or that nothing needs any more.
    private func forgetWhole(_ work: inout ReplicaWork) {
        for (digest, _) in work.damaged where work.running[digest] == nil && blobs.holds(digest) {
            if let (image, file) = names(digest) { say(.info, "\(image)/\(file.path) is whole after all") }
            work.damaged[digest] = nil
        }
    }

    /// The image's files; nil: the list of them has yet to come, and is asked for.
    private func list(
        _ image: String, _ digest: Digest, _ work: inout ReplicaWork, _ now: Uptime
    ) -> Manifest? {
        if let manifest = library.manifest(image) {
            // Known, and not on the disk any more: others are to have it from here.
            if !blobs.holds(digest), !blobs.isBeingChecked(digest) {
                _ = try? blobs.add(bytes: ManifestText.encode(manifest))
                if blobs.holds(digest) { work.damaged[digest] = nil }
            }
            return manifest
        }
        let isDue = work.lists[image].map { $0.retryAt <= now } ?? true
        guard isDue, !blobs.isBeingChecked(digest) else { return nil }
        work.lists[image, default: .init(reason: "the list of its files is being fetched")].retryAt =
            now.adding(milliseconds: Limits.contentRetryMillisecondsMax)
        let isStarted = fetcher.start("list") { [self] in
            switch await pull.fetchManifest(digest, image: image) {
            case .success:
                tell { news in
                    news.lists.append((image, nil))
                    news.isStale = true
                }
            case .failure(let reason): tell { $0.lists.append((image, reason.sentence)) }
            }
        }
        if !isStarted { work.lists[image] = nil }
        return nil
    }

    private func start(_ work: inout ReplicaWork, _ now: Uptime) {
        let window = planner.window()
        pace.set(bytesPerSecond: window.bytesPerSecond)
        if window.closed != nil {
            for running in work.running.values where !running.want.isRepair { running.flight.pause() }
        }
        while work.running.count < Limits.contentTransfersMax,
            let want = work.take(at: now, onlyRepairs: window.closed != nil)
        {
            let digest = want.file.digest
            let purpose: ContentFetcher.Purpose = want.isRepair ? .pull(keeps: true) : .replica(pace)
            let planner = planner
            let flight = fetcher.fetch(want.file, for: purpose) { planner.sources(of: digest, image: want.image) }
            guard let flight else {
                work.note(failure: "too many files are being fetched", of: digest, at: now)
                continue
            }
            work.running[digest] = .init(want: want, flight: flight)
            flight.ended.then { [weak self] end in self?.tell { $0.ended.append((digest, end)) } }
        }
    }
}
