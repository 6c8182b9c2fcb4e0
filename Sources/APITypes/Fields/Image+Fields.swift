// SPDX-License-Identifier: Apache-2.0

import Model

extension ImagePolicy {
    private static let advice = [
        "policy": "did you mean 'placement'?", "url": "bring it in with: ondeck content add NAME --url URL",
        "copies": "write placement: {copies: 2}", "locations": "write placement: {locations: [berlin]}",
        "nodes": "write placement: {nodes: [rack1-a]}", "central": "write placement: {central: URL}",
    ]

    init(name: String, _ reader: FieldReader) {
        self.init(name: name)
        guard let fields = reader.fields(["placement"], advice: Self.advice) else { return }
        fields.read("placement", into: &placement) { $0.placement() }
    }

    var fields: FieldValue {
        var map = FieldMap()
        if placement != .everywhere { map["placement"] = placement.field }
        return .map(map)
    }
}

extension Placement {
    private static let words: [(word: String, placement: Placement)] = [
        ("everywhere", .everywhere), ("on-demand", .onDemand), ("stream", .stream),
    ]

    static func word(_ text: String) -> Placement? { words.first { $0.word == text }?.placement }

    var field: FieldValue {
        var map = FieldMap()
        switch self {
        case .everywhere, .onDemand, .stream:
            return .string(Self.words.first { $0.placement == self }?.word ?? "")
        case .copies(let count): map["copies"] = .integer(count)
        case .locations(let names): map.write("locations", list: names)
        case .nodes(let names): map.write("nodes", list: names)
        case .central(let url): map.write("central", text: url)
        }
        return .map(map)
    }

    /// For tables and sentences: "2 copies", "at berlin, bonn".
    public var summary: String {
        switch self {
        case .everywhere: "everywhere"
        case .onDemand: "on demand"
        case .stream: "stream"
        case .copies(let count): count == 1 ? "1 copy" : "\(count) copies"
        case .locations(let names): "at \(names.joined(separator: ", "))"
        case .nodes(let names): "on \(names.joined(separator: ", "))"
        case .central(let url): "central: \(url)"
        }
    }
}

extension FieldReader {
    /// A word, or a map with one of "copies", "locations", "nodes" and "central".
    public func placement() -> Placement? {
        let forms = "everywhere, on-demand, stream, {copies: N}, {locations: [...]}, {nodes: [...]} or {central: URL}"
        guard value.asMap != nil else {
            guard case .string(let text) = value.content, let placement = Placement.word(text) else {
                failExpected(forms)
                return nil
            }
            return placement
        }
        guard let fields = fields(["copies", "locations", "nodes", "central"]) else { return nil }
        var found: [Placement] = []
        if let reader = fields["copies"], let count = reader.integer(in: 1...Limits.nodesMax) {
            found.append(.copies(count))
        }
        if let reader = fields["locations"], let names = reader.distinct({ $0.name() }) {
            found.append(.locations(names))
        }
        if let reader = fields["nodes"], let names = reader.nodes() { found.append(.nodes(names)) }
        if let reader = fields["central"], let url = reader.baseURL() { found.append(.central(url: url)) }
        guard found.count <= 1 else {
            fail("says two things at once", hint: "one of \(forms)")
            return nil
        }
        if value.asMap?.isEmpty == true { failExpected(forms) }
        return found.first
    }
}
