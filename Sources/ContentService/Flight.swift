// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Synchronization

/// Where a file may come from.
public enum ContentSource: Hashable, Sendable {
    /// A node that may hold it, and the base of its boot port: "http://10.0.0.1:8080".
    case peer(String, base: String)
    /// The very file, on a web server.
    case web(url: String)

    /// For sentences.
    public var name: String {
        switch self {
        case .peer(let node, _): node
        case .web(let url): url
        }
    }

    func url(_ digest: Digest) -> String {
        switch self {
        case .peer(_, let base): "\(base)/c/\(digest)"
        case .web(let url): url
        }
    }

    /// What comes is compared with the digest.
    var server: WebClient.Server {
        switch self {
        case .peer: .node
        case .web: .web(isPinned: true)
        }
    }

    /// What makes a peer go on with the very same file only; of what a web server has, the digest tells in the end.
    func validator(_ digest: Digest) -> String? {
        switch self {
        case .peer: "\"\(digest)\""
        case .web: nil
        }
    }
}

/// One file on its way to this node, for everybody here who wants it.
final class Flight: Sendable {
    enum Start: Sendable {
        case arriving(ArrivingFile)
        /// It was over before there was anything to follow.
        case ended(End)
    }

    enum End: Sendable {
        /// Whole and verified; from whom, and why not from those who were asked first.
        case arrived(from: String, passedOver: [String])
        /// Why it did not come: a sentence. `isFull`: this node's disk is.
        case failed(reason: String, isFull: Bool)
    }

    let file: ContentFile
    let keeps: Bool
    let started = Once<Start>()
    let ended = Once<End>()
    let stop = StopFlag()
    private let pace: Mutex<Pace?>
    private let received = Atomic<Int64>(0)

    init(_ file: ContentFile, keeps: Bool, pace: Pace?) {
        self.file = file
        self.keeps = keeps
        self.pace = Mutex(pace)
    }

    /// Whether somebody waits for it.
    var isPulled: Bool { pace.withLock { $0 == nil } }

    /// Somebody waits for it: no limit any more.
    func hurry() { pace.withLock { $0 = nil } }

    /// Stops it, unless somebody waits for it; what has come is kept.
    func pause() {
        if pace.withLock({ $0 != nil }) { stop.raise() }
    }

    /// So far, of the file.
    var bytesReceived: Int64 { received.load(ordering: .relaxed) }

    func note(received count: Int64) { received.store(count, ordering: .relaxed) }

    func end(_ end: End) {
        started.set(.ended(end))
        ended.set(end)
    }

    /// Waits as long as the limit wants it, now that so many bytes more have come.
    func keepPace(_ count: Int) async {
        guard var rest = pace.withLock({ $0?.claim(count) }) else { return }
        while rest > 0, !stop.isUp, pace.withLock({ $0 != nil }), !Task.isCancelled {
            let slice = min(rest, 100)
            try? await Task.sleep(for: .milliseconds(slice))
            rest -= slice
        }
    }
}
