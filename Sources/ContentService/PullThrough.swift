// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Engine
import Model
import NIOCore
import Synchronization

/// Brings files here while machines wait for them: the first who asks starts the transfer, everybody else joins it.
public final class PullThrough: ContentPulling {
    private let blobs: BlobStore
    private let fetcher: ContentFetcher
    private let client: WebClient
    private let planner: ContentPlanner
    private let lists = Mutex<[Digest: Once<ListAnswer>]>([:])

    private enum ListAnswer: Sendable {
        case manifest(Manifest)
        case unavailable(String)
    }

    init(blobs: BlobStore, fetcher: ContentFetcher, client: WebClient, planner: ContentPlanner) {
        self.blobs = blobs
        self.fetcher = fetcher
        self.client = client
        self.planner = planner
    }

    // MARK: Files

    public func pull(_ file: ContentFile, image: String, keep: Bool) async -> PullAnswer {
        let planner = planner
        let flight = fetcher.fetch(file, for: .pull(keeps: keep)) { planner.sources(of: file.digest, image: image) }
        guard let flight else {
            return .unavailable("\(image)/\(file.path) is not here, and too many files are being fetched already")
        }
        switch await flight.started.value {
        case .arriving(let arriving): return .arriving(arriving)
        case .ended(.failed(let reason, _)):
            return .unavailable("\(image)/\(file.path) is not here, and cannot be fetched: \(reason)")
        case .ended(.arrived):
            switch blobs.open(file.digest) {
            case .file(let open): return .file(open)
            case .absent, .damaged, .unreadable:
                return .unavailable("\(image)/\(file.path) came, and cannot be opened")
            }
        }
    }

    // MARK: Lists

    public func pullManifest(_ digest: Digest, image: String) async -> Manifest? {
        if case .manifest(let manifest) = await list(digest, image: image) { manifest } else { nil }
    }

    /// The manifest, or why it cannot be had; `asks` once for however many.
    func fetchManifest(_ digest: Digest, image: String) async -> Result<Manifest, FetchReason> {
        switch await list(digest, image: image) {
        case .manifest(let manifest): .success(manifest)
        case .unavailable(let reason): .failure(FetchReason(sentence: reason))
        }
    }

    private func list(_ digest: Digest, image: String) async -> ListAnswer {
        let (answer, isNew) = lists.withLock { lists in
            if let known = lists[digest] { return (known, false) }
            let answer = Once<ListAnswer>()
            lists[digest] = answer
            return (answer, true)
        }
        if isNew {
            let isStarted = fetcher.start("fetch list") { [self] in
                let result = await bring(digest, image: image)
                _ = lists.withLock { $0.removeValue(forKey: digest) }
                answer.set(result)
            }
            if !isStarted {
                _ = lists.withLock { $0.removeValue(forKey: digest) }
                answer.set(.unavailable("this node stops"))
            }
        }
        return await answer.value
    }

    private func bring(_ digest: Digest, image: String) async -> ListAnswer {
        var reasons: [String] = []
        for source in planner.peers(holding: image) {
            do throws(FetchFault) {
                let manifest = try await read(digest, from: source)
                // A list that cannot be kept is asked for again next time.
                _ = try? blobs.add(bytes: manifest.bytes)
                return .manifest(manifest.manifest)
            } catch { reasons.append("\(source.name): \(error.reason)") }
        }
        let why = reasons.isEmpty ? "no node that is there has it" : reasons.joined(separator: "; ")
        return .unavailable("the list of its files cannot be fetched: \(why)")
    }

    private func read(
        _ digest: Digest, from source: ContentSource
    ) async throws(FetchFault) -> (manifest: Manifest, bytes: [UInt8]) {
        let answer = try await client.get(source.url(digest), of: source.server)
        var bytes: [UInt8] = []
        do {
            for try await part in answer.body {
                bytes.append(contentsOf: part.readableBytesView)
                guard bytes.count <= Limits.manifestBytesMax else {
                    throw FetchFault.nonsense("has a list that is too long")
                }
            }
        } catch { throw WebClient.fault(error) }
        guard Digest.of(bytes) == digest else { throw .nonsense("has a list that is not the one asked for") }
        do throws(ManifestError) { return (try ManifestText.decode(bytes), bytes) } catch {
            throw .nonsense("has a list that cannot be read: \(error)")
        }
    }
}

/// Why something could not be fetched: a sentence.
struct FetchReason: Error, Hashable, Sendable {
    var sentence: String
}
