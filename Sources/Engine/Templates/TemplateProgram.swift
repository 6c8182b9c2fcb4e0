// SPDX-License-Identifier: Apache-2.0

import Model
import Mustache

/// A template and the partials that it uses, checked and ready to render.
///
/// swift-mustache does the rendering, but its tags know no line, it prints the whole context for `{{}}`, traps on
/// `{{plusone(n)}}` and recurses as deep as a template tells it to. So every tag is checked here first, and handed on
/// with a number for its name: the number leads back to the tag when its value is wanted.
struct TemplateProgram: Sendable {
    let tags: [TemplateTag]
    /// Of what stands outside all sections.
    let top: TemplateCost
    let root: MustacheTemplate
    let library: MustacheLibrary

    init(name: String, text: String, partials: [String: String]) throws(TemplateProblem) {
        var compiler = TemplateCompiler(partials: partials)
        let root = try compiler.compile(name, text)
        self.root = root.template
        top = root.top
        tags = compiler.tags
        library = compiler.library
    }
}

/// Compiles one template and, before it, each partial that it uses.
private struct TemplateCompiler {
    let partials: [String: String]
    private(set) var tags: [TemplateTag] = []
    private(set) var library = MustacheLibrary()
    private var partialCosts: [String: TemplateCost] = [:]
    /// The templates that are being compiled, the outermost first.
    private var stack: [String] = []
    /// Sections that are open in all of them.
    private var depth = 0

    init(partials: [String: String]) { self.partials = partials }

    /// What one template has come to so far.
    private struct Output {
        /// With numbers for names.
        var text: [UInt8] = []
        var top = TemplateCost()
        /// The open sections: their tags' numbers, their names, and the delimiters to go back to.
        var open: [(number: Int, name: String, delimiters: TemplateScanner.Delimiters)] = []
    }

    mutating func compile(
        _ name: String, _ text: String
    ) throws(TemplateProblem) -> (template: MustacheTemplate, top: TemplateCost) {
        stack.append(name)
        var scanner = TemplateScanner(template: name, text: text)
        var output = Output()
        while let token = try scanner.next() { try add(token, to: &output, &scanner) }
        if let open = output.open.last { throw problem(tags[open.number].line, .unbalanced(open.name)) }
        stack.removeLast()
        do {
            return (try MustacheTemplate(string: String(decoding: output.text, as: UTF8.self)), output.top)
        } catch {
            throw TemplateProblem(template: name, .unfit("\(error)"))
        }
    }

    private func problem(_ line: Int, _ reason: TemplateProblem.Reason) -> TemplateProblem {
        TemplateProblem(template: stack.last ?? "", line: line, reason)
    }

    private mutating func add(
        _ token: TemplateToken, to output: inout Output, _ scanner: inout TemplateScanner
    ) throws(TemplateProblem) {
        switch token.kind {
        case .text:
            try charge(TemplateCost(bytes: token.bytes.count), token.line, &output)
            output.text += token.bytes
        case .comment, .delimiters:
            output.text += token.bytes
        case .variable(let name):
            // Nothing is escaped: what is rendered here is not HTML.
            emit("&", try addTag(.variable, name, token.line, &output), scanner.delimiters, &output)
        case .section(let name): try begin(.section, name, token.line, scanner.delimiters, &output)
        case .inverted(let name): try begin(.inverted, name, token.line, scanner.delimiters, &output)
        case .end(let name):
            guard let section = output.open.popLast(), section.name == name else {
                throw problem(token.line, .unbalanced(name))
            }
            depth -= 1
            emit("/", section.number, scanner.delimiters, &output)
            scanner.delimiters = section.delimiters
        case .partial(let name):
            let cost = try compilePartial(name, token.line)
            try charge(cost + TemplateCost(tags: 1), token.line, &output)
            output.text += token.bytes
        }
    }

    private mutating func begin(
        _ kind: TemplateTag.Kind, _ name: String, _ line: Int, _ delimiters: TemplateScanner.Delimiters,
        _ output: inout Output
    ) throws(TemplateProblem) {
        depth += 1
        guard depth + stack.count <= Limits.templateDepthMax else { throw problem(line, .tooDeep) }
        let number = try addTag(kind, name, line, &output)
        output.open.append((number, name, delimiters))
        emit(kind == .section ? "#" : "^", number, delimiters, &output)
    }

    private mutating func addTag(
        _ kind: TemplateTag.Kind, _ name: String, _ line: Int, _ output: inout Output
    ) throws(TemplateProblem) -> Int {
        try charge(TemplateCost(tags: 1), line, &output)
        let path = name == "." ? [] : name.split(separator: ".").map(String.init)
        tags.append(TemplateTag(kind: kind, path: path, template: stack.last ?? "", line: line))
        return tags.count - 1
    }

    private func emit(
        _ sigil: String, _ number: Int, _ delimiters: TemplateScanner.Delimiters, _ output: inout Output
    ) {
        output.text += delimiters.start + Array("\(sigil)\(number)".utf8) + delimiters.end
    }

    /// A cost counts where it arises: for the section, or for the template.
    private mutating func charge(_ cost: TemplateCost, _ line: Int, _ output: inout Output) throws(TemplateProblem) {
        let total: TemplateCost
        if let section = output.open.last {
            tags[section.number].body = tags[section.number].body + cost
            total = tags[section.number].body
        } else {
            output.top = output.top + cost
            total = output.top
        }
        guard total.isAffordable else { throw problem(line, .tooLarge) }
    }

    private mutating func compilePartial(_ name: String, _ line: Int) throws(TemplateProblem) -> TemplateCost {
        if stack.contains(name) { throw problem(line, .recursive(name)) }
        if let cost = partialCosts[name] { return cost }
        guard let text = partials[name] else { throw problem(line, .noTemplate(name)) }
        guard depth + stack.count < Limits.templateDepthMax else { throw problem(line, .tooDeep) }
        let (template, cost) = try compile(name, text)
        library.register(template, named: name)
        partialCosts[name] = cost
        return cost
    }
}
