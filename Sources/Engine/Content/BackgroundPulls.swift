// SPDX-License-Identifier: Apache-2.0

import Model
import Synchronization

/// Files that somebody who cannot wait has asked for. They are pulled beside, each once; a failure is told for a while.
final class BackgroundPulls: Sendable {
    enum Want: Sendable {
        case file(ContentFile, image: String)
        case manifest(Digest, image: String)

        var digest: Digest {
            switch self {
            case .file(let file, _): file.digest
            case .manifest(let digest, _): digest
            }
        }
    }

    private struct State {
        var underWay: Set<Digest> = []
        var failures: [Digest: (reason: String, until: Int64)] = [:]
    }

    private let state = Mutex(State())
    private let clock: Clock
    let wants: AsyncStream<Want>
    private let input: AsyncStream<Want>.Continuation

    init(clock: Clock) {
        self.clock = clock
        (wants, input) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Limits.contentPullsWaitingMax))
    }

    private var uptime: Int64 { clock.uptime().milliseconds }

    /// Nil: it is on its way, ask again. Else why it could not be had a moment ago.
    func ask(for want: Want) -> String? {
        let (now, digest) = (uptime, want.digest)
        return state.withLock { state in
            if let failure = state.failures[digest] {
                if now < failure.until { return failure.reason }
                state.failures[digest] = nil
            }
            // What finds no room is asked for again.
            guard state.underWay.count < Limits.contentPullsWaitingMax, state.underWay.insert(digest).inserted else {
                return nil
            }
            if case .dropped = input.yield(want) { state.underWay.remove(digest) }
            return nil
        }
    }

    func done(_ want: Want, failure: String?) {
        let now = uptime
        state.withLock { state in
            state.underWay.remove(want.digest)
            if state.failures.count >= Limits.contentPullsWaitingMax {
                state.failures = state.failures.filter { $0.value.until > now }
            }
            guard let failure, state.failures.count < Limits.contentPullsWaitingMax else { return }
            state.failures[want.digest] = (failure, now + Limits.contentPullFailureMilliseconds)
        }
    }
}

extension ContentLibrary {
    /// Pulls what `openNow` was asked for and did not have. Until cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await want in pulls.wants {
                group.addTask { [self] in pulls.done(want, failure: await fulfil(want)) }
            }
        }
    }

    /// Nil: it is here.
    private func fulfil(_ want: BackgroundPulls.Want) async -> String? {
        switch want {
        case .manifest(let digest, let image):
            let manifest = await pull.pullManifest(digest, image: image)
            return manifest == nil ? Self.unlisted(image) : nil
        case .file(let file, let image):
            // Kept even where files of this image are streamed: who asks again must find it.
            switch await pull.pull(file, image: image, keep: true) {
            case .file: return nil
            case .unavailable(let reason): return reason
            case .arriving(let arriving):
                do throws(ArrivingFile.Failure) {
                    _ = try await arriving.available(beyond: max(0, arriving.size - 1))
                    return nil
                } catch { return error.reason }
            }
        }
    }
}
