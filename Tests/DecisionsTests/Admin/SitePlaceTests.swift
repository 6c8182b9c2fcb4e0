// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

/// Locations, endpoints and images: what refers to what.
@Suite struct SitePlaceTests {
    private var draft = Draft()

    private mutating func location(_ name: String, _ nodes: [String], _ change: (inout Location) -> Void = { _ in }) {
        var location = Location(name: name)
        location.nodes = nodes
        change(&location)
        draft.site.set(.location(location))
    }

    private mutating func image(_ name: String, _ placement: Placement) {
        var image = ImagePolicy(name: name)
        image.placement = placement
        draft.site.set(.image(image))
    }

    private mutating func network(_ change: (inout Network) -> Void) {
        draft.network("lab", ["10.64.0.0/24"], pools: [["10.64.0.9"]], change)
    }

    @Test mutating func aSiteWithPlacesIsFine() {
        location("berlin", ["a", "b"]) { $0.isOrigin = true }
        location("bonn", ["c"]) { $0.endpoints = [.url("http://boot.example"), .nodes] }
        image("debian-12", .locations(["berlin", "bonn"]))
        image("rescue", .copies(3))
        image("memtest", .nodes(["a"]))
        network { $0.location = "bonn" }
        #expect(draft.problems == [])
        #expect(draft.warnings == [])
    }

    // MARK: References

    @Test mutating func whatRefersToNoLocation() {
        network { $0.location = "bnn" }
        image("debian-12", .locations(["bonn", "köln"]))
        location("bonn", ["a"])
        #expect(
            draft.problems == [
                "networks.lab.location: there is no location bnn (known: bonn)",
                "images.debian-12.placement.locations[1]: there is no location köln (known: bonn)",
            ])
    }

    @Test mutating func theFirstLocationIsStillToBeMade() {
        network { $0.location = "bonn" }
        #expect(
            draft.problems == [
                "networks.lab.location: there is no location bonn (ondeck set location bonn nodes=[...] makes it)"
            ])
    }

    @Test mutating func aNodeIsInOnePlace() {
        location("berlin", ["a", "b"])
        location("bonn", ["c", "a"])
        #expect(draft.problems == ["locations.bonn.nodes[1]: a is in locations.berlin too (a node is in one place)"])
    }

    @Test(arguments: ContentSets.reservedNames.sorted())
    mutating func namesThatOnDeckHasForItself(name: String) {
        image(name, .everywhere)
        #expect(
            draft.problems == [
                "images.\(name): an image cannot be called \(name) (OnDeck serves something else there)"
            ])
    }

    @Test mutating func anImageThatWouldBeNowhere() {
        image("debian-12", .locations([]))
        image("rescue", .nodes([]))
        #expect(draft.problems.count == 2)
        #expect(draft.problems[0].hasPrefix("images.debian-12.placement.locations: names no location"))
        #expect(draft.problems[1].hasPrefix("images.rescue.placement.nodes: names no node"))
    }

    // MARK: Warnings

    @Test mutating func whatIsProbablyNotMeant() {
        location("berlin", ["a", "b"]) { $0.isOrigin = true }
        location("bonn", []) { $0.isOrigin = true }
        image("debian-12", .copies(3))
        image("memtest", .nodes(["c"]))
        image("rescue", .locations(["bonn"]))
        #expect(draft.problems == [])
        #expect(
            draft.warnings == [
                "locations.bonn.origin: has no nodes: nothing can be imported there, or fetched from there",
                "locations.bonn.origin: locations.berlin is an origin too (images come from one place)",
                "images.debian-12.placement.copies: 3 copies, and the locations have 2 nodes "
                    + "(everywhere says the same)",
                "images.memtest.placement.nodes[0]: c is in no location (known: a, b)",
                "images.rescue.placement.locations[0]: bonn has no nodes that could hold it",
            ])
    }

    /// Nodes answer for themselves: an endpoint that does not is worth a word all the same.
    @Test mutating func anEndpointThatDoesNotAnswerBesideTheNodes() {
        network { $0.endpoints = [Self.one, .nodes] }
        let failing = ["http://boot.example": "status 503"]
        #expect(
            SiteValidation.check(draft.site, failingEndpoints: failing).warnings.map(\.description) == [
                "networks.lab.endpoints[0]: http://boot.example does not answer now: status 503"
            ])
        #expect(SiteValidation.check(draft.site, failingEndpoints: failing).problems.isEmpty)
    }

    /// A cluster without locations has nodes that the site does not name.
    @Test mutating func withoutLocationsNobodyKnowsTheNodes() {
        image("debian-12", .copies(3))
        image("memtest", .nodes(["c"]))
        #expect(draft.warnings == [])
    }

    private static let one = EndpointChoice.url("http://boot.example")
    private static let two = EndpointChoice.url("http://10.64.0.9")

    @Test mutating func oneEndpointIsASinglePointOfFailure() {
        network { $0.endpoints = [Self.one] }
        #expect(
            draft.warnings == [
                "networks.lab.endpoints: when http://boot.example fails, no machine boots "
                    + "(nodes at the end of the list has them go to the nodes themselves: endpoints: [http://boot.example, nodes])"
            ])
        for endpoints in [[Self.one, Self.two], [Self.one, .nodes], [.nodes], []] {
            network { $0.endpoints = endpoints }
            #expect(draft.warnings == [])
        }
    }

    @Test mutating func endpointsOfWhichNoneAnswers() {
        location("bonn", ["a"]) { $0.endpoints = [Self.one, Self.two] }
        func warnings(_ failing: [String: String]) -> [String] {
            SiteValidation.check(draft.site, failingEndpoints: failing).warnings.map(\.description)
        }
        #expect(
            warnings(["http://boot.example": "no answer"]) == [
                "locations.bonn.endpoints[0]: http://boot.example does not answer now: no answer"
            ])
        let found = warnings(["http://boot.example": "no answer", "http://10.64.0.9": "connection refused"])
        #expect(found.count == 1)
        #expect(
            found.first?.hasPrefix(
                "locations.bonn.endpoints: none of them answers now: connection refused, no answer. "
                    + "There is nowhere else for machines to go") == true)
    }
}
