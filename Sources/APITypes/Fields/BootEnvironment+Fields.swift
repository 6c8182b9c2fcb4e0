// SPDX-License-Identifier: Apache-2.0

import Model

extension BootEnvironment {
    private static let keys = ["summary", "kernel", "script", "local", "shell", "answers", "parameters"]
    private static let kinds = ["kernel", "script", "local", "shell"]
    private static let advice = [
        "description": "did you mean 'summary'?",
        "initrd": "it goes into 'kernel', under the architecture: kernel: {x64: {kernel: ..., initrds: [...]}}",
        "initrds": "it goes into 'kernel', under the architecture: kernel: {x64: {kernel: ..., initrds: [...]}}",
        "arguments": "it goes into 'kernel', under the architecture: kernel: {x64: {kernel: ..., arguments: ...}}",
        "template": "did you mean 'script'?", "templates": "did you mean 'answers'?",
    ]

    init?(name: String, _ reader: FieldReader) {
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return nil }
        if UnknownPolicy.words.contains(name) {
            reader.fail("an environment cannot be called \(name)", hint: "a network's 'unknown' uses the word")
        }
        let kind = Self.kind(reader, fields)
        // The other fields are read even where the kind is wrong, for their errors.
        self.init(name: name, kind: kind ?? .local)
        fields.read("summary", into: &summary) { $0.text() }
        fields.read("answers", into: &answers) { $0.answers() }
        fields.read("parameters", into: &parameters) { $0.parameters() }
        if kind == nil { return nil }
    }

    private static func kind(_ reader: FieldReader, _ fields: FieldReader.Fields) -> Kind? {
        var given: [String] = []
        var kind: Kind?
        if let field = fields["kernel"] {
            given.append("kernel")
            kind = field.kernels().map(Kind.kernel)
        }
        if let field = fields["script"] {
            given.append("script")
            kind = field.name().map { .script(template: $0) }
        }
        for (key, value) in [("local", Kind.local), ("shell", Kind.shell)] {
            guard let field = fields[key], field.boolean() ?? true else { continue }
            given.append(key)
            kind = field.value.content == .boolean(true) ? value : nil
        }
        switch given.count {
        case 0: reader.fail("does not say what to boot", hint: "give one of \(spokenList(kinds))")
        case 1: return kind
        default: reader.fail("has \(spokenList(given, last: "and")); give only one of them")
        }
        return nil
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("summary", text: summary)
        switch kind {
        case .kernel(let files):
            let known = Architecture.allCases.compactMap { name in files[name].map { (name.rawValue, $0.fields) } }
            map.write("kernel", .map(FieldMap(unique: known.map { FieldMap.Entry($0, $1) })))
        case .script(let template): map.write("script", template)
        case .local: map.write("local", .boolean(true))
        case .shell: map.write("shell", .boolean(true))
        }
        let names = answers.sorted { $0.key < $1.key }
        map.write("answers", map: FieldMap(unique: names.map { FieldMap.Entry($0.key, .string($0.value)) }))
        map.write("parameters", map: FieldMap(parameters))
        return .map(map)
    }
}

extension BootEnvironment.Files {
    private static let keys = ["kernel", "initrds", "arguments"]
    private static let advice = [
        "initrd": "did you mean 'initrds'?", "args": "did you mean 'arguments'?",
        "cmdline": "did you mean 'arguments'?", "append": "did you mean 'arguments'?",
    ]

    fileprivate init?(_ reader: FieldReader) {
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return nil }
        let kernel = fields.required("kernel") { $0.text(bytesMax: Limits.contentNameBytesMax) }
        self.init(kernel: kernel ?? "")
        fields.read("initrds", into: &initrds) { $0.list { $0.text(bytesMax: Limits.contentNameBytesMax) } }
        fields.read("arguments", into: &arguments) { $0.text() }
        if kernel == nil { return nil }
    }

    fileprivate var fields: FieldValue {
        var map = FieldMap()
        map.write("kernel", kernel)
        map.write("initrds", list: initrds)
        map.write("arguments", text: arguments)
        return .map(map)
    }
}

extension FieldReader {
    private static let architectureAdvice = [
        "amd64": "did you mean 'x64'?", "x86_64": "did you mean 'x64'?", "aarch64": "did you mean 'arm64'?",
        "i386": "did you mean 'x86'?", "i686": "did you mean 'x86'?", "bios": "did you mean 'x64'?",
    ]

    fileprivate func kernels() -> [Architecture: BootEnvironment.Files]? {
        let known = Architecture.allCases.map(\.rawValue)
        guard let fields = fields(known, advice: Self.architectureAdvice) else { return nil }
        var kernels: [Architecture: BootEnvironment.Files] = [:]
        for architecture in Architecture.allCases {
            fields.read(architecture.rawValue, into: &kernels[architecture]) { BootEnvironment.Files($0) }
        }
        // Where there are entries and all are wrong, they have their own errors.
        if value.asMap?.isEmpty == true {
            fail("names no architecture", hint: "known are \(spokenList(known, last: "and"))")
        }
        return kernels.isEmpty ? nil : kernels
    }

    fileprivate func answers() -> [String: String]? {
        guard let map = value.asMap else { failExpected("a map of names to templates"); return nil }
        var answers: [String: String] = [:]
        for entry in map.entries {
            guard ObjectNames.isValid(entry.key) else {
                failAtKey(entry, "\(quoted(entry.key)) is not a name", hint: ObjectNames.rule)
                continue
            }
            if let template = child(entry).name() { answers[entry.key] = template }
        }
        return answers
    }
}
