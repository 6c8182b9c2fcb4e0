// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Engine
import Glibc
import Model
import NIOCore

/// Brings the file behind a URL to the disk, on the caller's own thread: goes on where an earlier attempt ended, if the
/// server still has the same version, and tries again when the connection breaks.
struct ImportDownload {
    let url: String
    /// What the file has to be; nil: whatever comes.
    let sha256: Digest?
    let path: String
    let files: ImportFiles
    let client: WebClient
    let job: ImportJob

    /// The digest of what has come.
    func run() async throws(ImportFault) -> Digest {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .failed("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var failures = 0
        while true {
            let before = ImportFiles.size(path) ?? 0
            do throws(FetchFault) { return try await attempt(descriptor) } catch {
                let isProgress = (ImportFiles.size(path) ?? 0) > before
                failures = isProgress ? 1 : failures + 1
                let reason = "\(url): \(error.reason)"
                if case .stopped = error { throw .stopped }
                guard error.mayPass, failures < Self.attemptsMax else { throw .failed(reason) }
                try await rest(failures, reason)
            }
        }
    }

    /// In a row, without any progress: a quarter of a minute. An operator waits who may have mistyped a name.
    private static let attemptsMax = 5

    private func rest(_ failures: Int, _ reason: String) async throws(ImportFault) {
        let delay = min(Limits.contentRetryMilliseconds << min(failures, 10), Limits.contentRetryMillisecondsMax / 2)
        job.change { $0.note = "\(reason); trying again" }
        try? await Task.sleep(for: .milliseconds(delay))
        guard job.goesOn else { throw .stopped }
        job.change { $0.note = nil }
    }

    private func attempt(_ descriptor: Int32) async throws(FetchFault) -> Digest {
        var done = ImportFiles.size(path) ?? 0
        let version = files.noted(path + ".version")
        // Without a name for the version, only the expected digest could tell that both halves are of one file.
        if version == nil, sha256 == nil { done = 0 }
        let answer: WebClient.Answer
        do throws(FetchFault) {
            answer = try await client.get(url, of: .web(isPinned: sha256 != nil), from: done, validator: version)
        } catch {
            // Nothing is left to ask for, or the file has become shorter: the digest tells, or it is fetched anew.
            guard case .status(416) = error, done > 0 else { throw error }
            if let sha256, let hash = hashed(descriptor, done), hash.digest == sha256 { return sha256 }
            try startOver(descriptor)
            throw .cutShort
        }
        let isRest = done > 0 && answer.head.status == 206
        if isRest, answer.head.from != done { throw .nonsense("answers with another part than was asked for") }
        if !isRest { try startOver(descriptor) }
        // Some servers take no notice of If-Range.
        if isRest, let version, let now = answer.head.validator, now != version {
            try startOver(descriptor)
            throw .cutShort
        }
        if let version = answer.head.validator { files.note(version, at: path + ".version") }
        guard var hash = isRest ? hashed(descriptor, done) : ContentHash() else { throw .stopped }
        return try await take(answer, descriptor, from: isRest ? done : 0, &hash)
    }

    /// How long the file is to be; nil: the server does not say.
    static func total(_ head: WebClient.Head, from begin: Int64) throws(FetchFault) -> Int64? {
        let rest = 0...Limits.contentFileBytesMax
        guard head.total.map(rest.contains) ?? true, head.length.map(rest.contains) ?? true else {
            throw .nonsense("has a file of more than \(Limits.contentFileBytesMax) bytes, or of an impossible size")
        }
        return head.total ?? head.length.map { begin + $0 }
    }

    private func take(
        _ answer: WebClient.Answer, _ descriptor: Int32, from begin: Int64, _ hash: inout ContentHash
    ) async throws(FetchFault) -> Digest {
        var done = begin
        let total = try Self.total(answer.head, from: begin)
        job.begin(.downloading, total: total)
        do {
            for try await part in answer.body {
                guard job.goesOn else { throw FetchFault.stopped }
                guard files.hasRoom() else { throw BlobStoreError.full(ImportFiles.noRoom) }
                try part.withUnsafeReadableBytes { bytes in
                    try writeFully(descriptor, bytes, at: done)
                    hash.update(bytes)
                }
                done += Int64(part.readableBytes)
                job.note(bytes: done)
            }
        } catch let error as BlobStoreError {
            throw .here(error)
        } catch { throw WebClient.fault(error) }
        guard total.map({ $0 == done }) ?? true else { throw .cutShort }
        return hash.digest
    }

    /// Of what came before nothing is left, however long it was.
    private func startOver(_ descriptor: Int32) throws(FetchFault) {
        guard ftruncate(descriptor, 0) == 0 else { throw .here(.system("cut \(path)")) }
        unlink(path + ".version")
    }

    private func hashed(_ descriptor: Int32, _ count: Int64) -> ContentHash? {
        ContentHash(reading: descriptor, count: count) { _ in job.goesOn }
    }
}

extension FetchFault {
    /// The same may work a little later.
    var mayPass: Bool {
        switch self {
        case .unreachable, .silent, .cutShort: true
        case .status(let code): code >= 500 || code == 408 || code == 429
        case .missing, .nonsense, .refused, .here, .stopped: false
        }
    }
}
