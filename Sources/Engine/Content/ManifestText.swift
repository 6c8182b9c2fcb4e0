// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model

/// Why a manifest cannot be read: the text completes "the manifest cannot be read: ".
public struct ManifestError: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1; nil: it is about the whole.
    public var line: Int?
    public var reason: String
    public var description: String { line.map { "line \($0): \(reason)" } ?? reason }
}

/// A manifest as a file of the content store, in the order of the paths, two spaces in between:
///
///     9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  4194304  linux
public enum ManifestText {
    public static func encode(_ manifest: Manifest) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(manifest.files.count * 112)
        for file in manifest.files { text.append(contentsOf: "\(file.digest)  \(file.bytes)  \(file.path)\n".utf8) }
        return text
    }

    /// Every byte must be accounted for; no path leads anywhere but into its image.
    public static func decode(_ bytes: [UInt8]) throws(ManifestError) -> Manifest {
        guard bytes.count <= Limits.manifestBytesMax else {
            throw ManifestError(reason: "it is longer than \(Limits.manifestBytesMax) bytes")
        }
        guard bytes.isEmpty || bytes.last == newline else { throw ManifestError(reason: "its last line has no end") }
        var files: [ContentFile] = []
        var paths: Set<String> = []
        for (index, line) in bytes.dropLast().split(separator: newline, omittingEmptySubsequences: false).enumerated() {
            if bytes.isEmpty { break }
            guard index < Limits.manifestFilesMax else {
                throw ManifestError(reason: "it has more than \(Limits.manifestFilesMax) files")
            }
            do throws(ManifestError) {
                let file = try decode(line: line)
                guard paths.insert(file.path).inserted else {
                    throw ManifestError(reason: "\"\(file.path)\" is there twice")
                }
                files.append(file)
            } catch { throw ManifestError(line: index + 1, reason: error.reason) }
        }
        return Manifest(files: files)
    }

    private static let newline = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")

    private static func decode(line: ArraySlice<UInt8>) throws(ManifestError) -> ContentFile {
        var rest = line
        let digest = try field(&rest)
        let bytes = try field(&rest)
        guard let digest = Digest(digest) else { throw ManifestError(reason: "its first field is no SHA-256") }
        guard !bytes.hasPrefix("+"), let bytes = Int64(bytes), (0...Limits.contentFileBytesMax).contains(bytes) else {
            throw ManifestError(reason: "its second field is no number of bytes")
        }
        guard let path = String(validating: rest, as: UTF8.self) else {
            throw ManifestError(reason: "its path is not UTF-8")
        }
        do throws(ContentPath.Refusal) {
            return ContentFile(path: try ContentPath(path).text, digest: digest, bytes: bytes)
        } catch { throw ManifestError(reason: error.sentence) }
    }

    /// What comes before the next two spaces.
    private static func field(_ rest: inout ArraySlice<UInt8>) throws(ManifestError) -> String {
        guard let end = rest.firstIndex(of: space), rest[end...].prefix(2).elementsEqual([space, space]) else {
            throw ManifestError(reason: "it is not SHA-256, bytes and path with two spaces in between")
        }
        defer { rest = rest[(end + 2)...] }
        return String(decoding: rest[..<end], as: UTF8.self)
    }
}
