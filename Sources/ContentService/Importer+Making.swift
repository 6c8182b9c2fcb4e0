// SPDX-License-Identifier: Apache-2.0

import APITypes
import Engine
import Glibc
import Model

/// What an import has made, all of it in the content store, and not named by anything yet.
struct ImportedImage: Sendable {
    var manifest: Manifest
    /// The manifest's own.
    var digest: Digest
    /// Of the file that came, before it was unpacked.
    var source: Digest
    /// What an operator should know of it; else empty.
    var remark = ""
}

extension Importer {
    /// On the job's own thread.
    func make(_ job: ImportJob) async throws(ImportFault) -> ImportedImage {
        if let made = madeBefore(job) { return made }
        let (path, source) = try await bring(job)
        if let expected = job.order.sha256, expected != source {
            files.remove(path)
            throw .failed("the SHA-256 of \(job.order.fileName) is \(source), and should be \(expected)")
        }
        switch job.order.unpack {
        case .none:
            let file = try add(job, path: path, as: job.order.fileName)
            guard file.digest == source else { throw .failed("\(file.path) was changed while it was brought in") }
            return try finish(job, [file], source)
        case .iso, .tar: return try unpack(job, path, source)
        }
    }

    /// What was made before the process ended, if all of it is here.
    private func madeBefore(_ job: ImportJob) -> ImportedImage? {
        guard let made = files.made(job.order.image), let open = blobs.open(made.manifest).file,
            let bytes = open.bytes(atMost: Limits.manifestBytesMax),
            let manifest = try? ManifestText.decode(bytes), manifest.files.allSatisfy({ blobs.holds($0.digest) })
        else { return nil }
        job.pin(made.manifest)
        for file in manifest.files { job.pin(file.digest) }
        return ImportedImage(manifest: manifest, digest: made.manifest, source: made.source)
    }

    /// The file on the disk, whole, and its digest.
    private func bring(_ job: ImportJob) async throws(ImportFault) -> (path: String, digest: Digest) {
        switch job.order.origin {
        case .url(let url):
            let path = files.download(job.order.image, url, job.order.sha256)
            let download = ImportDownload(
                url: url, sha256: job.order.sha256, path: path, files: files, client: client, job: job)
            return (path, try await download.run())
        case .upload(let file):
            let path = files.upload(job.order.image, file)
            guard let size = ImportFiles.size(path) else { throw .failed("\(file) is no longer here: upload it again") }
            job.begin(.verifying, total: size)
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { throw .failed("\(file): \(String(cString: strerror(errno)))") }
            defer { close(descriptor) }
            let hash = ContentHash(reading: descriptor, count: size) { done in
                job.note(bytes: done)
                return job.goesOn
            }
            guard let hash else {
                throw job.goesOn ? .failed("\(file) cannot be read back from the disk") : .stopped
            }
            return (path, hash.digest)
        }
    }

    private func unpack(_ job: ImportJob, _ path: String, _ source: Digest) throws(ImportFault) -> ImportedImage {
        let tree = files.tree(job.order.image)
        files.removeTree(tree)
        guard mkdir(tree, 0o700) == 0 else { throw .failed("\(tree): \(String(cString: strerror(errno)))") }
        defer { files.removeTree(tree) }
        job.begin(.unpacking, total: nil)
        try Unpacker.unpack(path, into: tree) { () throws(ImportFault) in
            guard job.goesOn else { throw .stopped }
            guard files.hasRoom() else { throw .failed("it cannot be unpacked: \(ImportFiles.noRoom)") }
        }
        let found = try FileTree(root: tree)
        guard !found.entries.isEmpty else { throw .failed("there are no files in \(job.order.fileName)") }
        job.begin(.verifying, total: found.entries.reduce(0) { $0 + $1.bytes })
        var done: Int64 = 0
        // A file may have several names, and is moved away with the first.
        var added: [String: ContentFile] = [:]
        var contents: [ContentFile] = []
        for entry in found.entries {
            guard job.goesOn else { throw .stopped }
            var file: ContentFile
            if let known = added[entry.file] {
                file = known
            } else {
                file = try add(job, path: entry.file, as: entry.path, durably: false)
                added[entry.file] = file
            }
            file.path = entry.path
            contents.append(file)
            done += file.bytes
            job.note(bytes: done)
        }
        var image = try finish(job, contents, source)
        if let first = found.leftOut.first {
            image.remark =
                "; \(found.leftOut.count) names were left out, \"\(first)\" for one: they lead nowhere or "
                + "out of the archive, or no machine could ask for them"
        }
        return image
    }

    private func add(
        _ job: ImportJob, path: String, as name: String, durably: Bool = true
    ) throws(ImportFault) -> ContentFile {
        do throws(BlobStoreError) {
            let (digest, bytes) = try blobs.add(path: path, moving: true, durably: durably)
            job.pin(digest)
            return ContentFile(path: name, digest: digest, bytes: bytes)
        } catch { throw .failed("\(name): \(error.sentence)") }
    }

    /// Nothing names a file before it is on the disk for good.
    private func finish(
        _ job: ImportJob, _ contents: [ContentFile], _ source: Digest
    ) throws(ImportFault) -> ImportedImage {
        let manifest = Manifest(files: contents)
        do throws(BlobStoreError) {
            try blobs.sync()
            let (digest, _) = try blobs.add(bytes: ManifestText.encode(manifest))
            job.pin(digest)
            // What was there before may have been found damaged meanwhile, or removed before this job needed it.
            if let lost = contents.first(where: { !blobs.holds($0.digest) }) {
                throw .io("\(lost.path) went away while it was brought in: add it again")
            }
            files.noteMade(job.order.image, manifest: digest, source: source)
            return ImportedImage(manifest: manifest, digest: digest, source: source)
        } catch { throw .failed(error.sentence) }
    }
}
