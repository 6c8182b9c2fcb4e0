// SPDX-License-Identifier: Apache-2.0

import Model

/// What an apply has to do: the difference between the site and what an operator wants of it. The objects that
/// OnDeck brings along are no part of it: they are in no store, and an operator's object of the same name is simply
/// created.
public struct ChangePlan: Hashable, Sendable {
    /// By kind and name: created, changed and, with prune, deleted.
    public var changes: [SiteChange] = []
    /// How many of the desired objects are there already, as desired.
    public var unchanged = 0
    /// Objects of the site that are not desired and, without prune, stay; by kind and name.
    public var unnamed: [ObjectName] = []
    /// The site once the changes are made; this is what must be valid.
    public var result: Site

    public var isEmpty: Bool { changes.isEmpty }

    /// `current` is what the store has. Planning the same objects again, once the plan is carried out, gives a plan
    /// without changes. Of two desired objects of one name the last counts.
    public static func between(current: Site, desired: [SiteObject], prune: Bool) -> ChangePlan {
        var plan = ChangePlan(result: current)
        var wanted: [ObjectName: SiteObject] = [:]
        wanted.reserveCapacity(desired.count)
        for object in desired { wanted[object.objectName] = object }
        for (name, object) in wanted { plan.want(object, name, current: current) }
        for kind in ObjectKind.allCases {
            for name in current.names(kind) where wanted[ObjectName(kind, name)] == nil {
                if prune { plan.delete(ObjectName(kind, name)) } else { plan.unnamed.append(ObjectName(kind, name)) }
            }
        }
        plan.changes = plan.changes.map { (name: $0.objectName, change: $0) }
            .sorted { $0.name < $1.name }.map(\.change)
        return plan
    }

    /// The deletion of one object; nil where there is none.
    public static func deleting(_ name: ObjectName, from current: Site) -> ChangePlan? {
        guard current.object(name.kind, name.name) != nil else { return nil }
        var plan = ChangePlan(result: current)
        plan.delete(name)
        return plan
    }

    private mutating func want(_ object: SiteObject, _ name: ObjectName, current: Site) {
        let old = current.object(name.kind, name.name)
        switch old {
        case object?: unchanged += 1
        case let old?: changes.append(.changed(from: old, to: object))
        // No parameters and empty parameters are the same.
        case nil where object == .parameters([:]): unchanged += 1
        case nil: changes.append(.created(object))
        }
        if old != object { result.set(object) }
    }

    private mutating func delete(_ name: ObjectName) {
        guard let object = result.object(name.kind, name.name) else { return }
        changes.append(.deleted(object))
        result.remove(name.kind, name.name)
    }
}
