// SPDX-License-Identifier: Apache-2.0

/// What names an object of a site: its kind, and its name within the kind.
public struct ObjectName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var kind: ObjectKind
    public var name: String

    public init(_ kind: ObjectKind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// In the order of `ObjectKind`, then by name.
    public static func < (a: Self, b: Self) -> Bool { (a.kind, a.name) < (b.kind, b.name) }
    public var description: String { "\(kind.rawValue) \(name)" }
}

extension SiteObject {
    public var objectName: ObjectName { ObjectName(kind, name) }
}

/// One object that comes, changes or goes.
public enum SiteChange: Hashable, Sendable {
    case created(SiteObject)
    case changed(from: SiteObject, to: SiteObject)
    case deleted(SiteObject)

    public var objectName: ObjectName {
        switch self {
        case .created(let object), .deleted(let object): object.objectName
        case .changed(_, let object): object.objectName
        }
    }
}

/// Something wrong, or worth a warning, in a site: where, what, and what to do about it.
public struct SiteProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field's path, as in a site file: "networks.rack1.subnets[0].pools[1]". A reservation is named as in
    /// URLs: "reservations.rack1/10.64.0.20.address".
    public var field: String
    public var message: String
    public var hint: String?

    public init(field: String, message: String, hint: String? = nil) {
        self.field = field
        self.message = message
        self.hint = hint
    }

    public var description: String { hint.map { "\(field): \(message) (\($0))" } ?? "\(field): \(message)" }
}
