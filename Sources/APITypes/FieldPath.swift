// SPDX-License-Identifier: Apache-2.0

/// One step of a field's path.
enum FieldStep: Hashable {
    case key(String)
    case index(Int)
    /// "[]": behind the last element.
    case end
}

/// Takes a path apart against the value that it leads into, because names may have dots: at a map the longest key
/// that is there wins.
///
///     options.routers   subnets[0].pools[1]   subnets[]   answers."preseed.cfg"   answers[preseed.cfg]
struct FieldPath {
    private(set) var rest: Substring

    init(_ text: String) { rest = Substring(text) }

    var isEmpty: Bool { rest.isEmpty }

    /// Takes the next step, for a walk that stands at `value`. Nil: the path is not well formed.
    mutating func next(at value: FieldValue) -> FieldStep? {
        if let step = bracketed(at: value) { return step }
        if rest.first == "[" { return nil }
        if let key = quotedKey() { return finish(key) }
        if let key = value.asMap.flatMap(longestKey) {
            rest = rest.dropFirst(key.count)
            return finish(key)
        }
        let key = rest.prefix { $0 != "." && $0 != "[" }
        guard !key.isEmpty else { return nil }
        rest = rest.dropFirst(key.count)
        return finish(String(key))
    }

    /// All that is left, as one key.
    mutating func remainder() -> String {
        defer { rest = "" }
        return quotedKey() ?? String(rest)
    }

    private mutating func bracketed(at value: FieldValue) -> FieldStep? {
        guard rest.first == "[", let end = rest.firstIndex(of: "]") else { return nil }
        let inside = rest[rest.index(after: rest.startIndex)..<end]
        let after = rest[rest.index(after: end)...]
        let step: FieldStep
        if inside.isEmpty {
            step = .end
        } else if value.asMap == nil, let index = Int(inside), index >= 0 {
            step = .index(index)
        } else {
            step = .key(String(inside))
        }
        rest = after
        return dropDot() ? step : nil
    }

    private mutating func quotedKey() -> String? {
        guard let mark = rest.first, mark == "\"" || mark == "'" else { return nil }
        let inside = rest.dropFirst()
        guard let end = inside.firstIndex(of: mark), end > inside.startIndex else { return nil }
        let key = String(inside[..<end])
        rest = inside[inside.index(after: end)...]
        return key
    }

    private func longestKey(of map: FieldMap) -> String? {
        var longest: String?
        for key in map.keys where rest.hasPrefix(key) && key.count > longest?.count ?? 0 {
            let after = rest.dropFirst(key.count).first
            if after == nil || after == "." || after == "[" { longest = key }
        }
        return longest
    }

    private mutating func finish(_ key: String) -> FieldStep? { dropDot() ? .key(key) : nil }

    /// Drops the dot before the next step; false where something else follows.
    private mutating func dropDot() -> Bool {
        switch rest.first {
        case nil, "[": return true
        case ".":
            rest = rest.dropFirst()
            return !rest.isEmpty
        default: return false
        }
    }
}

/// Finds where fields stand in one document.
public struct FieldLocator {
    private let document: FieldValue
    /// Index in the list by "NETWORK/ADDRESS", for paths such as "reservations.rack1/10.64.0.20.address".
    private let reservations: [String: Int]

    public init(_ document: FieldValue) {
        self.document = document
        var reservations: [String: Int] = [:]
        for (index, value) in (document.asMap?["reservations"]?.asList ?? []).enumerated() {
            guard let map = value.asMap, let network = map["network"]?.asString, let address = map["address"]?.asString
            else { continue }
            reservations["\(network)/\(address)"] = index
        }
        self.reservations = reservations
    }

    /// The position of the field, or of the nearest thing around it that the document has; nil where positions are
    /// not known.
    public func position(of field: String) -> SourcePosition? {
        var value = document
        var position = document.position
        var path = reservationPath(field) ?? FieldPath(field)
        while !path.isEmpty, let step = path.next(at: value) {
            switch step {
            case .key(let key):
                guard let entry = value.asMap?.entries.first(where: { $0.key == key }) else { return position }
                value = entry.value
                position =
                    (value.asMap == nil && value.asList == nil ? value.position : nil) ?? entry.position
                    ?? value.position ?? position
            case .index(let index):
                guard let list = value.asList, list.indices.contains(index) else { return position }
                value = list[index]
                position = value.position ?? position
            case .end: return position
            }
        }
        return position
    }

    /// "reservations.rack1/10.64.0.20.address" as "reservations[17].address". The address ends the name: it has
    /// three dots.
    private func reservationPath(_ field: String) -> FieldPath? {
        let prefix = "reservations."
        guard field.hasPrefix(prefix) else { return nil }
        let rest = field.dropFirst(prefix.count)
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        let address = rest[slash...].dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard address.count >= 4 else { return nil }
        let name = "\(rest[..<slash])/\(address.prefix(4).joined(separator: "."))"
        guard let index = reservations[name] else { return nil }
        return FieldPath((["reservations[\(index)]"] + address.dropFirst(4).map(String.init)).joined(separator: "."))
    }
}
