// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model
import Testing

/// The errors of a document, as an operator sees them; empty for a good one.
func errors(in document: FieldValue) -> [String] {
    do {
        _ = try SiteDocument.read(document)
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

/// The errors of one network's fields.
func errors(inNetwork fields: FieldValue) -> [String] { errors(in: ["networks": ["rack1": fields]]) }

/// One object from its fields.
func object(_ kind: ObjectKind, _ name: String, _ fields: FieldValue) throws -> SiteObject {
    try SiteObject.read(kind: kind, name: name, value: fields)
}

func site(of objects: [SiteObject]) -> Site {
    var site = Site()
    for object in objects { site.set(object) }
    return site
}
