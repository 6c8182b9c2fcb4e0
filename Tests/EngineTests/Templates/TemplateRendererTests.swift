// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Testing

/// Renders one text with values for `name`, `disk`, `size`, `yes`, `no`, `empty`, `none`, `list` and `machine`.
private func render(_ text: String, templates: [String: String] = [:]) throws(RenderFailure) -> String {
    let values: Parameters = [
        "name": .string("web1"), "disk": .string("/dev/sda"), "size": .integer(20), "yes": .boolean(true),
        "no": .boolean(false), "empty": .string(""), "none": .list([]),
        "list": .list([.string("a"), .string("b")]),
        "disks": .list([
            .map(["path": .string("/dev/sda")]), .map(["path": .string("/dev/sdb"), "name": .string("own")]),
        ]),
        "machine": .map(["name": .string("web1"), "bmc": .map(["address": .string("10.0.0.9")])]),
    ]
    var all = templates
    all["main"] = text
    return try TemplateRenderer(templates: all).render(template: "main", values: values)
}

/// The problems, one a line; "" when it renders.
private func problems(_ text: String, templates: [String: String] = [:]) -> String {
    do {
        _ = try render(text, templates: templates)
        return ""
    } catch { return error.problems.map(\.description).joined(separator: "\n") }
}

@Suite struct TemplateRendererTests {
    @Test(arguments: [
        ("{{name}} {{ disk }} {{size}} {{yes}}", "web1 /dev/sda 20 true"),
        // Nothing is escaped: these are not web pages.
        ("{{&name}} {{{name}}}", "web1 web1"),
        ("[{{empty}}]", "[]"),
        ("{{machine.name}} {{machine.bmc.address}}", "web1 10.0.0.9"),
        ("{{#machine}}{{name}} {{disk}}{{/machine}}", "web1 /dev/sda"),
        ("{{#list}}<{{.}}>{{/list}}", "<a><b>"),
        ("{{#disks}}{{path}}={{name}} {{/disks}}", "/dev/sda=web1 /dev/sdb=own "),
        ("{{#yes}}1{{/yes}}{{#no}}2{{/no}}{{^no}}3{{/no}}{{^yes}}4{{/yes}}", "13"),
        ("{{#empty}}1{{/empty}}{{^empty}}2{{/empty}}{{#none}}3{{/none}}{{^none}}4{{/none}}", "24"),
        ("{{#name}}{{.}}{{/name}}", "web1"),
        ("a{{! a comment\nover two lines }}b", "ab"),
        ("{{=<% %>=}}{{ jinja }} <% name %><%={{ }}=%> {{name}}", "{{ jinja }} web1 web1"),
        ("${x} {x} { {x} } $(x)", "${x} {x} { {x} } $(x)"),
        ("${{{name}}}", "$web1"),
    ])
    func rendered(text: String, expected: String) throws {
        #expect(try render(text) == expected)
    }

    @Test func linesOfTheirOwnVanish() throws {
        #expect(try render("a\n{{#yes}}\n  b\n{{/yes}}\nc\n") == "a\n  b\nc\n")
        #expect(try render("a\r\n{{^no}}\r\nb\r\n{{/no}}\r\nc") == "a\r\nb\r\nc")
    }

    @Test func partials() throws {
        let templates = ["inner": "[{{name}}]\n{{> deep}}", "deep": "{{#list}}{{.}}{{/list}}"]
        #expect(try render("x {{> inner}}", templates: templates) == "x [web1]\nab")
        #expect(try render("  {{> inner}}\ny", templates: templates) == "  [web1]\n  aby")
    }

    /// A section over a missing name is a test, and a legitimate one.
    @Test func sectionsOverMissingNames() throws {
        #expect(try render("{{#proxy}}{{proxy}}{{/proxy}}{{^proxy}}direct{{/proxy}}") == "direct")
        #expect(try render("{{#machine.serial}}x{{/machine.serial}}{{^a.b.c}}y{{/a.b.c}}") == "y")
    }

    @Test(arguments: [
        ("a\n\n{{nmae}}", "main, line 3: {{nmae}} has no value"),
        ("{{machine.nmae}}", "main, line 1: {{machine.nmae}} has no value"),
        ("{{machine.bmc.address.x}}", "main, line 1: {{machine.bmc.address.x}} has no value"),
        ("{{#machine}}\n{{bmc.user}}\n{{/machine}}", "main, line 2: {{bmc.user}} has no value"),
        ("{{#list}}\n{{x}}{{/list}}", "main, line 2: {{x}} has no value"),
        ("{{.}}", "main, line 1: {{.}} has no value"),
        ("{{x}}\n{{y}}", "main, line 1: {{x}} has no value\nmain, line 2: {{y}} has no value"),
        ("{{list}}", "main, line 1: {{list}} is a list or a map; go through it with {{#list}} ... {{/list}}"),
        (
            "{{machine}}",
            "main, line 1: {{machine}} is a list or a map; go through it with {{#machine}} ... {{/machine}}"
        ),
    ])
    func missing(text: String, expected: String) {
        #expect(problems(text) == expected)
    }

    @Test(arguments: [
        ("a\n{{name", "main, line 2: a tag begins with {{ and does not end with }} on the same line"),
        ("{{name\n}}", "main, line 1: a tag begins with {{ and does not end with }} on the same line"),
        ("{{{name}}", "main, line 1: a tag begins with {{ and does not end with }} on the same line"),
        ("{{!", "main, line 1: a tag begins with {{ and does not end with }} on the same line"),
        // swift-mustache would print every value.
        ("{{}}", "main, line 1: a tag without a name"),
        ("{{ # }}", "main, line 1: \"#\" is not a name: letters, digits, - and _, joined by dots"),
        ("{{#}}x{{/}}", "main, line 1: a tag without a name"),
        ("{{a..b}}", "main, line 1: \"a..b\" is not a name: letters, digits, - and _, joined by dots"),
        // swift-mustache would trap on the largest integer.
        (
            "{{plusone(size)}}",
            "main, line 1: \"plusone(size)\" is not a name: letters, digits, - and _, joined by dots"
        ),
        ("{{<parent}}{{/parent}}", "main, line 1: {{<parent}}: this part of Mustache is not supported"),
        ("{{$block}}{{/block}}", "main, line 1: {{$block}}: this part of Mustache is not supported"),
        ("{{% CONTENT_TYPE:HTML}}", "main, line 1: {{% CONTENT_TYPE:HTML}}: this part of Mustache is not supported"),
        ("{{>*name}}", "main, line 1: \"*name\" is not a name: letters, digits, - and _, joined by dots"),
        ("{{#yes}}\n", "main, line 1: the section \"yes\" does not begin and end in the same place"),
        ("{{#yes}}\n{{/no}}", "main, line 2: the section \"no\" does not begin and end in the same place"),
        ("\n{{/yes}}", "main, line 2: the section \"yes\" does not begin and end in the same place"),
        ("{{> other}}", "main, line 1: there is no template \"other\""),
        ("{{> main}}", "main, line 1: the template \"main\" contains itself"),
    ])
    func refused(text: String, expected: String) {
        #expect(problems(text) == expected)
    }

    @Test func problemsInPartialsNameThePartial() {
        #expect(problems("{{> p}}", templates: ["p": "\n{{x}}"]) == "p, line 2: {{x}} has no value")
        #expect(
            problems("{{> p}}", templates: ["p": "\n{{> q}}", "q": "{{> p}}"])
                == "q, line 1: the template \"p\" contains itself")
    }

    @Test func noSuchTemplate() {
        #expect(throws: RenderFailure([TemplateProblem(template: "x", .noTemplate("x"))])) {
            try TemplateRenderer(templates: [:]).render(template: "x", values: [:])
        }
    }

    @Test func atMostSoManyProblems() {
        let text = (0..<100).map { "{{x\($0)}}" }.joined(separator: "\n")
        #expect(problems(text).split(separator: "\n").count == Limits.templateProblemsMax)
    }

    /// A value is text: what looks like a tag in it is not one.
    @Test func valuesAreNotTemplates() throws {
        let renderer = TemplateRenderer(templates: ["main": "{{a}}"])
        #expect(try renderer.render(template: "main", values: ["a": .string("{{b}}")]) == "{{b}}")
    }

    @Test func textsWithoutAName() throws {
        let renderer = TemplateRenderer(templates: ["p": "<{{a}}>"])
        #expect(try renderer.render(text: "{{> p}}!", label: "arguments", values: ["a": .integer(1)]) == "<1>!")
        #expect(try renderer.render(text: "{{> p}}?", label: "arguments", values: ["a": .integer(2)]) == "<2>?")
    }
}

/// Whatever a template says, rendering it ends soon and within bounds.
@Suite struct TemplateLimitTests {
    private let numbers = Parameters(
        dictionaryLiteral: ("list", .list((0..<1_000).map(ParameterValue.integer))),
        ("long", .string(String(repeating: "x", count: 1_000))))

    private func reason(_ text: String, templates: [String: String] = [:]) -> TemplateProblem.Reason? {
        var all = templates
        all["main"] = text
        do {
            _ = try TemplateRenderer(templates: all).render(template: "main", values: numbers)
            return nil
        } catch { return error.problems.first?.reason }
    }

    @Test func nestedListsMultiply() {
        let depth = 8
        let open = String(repeating: "{{#list}}", count: depth)
        let close = String(repeating: "{{/list}}", count: depth)
        #expect(reason(open + "x" + close) == .tooLarge)
        #expect(reason(open + "{{long}}" + close) == .tooLarge)
    }

    @Test func partialsMultiply() {
        var templates = ["p0": String(repeating: "x", count: 100)]
        for level in 1...24 { templates["p\(level)"] = "{{> p\(level - 1)}}{{> p\(level - 1)}}" }
        #expect(reason("{{> p24}}", templates: templates) == .tooLarge)
    }

    /// Nothing but sections in partials: no text, and still as many steps.
    @Test func partialsOfSectionsMultiply() {
        var templates = ["p0": "{{#list}}{{.}}{{/list}}"]
        for level in 1...24 { templates["p\(level)"] = "{{> p\(level - 1)}}{{> p\(level - 1)}}" }
        #expect(reason("{{> p24}}", templates: templates) == .tooLarge)
        #expect(reason("{{> p12}}", templates: templates) == .tooLarge)
        #expect(reason("{{> p2}}", templates: templates) == nil)
    }

    @Test func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "{{#long}}", count: depth) + String(repeating: "{{/long}}", count: depth)
        }
        #expect(reason(nested(Limits.templateDepthMax - 1)) == nil)
        #expect(reason(nested(Limits.templateDepthMax)) == .tooDeep)
        #expect(reason(nested(20_000)) == .tooDeep)
        var templates = ["p0": "x"]
        for level in 1...100 { templates["p\(level)"] = "{{> p\(level - 1)}}" }
        #expect(reason("{{> p100}}", templates: templates) == .tooDeep)
        #expect(reason("{{> p20}}", templates: templates) == nil)
    }

    @Test func theLargestResult() throws {
        let fits = String(repeating: "x", count: Limits.renderedBytesMax)
        #expect(reason(fits) == nil)
        #expect(reason(fits + "x") == .tooLarge)
        #expect(reason(fits + "{{#list}}{{/list}}") == nil)
        #expect(reason(fits + "{{long}}") == .tooLarge)
    }
}
