// SPDX-License-Identifier: Apache-2.0

import Model

/// Why a template cannot be rendered: where, and what. Values never appear, only names.
public struct TemplateProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// A template, or a partial, that does not exist.
        case noTemplate(String)
        /// Nothing known or set has that name.
        case missing(String)
        /// A list or a map where text is wanted.
        case notText(String)
        case unfinishedTag
        case emptyTag
        /// Part of Mustache, and left out here.
        case unsupported(String)
        case badName(String)
        /// A section that ends without having begun, or the other way round.
        case unbalanced(String)
        case tooDeep
        /// A template that contains itself.
        case recursive(String)
        case tooLarge
        /// The rendered text is not what it is used for.
        case unfit(String)
    }

    /// The template's name; for kernel arguments "environment NAME, arguments of ARCHITECTURE".
    public var template: String
    /// From 1; nil where the whole template is meant.
    public var line: Int?
    public var reason: Reason

    public init(template: String, line: Int? = nil, _ reason: Reason) {
        self.template = template
        self.line = line
        self.reason = reason
    }

    public var description: String { "\(template)\(line.map { ", line \($0)" } ?? ""): \(message)" }

    public var message: String {
        switch reason {
        case .noTemplate(let name): "there is no template \"\(name)\""
        case .missing(let name): "{{\(name)}} has no value"
        case .notText(let name): "{{\(name)}} is a list or a map; go through it with {{#\(name)}} ... {{/\(name)}}"
        case .unfinishedTag: "a tag begins with {{ and does not end with }} on the same line"
        case .emptyTag: "a tag without a name"
        case .unsupported(let tag): "{{\(tag)}}: this part of Mustache is not supported"
        case .badName(let name): "\"\(name)\" is not a name: letters, digits, - and _, joined by dots"
        case .unbalanced(let name): "the section \"\(name)\" does not begin and end in the same place"
        case .tooDeep: "sections are nested deeper than \(Limits.templateDepthMax)"
        case .recursive(let name): "the template \"\(name)\" contains itself"
        case .tooLarge:
            "the result is larger than \(Limits.renderedBytesMax) bytes, or takes more than "
                + "\(Limits.templateTagsMax) tags"
        case .unfit(let text): text
        }
    }
}

/// Everything that was wrong with one rendering.
public struct RenderFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Never empty; at most `Limits.templateProblemsMax`.
    public var problems: [TemplateProblem]

    public init(_ problems: [TemplateProblem]) { self.problems = Array(problems.prefix(Limits.templateProblemsMax)) }

    public var description: String { problems.map { "\($0)" }.joined(separator: "; ") }
}
