// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Engine
import Glibc
import Model
import NIOCore
import Synchronization

/// Brings files to this node, each once however many want it. Every transfer has a thread of its own.
final class ContentFetcher: Sendable {
    enum Purpose {
        /// To be held; no faster than this.
        case replica(Pace)
        /// For a machine that waits; to stay, or only through.
        case pull(keeps: Bool)
    }

    private struct State {
        var flights: [Digest: Flight] = [:]
        /// What is asked for before `run` has begun waits for it.
        var isOver = false
    }

    private let blobs: BlobStore
    private let client: WebClient
    /// Where files lie that only pass through.
    private let directory: String
    private let state = Mutex(State())
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let submit: AsyncStream<@Sendable () async -> Void>.Continuation
    /// Called before a file of so many bytes is brought in, to make room for it.
    private let makeRoom: @Sendable (Int64) -> Void

    init(
        blobs: BlobStore, client: WebClient, directory: String, makeRoom: @escaping @Sendable (Int64) -> Void
    ) {
        self.blobs = blobs
        self.client = client
        self.directory = directory
        self.makeRoom = makeRoom
        (jobs, submit) = AsyncStream.makeStream()
    }

    /// Until the task is cancelled; transfers that are running then are kept for another time.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs { group.addTask { await job() } }
            group.cancelAll()
        }
        let left = state.withLock { state in
            state.isOver = true
            defer { state.flights = [:] }
            return Array(state.flights.values)
        }
        for flight in left { flight.end(.failed(reason: "this node stops", isFull: false)) }
    }

    /// Runs `work` on a thread of its own, as a part of `run`. False: that is over.
    func start(_ name: String, _ work: @escaping @Sendable () async -> Void) -> Bool {
        guard !state.withLock({ $0.isOver }) else { return false }
        guard case .enqueued = submit.yield({ await WorkThread.run(named: name, work) }) else { return false }
        return true
    }

    /// Joins the transfer of this file, or begins one. Nil: too many are running.
    func fetch(
        _ file: ContentFile, for purpose: Purpose, from sources: @escaping @Sendable () -> [ContentSource]
    ) -> Flight? {
        let (flight, isNew) = state.withLock { state -> (Flight?, Bool) in
            if let flight = state.flights[file.digest] { return (flight, false) }
            guard !state.isOver, state.flights.count < Limits.contentPullsMax else { return (nil, false) }
            let flight =
                switch purpose {
                case .replica(let pace): Flight(file, keeps: true, pace: pace)
                case .pull(let keeps): Flight(file, keeps: keeps, pace: nil)
                }
            state.flights[file.digest] = flight
            return (flight, true)
        }
        guard let flight else { return nil }
        if !isNew, case .pull = purpose { flight.hurry() }
        if isNew {
            let isStarted = start("fetch") { [self] in
                let end = await carryOut(flight, sources())
                state.withLock { $0.flights[file.digest] = nil }
                flight.end(end)
            }
            if !isStarted { flight.end(.failed(reason: "this node stops", isFull: false)) }
        }
        return flight
    }

    /// Bytes that have come of a file that is on its way.
    func bytesReceived(_ digest: Digest) -> Int64? { state.withLock { $0.flights[digest]?.bytesReceived } }

    // MARK: On the transfer's thread

    private func carryOut(_ flight: Flight, _ sources: [ContentSource]) async -> Flight.End {
        if flight.keeps, blobs.holds(flight.file.digest) { return .arrived(from: "this node", passedOver: []) }
        guard !sources.isEmpty else { return .failed(reason: "no node that is there holds it", isFull: false) }
        if flight.isPulled, flight.keeps { makeRoom(flight.file.bytes) }
        var reasons: [String] = []
        var isFull = false
        var sink: (any BlobSink)?
        for source in sources {
            do throws(FetchFault) {
                let open: any BlobSink
                if let sink { open = sink } else { open = try self.sink(flight) }
                sink = open
                try await transfer(flight, source, to: open)
                do throws(BlobStoreError) { try open.publish() } catch { throw .here(error) }
                return .arrived(from: source.name, passedOver: reasons)
            } catch {
                reasons.append(error.isFinal ? error.reason : "\(source.name): \(error.reason)")
                if case .here(let fault) = error {
                    isFull = fault.isFull
                    if fault.isOfSource {
                        sink?.arriving.fail(error.reason)
                        sink?.discard()
                        sink = nil
                    }
                }
                guard !error.isFinal, !flight.stop.isUp, !Task.isCancelled else { break }
            }
        }
        let reason = reasons.joined(separator: "; ")
        sink?.suspend()
        sink?.arriving.fail(reason)
        return .failed(reason: reason, isFull: isFull)
    }

    private func sink(_ flight: Flight) throws(FetchFault) -> any BlobSink {
        do throws(BlobStoreError) {
            if flight.keeps { return try blobs.begin(flight.file.digest, bytes: flight.file.bytes) }
            guard (blobs.bytesFree ?? .max) >= flight.file.bytes else {
                throw .full("the disk of the content store has no room for \(flight.file.bytes) bytes")
            }
            return try PassingBlob(flight.file, directory: directory)
        } catch { throw .here(error) }
    }

    /// From where the sink ends to the end of the file.
    private func transfer(_ flight: Flight, _ source: ContentSource, to sink: any BlobSink) async throws(FetchFault) {
        let begin = sink.count
        flight.note(received: begin)
        // A process that died between the last byte and the publication.
        guard begin < flight.file.bytes || begin == 0 else { return }
        let answer = try await client.get(
            source.url(flight.file.digest), of: source.server, from: begin,
            validator: source.validator(flight.file.digest))
        var skip = try Self.bytesToSkip(answer.head, begin: begin, bytes: flight.file.bytes)
        flight.started.set(.arriving(sink.arriving))
        do {
            for try await var part in answer.body {
                guard !flight.stop.isUp else { throw FetchFault.stopped }
                let skipped = min(skip, Int64(part.readableBytes))
                part.moveReaderIndex(forwardBy: Int(skipped))
                skip -= skipped
                try Self.append(part, to: sink)
                flight.note(received: sink.count)
                await flight.keepPace(part.readableBytes)
            }
        } catch { throw WebClient.fault(error) }
        guard sink.count == flight.file.bytes else { throw .cutShort }
    }

    private static func append(_ part: ByteBuffer, to sink: any BlobSink) throws(FetchFault) {
        do throws(BlobStoreError) {
            try part.withUnsafeReadableBytes { bytes throws(BlobStoreError) in try sink.append(bytes) }
        } catch { throw .here(error) }
    }

    /// What of the answer is here already; throws when it is about another file.
    static func bytesToSkip(_ head: WebClient.Head, begin: Int64, bytes: Int64) throws(FetchFault) -> Int64 {
        let isPart = head.status == 206
        if isPart, head.from != begin || head.total.map({ $0 != bytes }) ?? false {
            throw .nonsense("answers with another part of the file than was asked for")
        }
        let rest = isPart ? bytes - begin : bytes
        if let length = head.length, length != rest {
            throw .nonsense("has a file of \(length) bytes where \(rest) should be")
        }
        return isPart ? 0 : begin
    }
}
