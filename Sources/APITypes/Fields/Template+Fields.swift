// SPDX-License-Identifier: Apache-2.0

import Model

extension Template {
    /// The text itself, or a map with the text as its only field, as `set` makes it.
    init(name: String, _ reader: FieldReader) {
        self.init(name: name, text: "")
        guard reader.value.asMap != nil else {
            if !reader.value.isNull { read(reader) }
            return
        }
        guard let fields = reader.fields(["text"]), let field = fields["text"] else { return }
        read(field)
    }

    private mutating func read(_ reader: FieldReader) {
        guard let text = reader.text() else { return }
        guard text.utf8.count <= Limits.templateBytesMax else {
            reader.fail("is \(text.utf8.count) bytes long; at most \(Limits.templateBytesMax) are allowed")
            return
        }
        self.text = text
    }

    var fields: FieldValue { .string(text) }
}
