// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Glibc
import Model

import struct Crypto.SHA256

/// What imports keep on the disk, in a directory of the content store. Names that come from outside are hashed.
///
///     job/<key>           what is being imported under a name, so that a restart goes on with it; job/<key>.made when
///                         all of it is in the content store
///     download/<key>      what has come of a URL, and download/<key>.version what the server called it
///     upload/<key>        what has come of an upload, and upload/<key>.total how much it is to be
///     tree/<key>          an archive that is being unpacked
struct ImportFiles: Sendable {
    let directory: String
    /// Whether more may be written: the leases may lie on this disk, too, and some of it is left free for them.
    let hasRoom: @Sendable () -> Bool
    static let noRoom = "the disk of the content store has no room left: what is free must stay so"

    /// Throws `.failed`.
    init(directory: String, hasRoom: @escaping @Sendable () -> Bool) throws(ImportFault) {
        self.directory = directory
        self.hasRoom = hasRoom
        for name in ["job", "download", "upload", "tree"] {
            do {
                try FileManager.default.createDirectory(
                    atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
            } catch { throw .failed("cannot make the directory \(directory)/\(name): \(error.localizedDescription)") }
        }
    }

    private static func key(_ parts: String...) -> String {
        let digest = SHA256.hash(data: Array(parts.joined(separator: "\n").utf8))
        return String(Digest(bytes: digest)?.description.prefix(32) ?? "")
    }

    /// Each image has its own, for two imports at once must not write to one file. Of the same address with another
    /// expected digest something else may come.
    func download(_ image: String, _ url: String, _ sha256: Digest?) -> String {
        "\(directory)/download/\(Self.key(image, url, sha256?.description ?? ""))"
    }
    func upload(_ image: String, _ file: String) -> String { "\(directory)/upload/\(Self.key(image, file))" }
    func tree(_ image: String) -> String { "\(directory)/tree/\(Self.key(image))" }
    private func job(_ image: String) -> String { "\(directory)/job/\(Self.key(image))" }

    // MARK: Jobs

    /// Throws `.failed`.
    func save(_ order: ImportOrder) throws(ImportFault) {
        var request = ImportRequest(sha256: order.sha256?.description, unpack: order.unpack)
        switch order.origin {
        case .url(let url): request.url = url
        case .upload(let file): request.upload = file
        }
        do {
            let data = try JSONEncoder().encode(Job(image: order.image, request: request))
            // The address may have a key in its query.
            let path = job(order.image)
            guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
            else { throw CocoaError(.fileWriteUnknown) }
            try data.write(to: URL(fileURLWithPath: path))
        } catch { throw .failed("cannot note the import on the disk: \(error.localizedDescription)") }
    }

    func forget(_ image: String) {
        unlink(job(image) + ".made")
        unlink(job(image))
    }

    /// All of it is in the content store, and only the name has to be written: the manifest, and what it was made of.
    func noteMade(_ image: String, manifest: Digest, source: Digest) {
        note("\(manifest) \(source)", at: job(image) + ".made")
    }

    func made(_ image: String) -> (manifest: Digest, source: Digest)? {
        let words = (noted(job(image) + ".made") ?? "").split(separator: " ")
        guard words.count == 2, let manifest = Digest(words[0]), let source = Digest(words[1]) else { return nil }
        return (manifest, source)
    }

    /// Those that were not over when the process ended.
    var jobs: [ImportOrder] {
        Self.names("\(directory)/job").sorted().filter { !$0.hasSuffix(".made") }.compactMap { name in
            guard let data = FileManager.default.contents(atPath: "\(directory)/job/\(name)"),
                let job = try? JSONDecoder().decode(Job.self, from: data)
            else { return nil }
            return try? ImportOrder(image: job.image, job.request)
        }
    }

    private struct Job: Codable {
        var image: String
        var request: ImportRequest
    }

    // MARK: Numbers and words beside a file

    func note(_ text: String, at path: String) { try? text.write(toFile: path, atomically: true, encoding: .utf8) }

    func noted(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    static func size(_ path: String) -> Int64? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_size)
    }

    /// A file and what is noted beside it.
    func remove(_ path: String) {
        for end in ["", ".version", ".total"] { unlink(path + end) }
    }

    func removeTree(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    /// Throws away what nobody has written to for so long, but what running jobs use.
    func sweep(olderThan seconds: Int64, except used: Set<String>) {
        let oldest = Int64(time(nil)) - seconds
        for place in ["download", "upload", "tree"] {
            for name in Self.names("\(directory)/\(place)") {
                let path = "\(directory)/\(place)/\(name)"
                let base = "\(directory)/\(place)/\(name.prefix { $0 != "." })"
                var status = stat()
                guard !used.contains(base), lstat(path, &status) == 0,
                    Int64(status.st_mtim.tv_sec) < oldest
                else { continue }
                removeTree(path)
            }
        }
    }

    private static func names(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }
}
