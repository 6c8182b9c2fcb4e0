// SPDX-License-Identifier: Apache-2.0

import Model

/// Locations, what refers to them, and where images are kept.
extension SiteCheck {
    mutating func locations() {
        var placeOf: [String: String] = [:]
        var origin: String?
        for name in site.names(.location) {
            guard let location = site.locations[name] else { continue }
            let field = "locations.\(name)"
            for (index, node) in location.nodes.enumerated() {
                guard let other = placeOf.updateValue(name, forKey: node) else { continue }
                refuse(
                    "\(field).nodes[\(index)]", "\(node) is in locations.\(other) too", hint: "a node is in one place")
            }
            endpoints(location.endpoints, at: field)
            guard location.isOrigin else { continue }
            if location.nodes.isEmpty {
                warn("\(field).origin", "has no nodes: nothing can be imported there, or fetched from there")
            }
            if let origin {
                warn("\(field).origin", "locations.\(origin) is an origin too", hint: "images come from one place")
            }
            origin = name
        }
    }

    /// A network's place, and the base URLs of its own.
    mutating func place(_ network: Network, at field: String) {
        if let name = network.location { location(name, at: "\(field).location") }
        endpoints(network.endpoints, at: field)
    }

    /// Machines try one after the other, and where none is left they wait.
    private mutating func endpoints(_ endpoints: [EndpointChoice], at field: String) {
        let areAllFailing = endpoints.allSatisfy { fault($0) != nil }
        for (index, endpoint) in endpoints.enumerated() {
            guard case .url(let url) = endpoint, let fault = fault(endpoint), !areAllFailing else { continue }
            warn("\(field).endpoints[\(index)]", "\(url) does not answer now: \(fault)")
        }
        guard !endpoints.isEmpty, !endpoints.contains(.nodes) else { return }
        let urls = endpoints.map { endpoint -> String in
            if case .url(let url) = endpoint { url } else { "" }
        }
        let hint =
            "nodes at the end of the list has them go to the nodes themselves: "
            + "endpoints: [\((urls + ["nodes"]).joined(separator: ", "))]"
        if areAllFailing {
            let subject = urls.count == 1 ? "\(urls[0]) does not answer now" : "none of them answers now"
            let faults = Set(urls.compactMap { failingEndpoints[$0] }).sorted().joined(separator: ", ")
            warn(
                "\(field).endpoints", "\(subject): \(faults). There is nowhere else for machines to go", hint: hint)
        } else if urls.count == 1 {
            warn("\(field).endpoints", "when \(urls[0]) fails, no machine boots", hint: hint)
        }
    }

    /// Why machines cannot go there now; nil: they can, or nobody knows.
    private func fault(_ endpoint: EndpointChoice) -> String? {
        if case .url(let url) = endpoint { failingEndpoints[url] } else { nil }
    }

    private mutating func location(_ name: String, at field: String) {
        guard site.locations[name] == nil else { return }
        let known = Array(site.locations.keys)
        let hint = known.isEmpty ? "ondeck set location \(name) nodes=[...] makes it" : Self.hint(known)
        refuse(field, "there is no location \(name)", hint: hint)
    }

    // MARK: Images

    mutating func images() {
        let known = Set(site.locations.values.flatMap(\.nodes))
        for name in site.names(.image) {
            guard let image = site.images[name] else { continue }
            let field = "images.\(name)"
            if ContentSets.reservedNames.contains(name) {
                refuse(field, "an image cannot be called \(name)", hint: "OnDeck serves something else there")
            }
            placement(image.placement, known, at: "\(field).placement")
        }
    }

    /// `known` are the nodes that are in a place. Where none is, nobody can say which nodes there are.
    private mutating func placement(_ placement: Placement, _ known: Set<String>, at field: String) {
        switch placement {
        case .everywhere, .onDemand, .stream, .central: break
        case .copies(let count):
            guard !known.isEmpty, count > known.count else { return }
            let nodes = known.count == 1 ? "1 node" : "\(known.count) nodes"
            warn(
                "\(field).copies", "\(count) copies, and the locations have \(nodes)", hint: "everywhere says the same")
        case .locations(let names):
            emptiness(names, "names no location: the image would be nowhere", at: "\(field).locations")
            for (index, name) in names.enumerated() {
                location(name, at: "\(field).locations[\(index)]")
                if site.locations[name]?.nodes.isEmpty == true {
                    warn("\(field).locations[\(index)]", "\(name) has no nodes that could hold it")
                }
            }
        case .nodes(let names):
            emptiness(names, "names no node: the image would be nowhere", at: "\(field).nodes")
            guard !known.isEmpty else { return }
            for (index, name) in names.enumerated() where !known.contains(name) {
                warn("\(field).nodes[\(index)]", "\(name) is in no location", hint: Self.hint(Array(known)))
            }
        }
    }

    private mutating func emptiness(_ names: [String], _ message: String, at field: String) {
        if names.isEmpty { refuse(field, message, hint: "name one, or leave the placement out for everywhere") }
    }
}
