// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct PlacementPlanTests {
    private static let digest = Digest(bytes: [UInt8](repeating: 7, count: 32))!
    private static let older = Digest(bytes: [UInt8](repeating: 6, count: 32))!

    private static func node(
        _ name: String, _ location: String? = nil, holds: ImageHolding.State? = nil, manifest: Digest = digest,
        bytes: Int64 = 100, alive: Bool = true, away: Int64 = 0
    ) -> PlacementPlan.Node {
        var holdings = Holdings(node: name)
        if let holds {
            holdings.images["debian-12"] = ImageHolding(
                manifest: manifest, state: holds, bytesHeld: bytes, bytesTotal: 100)
        }
        return PlacementPlan.Node(
            name: name, location: location, isAlive: alive, awaySeconds: away, holdings: holdings)
    }

    private static func plan(
        own: String = "n1", _ nodes: [PlacementPlan.Node], _ placement: Placement? = nil, origin: String? = nil
    ) -> PlacementPlan {
        var image = ImageRecord(name: "debian-12", state: .ready)
        image.manifest = digest
        image.bytes = 100
        var policies: [String: ImagePolicy] = [:]
        if let placement {
            policies["debian-12"] = ImagePolicy(name: "debian-12")
            policies["debian-12"]?.placement = placement
        }
        var locations: [String: Location] = [:]
        for name in Set(nodes.compactMap(\.location)) { locations[name] = Location(name: name) }
        if let origin { locations[origin, default: Location(name: origin)].isOrigin = true }
        return PlacementPlan(
            own: own, nodes: nodes, images: ["debian-12": image], policies: policies, locations: locations)
    }

    private static let three = ["n1", "n2", "n3"].map { node($0) }

    // MARK: Keepers

    @Test func withoutAPolicyEveryNodeKeepsIt() {
        #expect(Self.plan(Self.three).keepers(of: "debian-12") == ["n1", "n2", "n3"])
    }

    @Test func copiesAreOnSoManyNodesAndEveryNodeAgrees() {
        for count in 1...3 {
            let keepers = Self.plan(Self.three, .copies(count)).keepers(of: "debian-12")
            #expect(keepers.count == count)
            for own in ["n2", "n3"] {
                #expect(Self.plan(own: own, Self.three.reversed(), .copies(count)).keepers(of: "debian-12") == keepers)
            }
        }
        #expect(Self.plan(Self.three, .copies(9)).keepers(of: "debian-12").count == 3)
    }

    @Test func aShortAbsenceMovesNoCopyAndALongOneDoes() {
        let first = Self.plan(Self.three, .copies(1)).keepers(of: "debian-12").first!
        func keepers(away: Int64) -> Set<String> {
            let nodes = Self.three.map { $0.name == first ? Self.node(first, alive: false, away: away) : $0 }
            return Self.plan(nodes, .copies(1)).keepers(of: "debian-12")
        }
        #expect(keepers(away: Limits.copiesAbsenceSeconds) == [first])
        let moved = keepers(away: Limits.copiesAbsenceSeconds + 1)
        #expect(moved.count == 1 && !moved.contains(first))
    }

    @Test func locationsAndNodesByName() {
        let nodes = [Self.node("n1", "berlin"), Self.node("n2", "paris"), Self.node("n3")]
        #expect(Self.plan(nodes, .locations(["paris", "rome"])).keepers(of: "debian-12") == ["n2"])
        #expect(Self.plan(nodes, .nodes(["n3", "gone"])).keepers(of: "debian-12") == ["n3"])
        #expect(Self.plan(nodes, .central(url: "http://c")).keepers(of: "debian-12").isEmpty)
    }

    @Test func somebodyKeepsWhatTheOthersPullThrough() {
        let nodes = [Self.node("n1", "berlin"), Self.node("n2", "paris"), Self.node("n3", "paris")]
        for placement in [Placement.onDemand, .stream] {
            #expect(Self.plan(nodes, placement, origin: "paris").keepers(of: "debian-12") == ["n2", "n3"])
            #expect(Self.plan(nodes, placement).keepers(of: "debian-12").count == Limits.onDemandKeepers)
        }
    }

    // MARK: Fetching

    @Test func sourcesAreNearestFirst() {
        let nodes = [
            Self.node("n1", "berlin"), Self.node("part", "berlin", holds: .some, bytes: 5),
            Self.node("far", "rome", holds: .complete), Self.node("origin", "paris", holds: .complete),
            Self.node("near", "berlin", holds: .complete), Self.node("dead", "berlin", holds: .complete, alive: false),
            Self.node("old", "berlin", holds: .complete, manifest: Self.older),
            Self.node("empty", "berlin", holds: .fetching, bytes: 0), Self.node("silent", "berlin"),
        ]
        let sources = Self.plan(nodes, origin: "paris").sources(of: "debian-12")
        #expect(sources == [.node("near"), .node("part"), .node("origin"), .node("far")])
    }

    @Test func nodesSpreadOverEqualSources() {
        let names = (1...20).map { "n\($0)" }
        let nodes = names.map { Self.node($0) } + [Self.node("a", holds: .complete), Self.node("b", holds: .complete)]
        let firsts = names.compactMap { Self.plan(own: $0, nodes).sources(of: "debian-12").first }
        #expect(firsts.count == 20)
        #expect(Set(firsts).count == 2)
    }

    @Test func centralImagesComeFromTheirURL() {
        let plan = Self.plan(Self.three, .central(url: "http://c/x"))
        #expect(plan.sources(of: "debian-12") == [.url("http://c/x")])
        #expect(plan.wanted.isEmpty)
    }

    @Test func whatIsWantedIsWhatShouldBeHere() {
        let nodes = [Self.node("n1"), Self.node("n2", holds: .complete)]
        #expect(Self.plan(nodes).wanted == ["debian-12"])
        #expect(Self.plan(nodes, .nodes(["n2"])).wanted.isEmpty)
    }

    @Test func theRarestComesFirstAndThenTheSmallest() {
        var images: [String: ImageRecord] = [:]
        var holdings = Holdings(node: "n2")
        for (name, bytes) in [("common", Int64(1)), ("big", 900), ("small", 10)] {
            var image = ImageRecord(name: name, state: .ready)
            image.manifest = Self.digest
            image.bytes = bytes
            images[name] = image
        }
        holdings.images["common"] = ImageHolding(manifest: Self.digest, state: .complete, bytesHeld: 1, bytesTotal: 1)
        let plan = PlacementPlan(
            own: "n1", nodes: [.init(name: "n1"), .init(name: "n2", holdings: holdings)], images: images, policies: [:],
            locations: [:])
        #expect(plan.wanted == ["small", "big", "common"])
    }

    // MARK: What may go

    @Test func onlyAKeepersCopyLetsOthersGo() {
        let nodes = [Self.node("n1"), Self.node("n2", holds: .complete), Self.node("n3")]
        #expect(Self.plan(nodes, .nodes(["n2"])).isSafeElsewhere("debian-12"))
        #expect(!Self.plan(nodes, .nodes(["n3"])).isSafeElsewhere("debian-12"))
        #expect(!Self.plan(own: "n2", nodes, .nodes(["n2"])).isSafeElsewhere("debian-12"))
        let dead = [Self.node("n1"), Self.node("n2", holds: .complete, alive: false)]
        #expect(!Self.plan(dead, .nodes(["n2"])).isSafeElsewhere("debian-12"))
        #expect(Self.plan(nodes, .central(url: "http://c")).isSafeElsewhere("debian-12"))
    }
}
