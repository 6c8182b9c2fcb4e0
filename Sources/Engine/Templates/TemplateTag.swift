// SPDX-License-Identifier: Apache-2.0

import Model

/// One tag that wants a value: what it asks for, and where it stands.
struct TemplateTag: Sendable {
    enum Kind: Sendable { case variable, section, inverted }

    var kind: Kind
    /// "machine.name" as its parts; empty for ".", the element itself.
    var path: [String]
    var template: String
    var line: Int
    /// What a section costs each time that it is rendered; nested sections' own insides left out.
    var body = TemplateCost()

    var name: String { path.isEmpty ? "." : path.joined(separator: ".") }
}

/// What rendering takes, known before it happens: text, and tags to go through. Partials are included, for they are
/// always rendered where they stand; sections may or may not be, and count for themselves.
struct TemplateCost: Hashable, Sendable {
    var bytes = 0
    var tags = 0

    /// Sums and products that overflow are as large as can be: far beyond the limits.
    static func + (a: Self, b: Self) -> Self {
        TemplateCost(bytes: a.bytes.addingClamped(b.bytes), tags: a.tags.addingClamped(b.tags))
    }

    static func * (a: Self, times: Int) -> Self {
        TemplateCost(bytes: a.bytes.multipliedClamped(by: times), tags: a.tags.multipliedClamped(by: times))
    }

    var isAffordable: Bool { bytes <= Limits.renderedBytesMax && tags <= Limits.templateTagsMax }
}

extension Int {
    fileprivate func addingClamped(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    fileprivate func multipliedClamped(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}

/// A piece of a template's text.
struct TemplateToken {
    enum Kind: Equatable {
        case text
        case comment
        case variable(String)
        case section(String)
        case inverted(String)
        case end(String)
        case partial(String)
        /// `{{=<% %>=}}`
        case delimiters(start: [UInt8], end: [UInt8])
    }

    var kind: Kind
    /// Where it begins, from 1.
    var line: Int
    /// As it stands in the template.
    var bytes: ArraySlice<UInt8>
}

/// Cuts a template into text and tags.
struct TemplateScanner {
    private let template: String
    private let source: [UInt8]
    private var position = 0
    private var line = 1
    /// Whoever reads the tokens restores these at the end of a section, as swift-mustache does.
    var delimiters = Delimiters()

    struct Delimiters: Equatable {
        var start = Array("{{".utf8)
        var end = Array("}}".utf8)
    }

    init(template: String, text: String) {
        self.template = template
        source = Array(text.utf8)
    }

    mutating func next() throws(TemplateProblem) -> TemplateToken? {
        guard position < source.count else { return nil }
        let startLine = line
        guard let tag = find(delimiters.start, from: position, to: source.count) else {
            return TemplateToken(kind: .text, line: startLine, bytes: take(upTo: source.count))
        }
        if tag > position { return TemplateToken(kind: .text, line: startLine, bytes: take(upTo: tag)) }
        let kind = try readTag()
        return TemplateToken(kind: kind.0, line: startLine, bytes: take(upTo: kind.1))
    }

    private mutating func take(upTo end: Int) -> ArraySlice<UInt8> {
        let bytes = source[position..<end]
        line += bytes.count { $0 == UInt8(ascii: "\n") }
        position = end
        return bytes
    }

    private func find(_ needle: [UInt8], from start: Int, to end: Int) -> Int? {
        guard let first = needle.first, end - start >= needle.count else { return nil }
        return (start...(end - needle.count)).first {
            source[$0] == first && source[$0..<($0 + needle.count)].elementsEqual(needle)
        }
    }

    private func problem(_ reason: TemplateProblem.Reason) -> TemplateProblem {
        TemplateProblem(template: template, line: line, reason)
    }

    /// The tag at the present position, and where it ends.
    private mutating func readTag() throws(TemplateProblem) -> (TemplateToken.Kind, Int) {
        let start = position + delimiters.start.count
        guard start < source.count else { throw problem(.unfinishedTag) }
        let sigil = source[start]
        if sigil == UInt8(ascii: "!") {
            let end = try end(of: delimiters.end, from: start + 1, isOneLine: false)
            return (.comment, end + delimiters.end.count)
        }
        var closing = delimiters.end
        if sigil == UInt8(ascii: "{") { closing.insert(UInt8(ascii: "}"), at: 0) }
        if sigil == UInt8(ascii: "=") { closing.insert(sigil, at: 0) }
        let end = try end(of: closing, from: start, isOneLine: true)
        let content = String(decoding: source[start..<end], as: UTF8.self)
        if sigil == UInt8(ascii: "=") { return (try setDelimiters(content.dropFirst()), end + closing.count) }
        return (try kind(of: content), end + closing.count)
    }

    private func end(of closing: [UInt8], from start: Int, isOneLine: Bool) throws(TemplateProblem) -> Int {
        guard let end = find(closing, from: start, to: source.count) else { throw problem(.unfinishedTag) }
        guard !isOneLine || !source[start..<end].contains(UInt8(ascii: "\n")) else { throw problem(.unfinishedTag) }
        return end
    }

    private mutating func setDelimiters(_ content: Substring) throws(TemplateProblem) -> TemplateToken.Kind {
        let words = content.split { $0.isWhitespace }
        guard words.count == 2, !content.contains("=") else { throw problem(.unsupported("=\(content)=")) }
        delimiters = Delimiters(start: Array(words[0].utf8), end: Array(words[1].utf8))
        return .delimiters(start: delimiters.start, end: delimiters.end)
    }

    private func kind(of content: String) throws(TemplateProblem) -> TemplateToken.Kind {
        guard let sigil = content.first else { throw problem(.emptyTag) }
        let rest = content.dropFirst()
        switch sigil {
        case "#": return .section(try name(rest))
        case "^": return .inverted(try name(rest))
        case "/": return .end(try name(rest))
        case "&", "{": return .variable(try name(rest))
        case ">":
            let partial = try name(rest)
            guard partial != "." else { throw problem(.badName(partial)) }
            return .partial(partial)
        case "<", "$", "%": throw problem(.unsupported(content))
        default: return .variable(try name(content[...]))
        }
    }

    private func name(_ text: Substring) throws(TemplateProblem) -> String {
        let name = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
        let text = String(name)
        guard !text.isEmpty else { throw problem(.emptyTag) }
        if text == "." { return text }
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            let isName = !part.isEmpty && part.utf8.allSatisfy { Self.isNameByte($0) }
            guard isName else { throw problem(.badName(text)) }
        }
        return text
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
