// SPDX-License-Identifier: Apache-2.0

import Model
import Mustache

/// One rendering of one program: finds the values that tags ask for, notes what is missing, and stops handing out
/// values when the result grows too large.
final class TemplateRendering {
    private let program: TemplateProgram
    private let values: Parameters
    private(set) var problems: [TemplateProblem] = []
    private var spent: TemplateCost

    init(_ program: TemplateProgram, values: Parameters) {
        self.program = program
        self.values = values
        spent = program.top
    }

    func render() throws(RenderFailure) -> String {
        let text = program.root.render(Root(rendering: self), library: program.library)
        if !problems.isEmpty { throw RenderFailure(problems) }
        guard text.utf8.count <= Limits.renderedBytesMax else {
            throw RenderFailure([TemplateProblem(template: program.tags.first?.template ?? "", .tooLarge)])
        }
        return text
    }

    /// The outermost scope: what is not here is missing.
    private struct Root: MustacheParent {
        let rendering: TemplateRendering

        func child(named number: String) -> Any? {
            guard let tag = rendering.tag(number) else { return nil }
            return rendering.deliver(tag.path.isEmpty ? nil : rendering.values.value(at: tag.path[...]), to: tag)
        }
    }

    /// The element or map that a section goes into. What its first part does not name is looked for further out.
    private struct Scope: MustacheParent {
        let value: ParameterValue
        let rendering: TemplateRendering

        func child(named number: String) -> Any? {
            guard let tag = rendering.tag(number) else { return nil }
            guard let first = tag.path.first else { return rendering.deliver(value, to: tag) }
            guard case .map(let map) = value, map[first] != nil else { return nil }
            return rendering.deliver(map.value(at: tag.path[...]), to: tag)
        }
    }

    private func tag(_ number: String) -> TemplateTag? {
        guard let index = Int(number), program.tags.indices.contains(index) else { return nil }
        return program.tags[index]
    }

    private func note(_ tag: TemplateTag, _ reason: TemplateProblem.Reason) {
        let problem = TemplateProblem(template: tag.template, line: tag.line, reason)
        guard problems.count < Limits.templateProblemsMax, !problems.contains(problem) else { return }
        problems.append(problem)
    }

    /// Whether there is room for so much more.
    private func spend(_ cost: TemplateCost, _ tag: TemplateTag) -> Bool {
        spent = spent + cost
        if spent.isAffordable { return true }
        note(tag, .tooLarge)
        return false
    }

    private func deliver(_ value: ParameterValue?, to tag: TemplateTag) -> Any {
        switch tag.kind {
        case .variable: text(value, tag)
        case .section: section(value, tag)
        // Whether it is rendered depends on the value's truth alone.
        case .inverted: value.isTrue || !spend(tag.body, tag)
        }
    }

    private func text(_ value: ParameterValue?, _ tag: TemplateTag) -> String {
        let text: String
        switch value {
        case .string(let string): text = string
        case .integer(let integer): text = String(integer)
        case .boolean(let boolean): text = String(boolean)
        case .list, .map:
            note(tag, .notText(tag.name))
            return ""
        case nil:
            note(tag, .missing(tag.name))
            return ""
        }
        return spend(TemplateCost(bytes: text.utf8.count), tag) ? text : ""
    }

    private func section(_ value: ParameterValue?, _ tag: TemplateTag) -> Any {
        guard let value, Optional(value).isTrue else { return false }
        guard spend(tag.body * value.repetitions, tag) else { return false }
        switch value {
        case .boolean: return true
        case .list(let elements): return elements.map { Scope(value: $0, rendering: self) }
        case .string, .integer, .map: return Scope(value: value, rendering: self)
        }
    }
}

extension ParameterValue? {
    /// What a section takes for true: anything but nothing, false, "" and an empty list.
    fileprivate var isTrue: Bool {
        switch self {
        case nil: false
        case .boolean(let boolean): boolean
        case .string(let string): !string.isEmpty
        case .list(let elements): !elements.isEmpty
        case .integer, .map: true
        }
    }
}

extension ParameterValue {
    fileprivate var repetitions: Int {
        if case .list(let elements) = self { elements.count } else { 1 }
    }
}

extension Parameters {
    /// What "a.b.c" leads to, strictly: no part may be missing.
    fileprivate func value(at path: ArraySlice<String>) -> ParameterValue? {
        guard let first = path.first, let value = self[first] else { return nil }
        let rest = path.dropFirst()
        if rest.isEmpty { return value }
        guard case .map(let map) = value else { return nil }
        return map.value(at: rest)
    }
}
