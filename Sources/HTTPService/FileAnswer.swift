// SPDX-License-Identifier: Apache-2.0

/// What a client's conditions and range (RFC 9110 13 and 14) ask of a file: decided here, sent elsewhere.
enum FileAnswer: Hashable, Sendable {
    /// 200
    case whole
    /// 206
    case part(Range<Int>)
    /// 304
    case notModified
    /// 412
    case preconditionFailed
    /// 416
    case unsatisfiable

    /// The headers that the decision rests on, as received. Several fields of a name are joined by commas.
    struct Conditions: Hashable, Sendable {
        var ifMatch: String?
        var ifUnmodifiedSince: String?
        var ifNoneMatch: String?
        var ifModifiedSince: String?
        var ifRange: String?
        /// GET only: ranges are not defined for HEAD (RFC 9110 14.2).
        var range: String?
    }

    /// In the order of RFC 9110 13.2.2. `tag` is the file's entity tag with its quotes. Without a date, conditions on
    /// dates do not count.
    static func decide(_ conditions: Conditions, tag: String, size: Int, modifiedSeconds: Int?) -> FileAnswer {
        if let match = conditions.ifMatch {
            // Strong comparison: a weak tag never matches.
            guard tags(match).contains(where: { $0 == "*" || $0 == tag }) else { return .preconditionFailed }
        } else if let since = conditions.ifUnmodifiedSince.flatMap(HTTPDate.seconds), let modifiedSeconds,
            modifiedSeconds > since
        {
            return .preconditionFailed
        }
        if let noneMatch = conditions.ifNoneMatch {
            if tags(noneMatch).contains(where: { $0 == "*" || $0 == tag || $0 == "W/" + tag }) { return .notModified }
        } else if let since = conditions.ifModifiedSince.flatMap(HTTPDate.seconds), let modifiedSeconds,
            modifiedSeconds <= since
        {
            return .notModified
        }
        guard let range = conditions.range, allowsRange(conditions.ifRange, tag, modifiedSeconds) else { return .whole }
        return parse(range: range, size: size)
    }

    /// If-Range: the range counts only for the file that the client has the rest of.
    private static func allowsRange(_ ifRange: String?, _ tag: String, _ modifiedSeconds: Int?) -> Bool {
        guard let ifRange else { return true }
        return ifRange == tag || modifiedSeconds != nil && HTTPDate.seconds(ifRange) == modifiedSeconds
    }

    private static func tags(_ list: String) -> [Substring] {
        list.split(separator: ",").map { part in
            let head = part.drop { $0 == " " || $0 == "\t" }
            return head.lastIndex { $0 != " " && $0 != "\t" }.map { head[...$0] } ?? ""
        }
    }

    /// One range of bytes. Several, another unit, or what does not parse is as if there were none (RFC 9110 14.2).
    static func parse(range: String, size: Int) -> FileAnswer {
        let halves = range.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, halves[0].lowercased() == "bytes" else { return .whole }
        let ends = halves[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else { return .whole }
        switch (number(ends[0]), number(ends[1])) {
        case (.none, .some(let suffix)):
            let count = min(suffix, size)
            return count == 0 ? .unsatisfiable : .part(size - count..<size)
        case (.some(let first), .none):
            return first >= size ? .unsatisfiable : .part(first..<size)
        case (.some(let first), .some(let last)) where first <= last:
            return first >= size ? .unsatisfiable : .part(first..<min(last, size - 1) + 1)
        case (.none, .none), (.some, .some), (.bad, _), (_, .bad):
            return .whole
        }
    }

    private enum Bound { case none, some(Int), bad }

    private static func number(_ text: Substring) -> Bound {
        guard !text.isEmpty else { return .none }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return .bad }
        // Beyond Int is beyond any file.
        return .some(Int(text) ?? .max)
    }
}
