// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Foundation
import Model

/// What to bring in under an image's name.
public struct ImportOrder: Hashable, Sendable {
    public enum Origin: Hashable, Sendable {
        case url(String)
        /// A file that was uploaded for this image, by its name.
        case upload(String)
    }

    public var image: String
    public var origin: Origin
    /// What it must be, before it is unpacked; nil: whatever comes.
    public var sha256: Digest?
    public var unpack: Unpacking

    /// Throws `.invalid`, which names the field, for what `ImportRequest.errors` finds, and for a file without a name.
    public init(image: String, _ request: ImportRequest) throws(ImportFault) {
        if let error = request.errors.first {
            throw .invalid(field: error.field, error.message + (error.hint.map { " (\($0))" } ?? ""))
        }
        self.image = image
        let name = request.url ?? request.upload ?? ""
        origin = request.url.map { .url($0) } ?? .upload(name)
        unpack = request.unpack ?? Unpacking(name: name)
        sha256 = request.sha256.flatMap { Digest($0) }
        guard (try? ContentPath("image/" + fileName)) != nil, !fileName.contains("/") else {
            throw .invalid(field: request.url == nil ? "upload" : "url", "does not end in a usable file name")
        }
    }

    /// The file's own name: the path that it has in an image that is not unpacked.
    public var fileName: String {
        switch origin {
        case .upload(let name): name
        case .url(let url): url.fileName ?? image
        }
    }

    /// Where it comes from, for people.
    var source: String {
        switch origin {
        case .upload: "upload"
        case .url(let url): url
        }
    }
}

extension String {
    /// The last part of a URL's path, decoded; nil: there is none.
    fileprivate var fileName: String? {
        guard let authority = range(of: "://")?.upperBound else { return nil }
        let whole = self[authority...].prefix { $0 != "?" && $0 != "#" }
        guard let slash = whole.lastIndex(of: "/"), slash != whole.indices.last else { return nil }
        let name = String(whole[whole.index(after: slash)...])
        // What is no text when it is decoded stays as it is.
        return name.removingPercentEncoding ?? name
    }
}

/// `ImageRecord.source`: where an image came from, and the digest of the file that came, before it was unpacked. The
/// same import again can then be told without fetching anything.
struct ImageSource: Hashable, Sendable {
    /// A URL, or "upload".
    var origin: String
    /// Nil: not known.
    var made: Made?

    struct Made: Hashable, Sendable {
        var sha256: Digest
        var unpack: Unpacking
    }

    init(origin: String, made: Made?) { (self.origin, self.made) = (origin, made) }

    /// "https://host/file.iso iso sha256:..."; anything else is an origin only.
    init(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        let mark = "sha256:"
        guard words.count == 3, let unpack = Unpacking(rawValue: String(words[1])), words[2].hasPrefix(mark),
            let digest = Digest(words[2].dropFirst(mark.count))
        else {
            (origin, made) = (text, nil)
            return
        }
        (origin, made) = (String(words[0]), Made(sha256: digest, unpack: unpack))
    }

    var text: String { origin + (made.map { " \($0.unpack.rawValue) sha256:\($0.sha256)" } ?? "") }

    /// Nil: it was no URL.
    var url: String? { origin.hasPrefix("http://") || origin.hasPrefix("https://") ? origin : nil }
}

/// How far an import has come.
struct ImportProgress: Hashable, Sendable {
    /// The words of `ImageReport.Progress`.
    enum Phase: String, Sendable { case waiting, downloading, verifying, unpacking, publishing }

    var phase = Phase.waiting
    /// Of this phase.
    var bytes: Int64 = 0
    /// Nil: not known.
    var bytesTotal: Int64?
    var bytesPerSecond: Int64 = 0
    /// A sentence, while something is tried again.
    var note: String?

    var report: ImageReport.Progress {
        .init(
            phase: phase.rawValue, bytesDone: bytes, bytesTotal: bytesTotal, bytesPerSecond: bytesPerSecond, note: note)
    }
}

/// Why something was not imported.
public enum ImportFault: Error, Hashable, Sendable {
    /// The request itself: the field, and what is wrong with it.
    case invalid(field: String, String)
    /// Something else has to end first: a sentence.
    case busy(String)
    /// It failed, and why; what stood under the name before is still served.
    case failed(String)
    /// The store does not take writes now.
    case store(String)
    /// This node stops; the import goes on at its next start.
    case stopped
    /// The image has been removed, or another node has begun to import it.
    case overtaken(String)
    case missing

    public var sentence: String {
        switch self {
        case .invalid(let field, let what): "\(field): \(what)"
        case .busy(let reason), .failed(let reason), .overtaken(let reason), .store(let reason): reason
        case .stopped: "this node stops; the import goes on at its next start"
        case .missing: "there is no such image"
        }
    }
}
