// SPDX-License-Identifier: Apache-2.0

import Model
import Mustache
import Synchronization

/// Renders Mustache templates: the one way for previews, dry runs, checks and serving. A value that is missing is an
/// error with the template, the line and the name, never an empty string; a section over a missing name is simply
/// not rendered. Templates reach values and each other, and nothing else: no environment, files or commands.
public final class TemplateRenderer: Sendable {
    private let templates: [String: String]
    /// By name, and by text for templates without one of their own.
    private let programs = Mutex<[String: Result<TemplateProgram, TemplateProblem>]>([:])

    /// `templates`: texts by name. Another renderer is made when one of them changes.
    public init(templates: [String: String]) { self.templates = templates }

    public func render(template name: String, values: Parameters) throws(RenderFailure) -> String {
        guard let text = templates[name] else {
            throw RenderFailure([TemplateProblem(template: name, .noTemplate(name))])
        }
        return try render(name, text, key: "template \(name)", values)
    }

    /// A text that stands elsewhere than in a template; `label` names it in problems.
    public func render(text: String, label: String, values: Parameters) throws(RenderFailure) -> String {
        try render(label, text, key: "text \(label)\n\(text)", values)
    }

    private func render(
        _ name: String, _ text: String, key: String, _ values: Parameters
    ) throws(RenderFailure) -> String {
        switch program(name, text, key: key) {
        case .success(let program): return try TemplateRendering(program, values: values).render()
        case .failure(let problem): throw RenderFailure([problem])
        }
    }

    /// Compiled once; two at the same time do the same work twice.
    private func program(_ name: String, _ text: String, key: String) -> Result<TemplateProgram, TemplateProblem> {
        if let known = programs.withLock({ $0[key] }) { return known }
        let result = Result { () throws(TemplateProblem) in
            try TemplateProgram(name: name, text: text, partials: templates)
        }
        programs.withLock { $0[key] = result }
        return result
    }
}
