// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Model
import Synchronization

extension Replicator {
    /// What this node holds of every image, and why not more.
    func status(_ work: ReplicaWork) -> Holdings {
        var holdings = Holdings(node: node)
        holdings.bytesFree = blobs.bytesFree
        let view = planner.view()
        let wanted = Set(view.plan.wanted)
        for (image, record) in view.images {
            guard let digest = record.manifest else { continue }
            holdings.images[image] = holding(image, record, digest, work, isWanted: wanted.contains(image))
        }
        return holdings
    }

    /// Nil: nothing of it is here, and nothing has to be.
    private func holding(
        _ image: String, _ record: ImageRecord, _ digest: Digest, _ work: ReplicaWork, isWanted: Bool
    ) -> ImageHolding? {
        guard let manifest = library.manifest(image) else {
            if isWanted {
                let reason = work.lists[image].flatMap { $0.count > 0 ? $0.reason : nil }
                return ImageHolding(
                    manifest: digest, state: reason.map { .failed($0) } ?? .fetching, bytesHeld: 0,
                    bytesTotal: record.bytes)
            }
            return reach.failure(image).map {
                ImageHolding(manifest: digest, state: .failed($0), bytesHeld: 0, bytesTotal: record.bytes)
            }
        }
        var held: Int64 = 0
        var isWhole = blobs.holds(digest)
        for file in manifest.files {
            if blobs.holds(file.digest) {
                held += file.bytes
            } else {
                isWhole = false
                held += fetcher.bytesReceived(file.digest) ?? 0
            }
        }
        var holding = ImageHolding(manifest: digest, state: .some, bytesHeld: held, bytesTotal: manifest.bytes)
        if isWhole {
            holding.state = .complete
        } else if isWanted {
            holding.state = blockage(image, work).map { .failed($0) } ?? .fetching
            holding.bytesPerSecond = speed(image, held, work)
        } else if let reason = reach.failure(image) {
            holding.state = .failed(reason)
        } else if held == 0 {
            return nil
        }
        return holding
    }

    /// Why nothing of the image comes; nil: something does, or may at any moment.
    private func blockage(_ image: String, _ work: ReplicaWork) -> String? {
        if work.running.values.contains(where: { $0.want.image == image }) {
            // It is being tried again: what went wrong the last time stands until something has come.
            let running = work.running.values.filter { $0.want.image == image }
            if running.contains(where: { work.failure($0.want.file.digest) == nil || $0.flight.started.now != nil }) {
                return nil
            }
            return running.compactMap { work.failure($0.want.file.digest) }.first?.reason
        }
        guard let first = work.waiting.first(where: { $0.image == image }) else { return nil }
        return work.failure(first.file.digest).map { "\(first.file.path): \($0.reason)" }
    }

    private func speed(_ image: String, _ held: Int64, _ work: ReplicaWork) -> Int64 {
        guard work.running.values.contains(where: { $0.want.image == image }) else { return 0 }
        return speeds.speed(of: image, total: held, at: clock.uptime())
    }
}

/// How fast images are coming in.
final class ImageSpeeds: Sendable {
    private let speeds = Mutex<[String: Speedometer]>([:])

    func speed(of image: String, total: Int64, at now: Uptime) -> Int64 {
        let speedometer = speeds.withLock { speeds in
            if let known = speeds[image] { return known }
            let new = Speedometer()
            speeds[image] = new
            return new
        }
        speedometer.note(total: total, at: now)
        return max(0, speedometer.bytesPerSecond)
    }
}
