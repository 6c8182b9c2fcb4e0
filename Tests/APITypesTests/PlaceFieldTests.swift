// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model
import Testing

/// Locations, endpoints and placements in a site file.
@Suite struct PlaceFieldTests {
    @Test func theCanonicalFormOfALocation() throws {
        let fields: FieldValue = [
            "nodes": ["rack1-a", "rack1-b"], "endpoints": ["http://boot.example", "nodes"], "origin": true,
            "rate": "50M", "hours": ["22:00-06:00", "12:00-13:30"],
        ]
        let object = try object(.location, "berlin", fields)
        #expect(object.fields == fields)
        guard case .location(let location) = object else { return #expect(Bool(false)) }
        #expect(location.endpoints == [.url("http://boot.example"), .nodes])
        #expect(location.bytesPerSecondMax == 50_000_000)
        #expect(location.hours[0] == Location.Hours(fromMinute: 1_320, untilMinute: 360))
        #expect(SiteObject.location(Location(name: "a")).fields == [:])
    }

    static let placements: [(FieldValue, Placement)] = [
        ("everywhere", .everywhere), ("on-demand", .onDemand), ("stream", .stream), (["copies": 2], .copies(2)),
        (["locations": ["berlin", "bonn"]], .locations(["berlin", "bonn"])), (["nodes": ["a"]], .nodes(["a"])),
        (["central": "http://mirror.example/debian/"], .central(url: "http://mirror.example/debian")),
    ]

    @Test(arguments: placements)
    func placement(field: FieldValue, placement: Placement) throws {
        var policy = ImagePolicy(name: "debian-12")
        policy.placement = placement
        #expect(try object(.image, "debian-12", ["placement": field]) == .image(policy))
    }

    @Test func whereAnImageIsKeptInWords() {
        #expect(
            Self.placements.map(\.1.summary) == [
                "everywhere", "on demand", "stream", "2 copies", "at berlin, bonn", "on a",
                "central: http://mirror.example/debian",
            ])
    }

    static let locations: [(FieldValue, [String])] = [
        (["node": "a"], ["locations.berlin.node: unknown key (write a list: nodes: [rack1-a, rack1-b])"]),
        (["bandwidth": "5M"], ["locations.berlin.bandwidth: unknown key (did you mean 'rate'?)"]),
        (
            ["networks": ["lab"]],
            ["locations.berlin.networks: unknown key (a network names its location: location: berlin)"]
        ),
        (["nodes": ["a", "a"]], ["locations.berlin.nodes[1]: a is in the list twice"]),
        (
            ["endpoints": ["boot.example"]],
            [
                "locations.berlin.endpoints[0]: expected a base URL, found \"boot.example\" "
                    + "(such as http://boot.example or http://10.64.0.9:8080)"
            ]
        ),
        (
            ["endpoints": ["http://boot.example", "http://boot.example/"]],
            ["locations.berlin.endpoints[1]: http://boot.example is in the list twice"]
        ),
        (
            ["rate": "fast"],
            ["locations.berlin.rate: expected a number of bytes, found \"fast\" (such as 50M, 2G or 512Ki)"]
        ),
        (
            ["hours": ["22-6"]],
            ["locations.berlin.hours[0]: expected a time of day, found \"22-6\" (such as 22:00-06:00 (UTC))"]
        ),
    ]

    @Test(arguments: locations)
    func whatIsWrongWithALocation(fields: FieldValue, expected: [String]) {
        #expect(errors(in: ["locations": ["berlin": fields]]) == expected)
    }

    static let forms =
        "everywhere, on-demand, stream, {copies: N}, {locations: [...]}, {nodes: [...]} or {central: URL}"
    static let images: [(FieldValue, [String])] = [
        (["policy": "stream"], ["images.os.policy: unknown key (did you mean 'placement'?)"]),
        (["url": "http://x"], ["images.os.url: unknown key (bring it in with: ondeck content add NAME --url URL)"]),
        (["placement": "somewhere"], ["images.os.placement: expected \(forms), found \"somewhere\""]),
        (["placement": [:]], ["images.os.placement: expected \(forms), found a map"]),
        (["placement": ["copies": 0]], ["images.os.placement.copies: expected 1 to 64, found the number 0"]),
        (
            ["placement": ["copies": 2, "nodes": ["a"]]],
            ["images.os.placement: says two things at once (one of \(forms))"]
        ),
    ]

    @Test(arguments: images)
    func whatIsWrongWithAnImage(fields: FieldValue, expected: [String]) {
        let found = errors(in: ["images": ["os": fields]])
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(found.hasPrefix(expected), "\(found)") }
    }

    @Test func anEndpointThatLeavesNoRoomForABootURL() {
        let url = "http://" + String(repeating: "a", count: Limits.endpointBytesMax) + ".example"
        let found = errors(inNetwork: ["endpoints": [.string(url)]])
        #expect(found.count == 1 && found[0].contains("at most \(Limits.endpointBytesMax) are allowed"))
    }
}
