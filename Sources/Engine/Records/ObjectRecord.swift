// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// A site object as stored: reservations, of which there may be a million, as one line; the others as the JSON that
/// the API has.
enum ObjectRecord {
    static func encode(_ object: SiteObject) -> [UInt8] {
        if case .reservation(let reservation) = object { return ReservationRecord.encode(reservation) }
        return JSONText.bytes(object.fields)
    }

    /// Throws a sentence for the operator when what is stored cannot be read.
    static func decode(_ value: [UInt8], kind: ObjectKind, name: String) throws(UnreadableObject) -> SiteObject {
        if kind == .reservation {
            do { return .reservation(try ReservationRecord.decode(value, name: name)) } catch {
                throw UnreadableObject(kind: kind, name: name, reason: "\(error)")
            }
        }
        do {
            let fields = try JSONText.parse(value)
            return try SiteObject.read(kind: kind, name: name, value: fields)
        } catch { throw UnreadableObject(kind: kind, name: name, reason: "\(error)") }
    }
}

struct UnreadableObject: Error, CustomStringConvertible {
    var kind: ObjectKind
    var name: String
    var reason: String
    var description: String { "the stored \(kind.rawValue) \(name) cannot be read: \(reason)" }
}
