// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// A request's target, taken apart and decoded (RFC 9112 3.2, RFC 3986).
struct RequestTarget: Hashable, Sendable {
    enum Failure: Error, Hashable { case tooLong, malformed }

    /// Percent-decoded, without empty ones: firmware writes "//" where it joins a directory and a name.
    var segments: [String]
    /// Decoded pairs in the order in which they were written.
    var query: [Pair]

    struct Pair: Hashable, Sendable {
        var name: String
        var value: String
    }

    var path: String { segments.joined(separator: "/") }

    /// The first value of a name.
    subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    /// Reads the origin form ("/a/b?c=d") and the absolute form ("http://host/a/b"), which servers must take too.
    init(_ target: String) throws(Failure) {
        guard target.utf8.count <= Limits.httpTargetBytesMax else { throw .tooLong }
        var rest = Substring(target)
        if rest.utf8.first != Self.slash {
            guard let scheme = ["http://", "https://"].first(where: { target.lowercased().hasPrefix($0) }) else {
                throw .malformed
            }
            rest = rest.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
            if rest.utf8.first != Self.slash { rest = "/" + rest }
        }
        let end = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
        segments = try Self.segments(rest[..<(end ?? rest.endIndex)])
        query = try end.map { end throws(Failure) in try Self.pairs(rest[end...].dropFirst()) } ?? []
    }

    private static let slash = UInt8(ascii: "/")

    private static func segments(_ path: Substring) throws(Failure) -> [String] {
        var segments: [String] = []
        var bytes = 0
        // Bytes, not characters: a slash with a combining mark is a slash to everybody else.
        for raw in path.utf8.split(separator: slash) {
            let segment = try decoded(Substring(raw), plusIsSpace: false)
            // An encoded slash or a backslash would be one segment here and two to somebody else.
            guard segment != ".", segment != "..", !segment.utf8.contains(where: { $0 == slash || $0 == 0x5c }) else {
                throw .malformed
            }
            bytes += segment.utf8.count + 1
            guard bytes <= Limits.httpPathBytesMax else { throw .tooLong }
            segments.append(segment)
        }
        return segments
    }

    private static func pairs(_ query: Substring) throws(Failure) -> [Pair] {
        var pairs: [Pair] = []
        for raw in query.split(separator: "&") {
            let halves = raw.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try decoded(halves[0], plusIsSpace: true)
            pairs.append(Pair(name: name, value: halves.count > 1 ? try decoded(halves[1], plusIsSpace: true) : ""))
        }
        return pairs
    }

    /// Percent-decodes to UTF-8 text without control characters.
    private static func decoded(_ raw: Substring, plusIsSpace: Bool) throws(Failure) -> String {
        // Nearly all are as they stand.
        if raw.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "+") }) {
            return String(raw)
        }
        var bytes: [UInt8] = []
        var source = raw.utf8.makeIterator()
        while let byte = source.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = source.next().flatMap(hexNibble), let low = source.next().flatMap(hexNibble) else {
                    throw .malformed
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }), let text = String(validating: bytes, as: UTF8.self)
        else { throw .malformed }
        return text
    }
}
