// SPDX-License-Identifier: Apache-2.0

extension FieldValue {
    /// A copy with one field set from an operator's `path=text`; what `ondeck set KIND NAME path=text` does.
    ///
    /// The path's steps are keys, with dots between them, and indices: `lease`, `options.routers`,
    /// `subnets[0].pools[1]`; `macs[]` adds an element. A key that has dots itself is found where it is there already,
    /// and stands in quotes or brackets where it is not; names of answers, being file names, need neither:
    /// `answers.preseed.cfg`.
    ///
    /// The text is read as YAML would read it: `true`, `false`, an integer, `[a, b]`, `"quoted"`, or else as it is.
    /// Fields that take a list also take `a, b`. An empty text, or `null`, takes the field away, back to its default;
    /// `""` is an empty text. Whether the result is a valid object, `SiteObject.read` says.
    public func setting(path: String, to text: String) throws(FieldError) -> FieldValue {
        var root = self
        // A template's fields are its text alone.
        if case .string = content, path == "text" { root = FieldValue(.map(FieldMap(unique: [.init("text", self)]))) }
        if root.isNull { root = FieldValue(.map(FieldMap())) }
        guard !path.isEmpty else { throw FieldError(field: path, message: "names no field") }
        try root.set(FieldPath(path), whole: path, to: FieldValue.parsing(text))
        return root
    }

    private mutating func set(_ path: FieldPath, whole: String, to value: FieldValue) throws(FieldError) {
        var path = path
        guard let step = path.next(at: self) else {
            throw FieldError(
                field: whole, message: "is not a path of keys and indices", hint: "such as options.routers")
        }
        // Names of answers are file names: "preseed.cfg".
        if step == .key("answers"), !path.isEmpty {
            var map = try mapToSet(whole)
            var answers = map["answers"] ?? .map(FieldMap())
            let name = path.next(remainderOf: answers)
            try answers.setChild(.key(name), FieldPath(""), whole: whole, to: value)
            map["answers"] = answers
            content = .map(map)
            return
        }
        try setChild(step, path, whole: whole, to: value)
    }

    private mutating func setChild(
        _ step: FieldStep, _ rest: FieldPath, whole: String, to value: FieldValue
    ) throws(FieldError) {
        switch step {
        case .key(let key):
            var map = try mapToSet(whole)
            map[key] = try Self.replaced(map[key], rest, whole: whole, to: value)
            content = .map(map)
        case .index(let index):
            var list = try listToSet(whole)
            guard index <= list.count else {
                throw FieldError(field: whole, message: "there are only \(list.count) elements", hint: "[] adds one")
            }
            let old = index < list.count ? list[index] : nil
            let new = try Self.replaced(old, rest, whole: whole, to: value)
            list.replaceSubrange(index..<min(index + 1, list.count), with: new.map { [$0] } ?? [])
            content = .list(list)
        case .end:
            var list = try listToSet(whole)
            if let new = try Self.replaced(nil, rest, whole: whole, to: value) { list.append(new) }
            content = .list(list)
        }
    }

    /// What stands at the end of `rest` replaced; nil where it is to be taken away.
    private static func replaced(
        _ old: FieldValue?, _ rest: FieldPath, whole: String, to value: FieldValue
    ) throws(FieldError) -> FieldValue? {
        if rest.isEmpty { return value.isNull ? nil : value }
        if old == nil, value.isNull { return nil }
        var child = old ?? .null
        try child.set(rest, whole: whole, to: value)
        return child
    }

    private func mapToSet(_ whole: String) throws(FieldError) -> FieldMap {
        if isNull { return FieldMap() }
        if let map = asMap { return map }
        throw FieldError(field: whole, message: "leads into \(spoken), which is no map")
    }

    private func listToSet(_ whole: String) throws(FieldError) -> [FieldValue] {
        if isNull { return [] }
        if let list = asList { return list }
        throw FieldError(field: whole, message: "leads into \(spoken), which is no list")
    }

    /// A value from the right side of `path=text`.
    public static func parsing(_ text: String) -> FieldValue {
        let text = trimmed(text)
        if text.hasPrefix("["), text.hasSuffix("]"), text.utf8.count >= 2 {
            return .list(listItems(String(text.dropFirst().dropLast())).map(parsing))
        }
        return unquoted(text).map(FieldValue.string) ?? FieldValue(plain: text)
    }

    /// The value of a plain word: what YAML 1.2's core schema makes of it, but numbers only where they are written as
    /// we would write them, so that 0123, 1e3 and 1.10 stay the texts that they most often are.
    public init(plain text: String, at position: SourcePosition? = nil) {
        switch text {
        case "", "~", "null", "Null", "NULL": self.init(.null, at: position)
        case "true", "True", "TRUE": self.init(.boolean(true), at: position)
        case "false", "False", "FALSE": self.init(.boolean(false), at: position)
        default:
            let isNumeric = text.utf8.first.map { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) } ?? false
            if isNumeric, let number = Int(text), String(number) == text {
                self.init(.integer(number), at: position)
            } else {
                self.init(.string(text), at: position)
            }
        }
    }

    private static func unquoted(_ text: String) -> String? {
        guard let mark = text.first, mark == "\"" || mark == "'", text.count >= 2, text.last == mark else { return nil }
        return String(text.dropFirst().dropLast())
    }

    /// Splits at the commas that stand outside of quotes and brackets.
    private static func listItems(_ text: String) -> [String] {
        var items: [String] = []
        var item = ""
        var depth = 0
        var mark: Character?
        for letter in text {
            if let open = mark {
                if letter == open { mark = nil }
            } else if letter == "\"" || letter == "'" {
                mark = letter
            } else if letter == "[" {
                depth += 1
            } else if letter == "]" {
                depth -= 1
            } else if letter == ",", depth == 0 {
                items.append(item)
                item = ""
                continue
            }
            item.append(letter)
        }
        items.append(item)
        return items.map { trimmed($0) }.filter { !$0.isEmpty }
    }
}

extension FieldPath {
    /// All that is left as one key, whether in quotes, in brackets or bare.
    fileprivate mutating func next(remainderOf value: FieldValue) -> String {
        if rest.first == "[" || rest.first == "\"" || rest.first == "'", case .key(let key)? = next(at: value), isEmpty
        {
            return key
        }
        return remainder()
    }
}
