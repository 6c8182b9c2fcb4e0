// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// A whole site as one value: a map of sections, each by the plural of its kind. Sections are maps by name, but for
/// "reservations", which is a list, and "parameters", which is the parameters themselves.
public enum SiteDocument {
    /// The objects of a document, or everything that is wrong with it.
    public static func read(_ document: FieldValue) throws(FieldErrors) -> [SiteObject] {
        let log = FieldErrorLog()
        let reader = FieldReader(document, at: "", log: log)
        var objects: [SiteObject] = []
        if let sections = reader.fields(ObjectKind.allCases.map(\.plural), advice: advice) {
            for kind in ObjectKind.allCases {
                guard let section = sections[kind.plural] else { continue }
                read(kind, section, into: &objects)
            }
        }
        try log.check()
        return objects
    }

    private static let advice = Dictionary(
        uniqueKeysWithValues: ObjectKind.allCases.filter { $0 != .parameters }.map {
            ($0.rawValue, "did you mean '\($0.plural)'?")
        } + [("subnets", "subnets belong to a network: networks: {NAME: {subnets: [...]}}")])

    private static func read(_ kind: ObjectKind, _ section: FieldReader, into objects: inout [SiteObject]) {
        switch kind {
        case .parameters:
            if let parameters = section.parameters() { objects.append(.parameters(parameters)) }
        case .reservation:
            readReservations(section, into: &objects)
        default:
            guard let map = section.value.asMap else {
                section.failExpected("a map of names to \(kind.plural)")
                return
            }
            objects.reserveCapacity(objects.count + map.entries.count)
            for entry in map.entries {
                guard ObjectNames.isValid(entry.key) else {
                    section.failAtKey(entry, "\(quoted(entry.key)) is not a name", hint: ObjectNames.rule)
                    continue
                }
                if let object = SiteObject(kind, entry.key, section.child(entry)) { objects.append(object) }
            }
            if kind == .network, map.entries.count > Limits.networksMax {
                section.fail("has \(map.entries.count) networks; at most \(Limits.networksMax) are allowed")
            }
        }
    }

    private static func readReservations(_ section: FieldReader, into objects: inout [SiteObject]) {
        guard case .list(let values) = section.value.content else {
            section.failExpected("a list", hint: "write '- { network: NAME, address: ADDRESS, mac: MAC }', one a line")
            return
        }
        objects.reserveCapacity(objects.count + values.count)
        var seen: [String: Int] = [:]
        seen.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            let reader = FieldReader(value, at: "reservations[\(index)]", log: section.log)
            guard let reservation = Reservation(reader) else { continue }
            let object = SiteObject.reservation(reservation)
            if let other = seen.updateValue(index, forKey: object.name) {
                let place = values[other].position.map { " (line \($0.line))" } ?? ""
                reader.fail(
                    "\(reservation.address) in \(reservation.network) is reservations[\(other)] already\(place)")
            }
            objects.append(object)
        }
    }

    /// The document of a site, in canonical form: defaults left out, sections and names in order, reservations by
    /// network and address.
    public static func write(_ site: Site) -> FieldValue {
        var document = FieldMap()
        for kind in ObjectKind.allCases {
            switch kind {
            case .parameters: document.write(kind.plural, map: FieldMap(site.parameters))
            case .reservation:
                let sorted = site.reservations.values.sorted { ($0.network, $0.address) < ($1.network, $1.address) }
                if !sorted.isEmpty { document.write(kind.plural, .list(sorted.map(\.fields))) }
            default:
                let entries = site.names(kind).compactMap { name in
                    site.object(kind, name).map { FieldMap.Entry(name, $0.fields) }
                }
                document.write(kind.plural, map: FieldMap(unique: entries))
            }
        }
        return .map(document)
    }

    /// Where the field of a path stands in a document, or else the nearest thing around it that the document has.
    /// For many fields of one document make a `FieldLocator`.
    public static func position(of field: String, in document: FieldValue) -> SourcePosition? {
        FieldLocator(document).position(of: field)
    }
}

extension SiteObject {
    /// Reads one object from its fields, as the API's PUT has it. The name of a reservation is "NETWORK/ADDRESS";
    /// its fields need not repeat them. The name of the parameters is "global".
    public static func read(kind: ObjectKind, name: String, value: FieldValue) throws(FieldErrors) -> SiteObject {
        let log = FieldErrorLog()
        let path = kind == .parameters ? kind.plural : "\(kind.plural).\(name)"
        let reader = FieldReader(value, at: path, log: log)
        let object = named(kind, name, reader)
        try log.check()
        guard let object else { throw FieldErrors([FieldError(field: path, message: "cannot be read")]) }
        return object
    }

    private static func named(_ kind: ObjectKind, _ name: String, _ reader: FieldReader) -> SiteObject? {
        switch kind {
        case .parameters:
            if name != "global" { reader.fail("there is only one object of this kind, and its name is global") }
            return SiteObject(kind, name, reader)
        case .reservation:
            guard let known = Reservation.parse(name: name) else {
                reader.fail("\(quoted(name)) is not NETWORK/ADDRESS", hint: "such as rack1/10.64.0.20")
                return nil
            }
            return Reservation(known: known, reader).map(SiteObject.reservation)
        default:
            if !ObjectNames.isValid(name) { reader.fail("\(quoted(name)) is not a name", hint: ObjectNames.rule) }
            return SiteObject(kind, name, reader)
        }
    }

    init?(_ kind: ObjectKind, _ name: String, _ reader: FieldReader) {
        switch kind {
        case .location: self = .location(Location(name: name, reader))
        case .network: self = .network(Network(name: name, reader))
        case .profile: self = .profile(Profile(name: name, reader))
        case .machine: self = .machine(Machine(name: name, reader))
        case .template: self = .template(Template(name: name, reader))
        case .image: self = .image(ImagePolicy(name: name, reader))
        case .environment:
            guard let environment = BootEnvironment(name: name, reader) else { return nil }
            self = .environment(environment)
        case .reservation:
            guard let reservation = Reservation(reader) else { return nil }
            self = .reservation(reservation)
        case .parameters:
            guard let parameters = reader.parameters() else { return nil }
            self = .parameters(parameters)
        }
    }

    /// The object's fields in canonical form: what `read` takes, defaults left out.
    public var fields: FieldValue {
        switch self {
        case .location(let x): x.fields
        case .network(let x): x.fields
        case .reservation(let x): x.fields
        case .profile(let x): x.fields
        case .machine(let x): x.fields
        case .environment(let x): x.fields
        case .template(let x): x.fields
        case .image(let x): x.fields
        case .parameters(let x): .map(FieldMap(x))
        }
    }
}

extension Reservation {
    /// The parts of "NETWORK/ADDRESS"; nil for anything else.
    public static func parse(name: String) -> (network: String, address: IPv4Address)? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, ObjectNames.isValid(String(parts[0])), let address = IPv4Address(parts[1]) else {
            return nil
        }
        return (String(parts[0]), address)
    }
}
