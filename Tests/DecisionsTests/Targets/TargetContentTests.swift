// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct TargetContentTests {
    static let manifest = Digest(bytes: [UInt8](repeating: 7, count: 32))!
    static let older = Digest(bytes: [UInt8](repeating: 6, count: 32))!
    static let nodes = ["n1", "n2", "n3"]

    static func content(
        _ placement: Placement = .everywhere, held: [String: ImageHolding.State],
        change: (inout ImageRecord) -> Void = { _ in }
    ) -> TargetContent {
        var record = ImageRecord(name: "debian-12", state: .ready)
        record.manifest = manifest
        change(&record)
        var policy = ImagePolicy(name: "debian-12")
        policy.placement = placement
        var content = TargetContent()
        content.images["debian-12"] = record
        content.policies["debian-12"] = policy
        for node in nodes {
            content.holdings[node] = Holdings(node: node)
            guard let state = held[node] else { continue }
            content.holdings[node]?.images["debian-12"] = ImageHolding(
                manifest: manifest, state: state, bytesHeld: 1, bytesTotal: 2)
        }
        return content
    }

    static func judge(_ content: TargetContent, alive: Set<String> = ["n1", "n2", "n3"]) -> [TargetNode.Content] {
        content.abilities("debian-12", nodes: nodes, alive: alive)
    }

    @Test func aDirectoryIsOnEveryNode() {
        #expect(TargetContent().abilities("debian-12", nodes: Self.nodes, alive: []) == [.holds, .holds, .holds])
    }

    @Test func whoIsNotCompleteFetchesFromAHolderThatIsThere() {
        let content = Self.content(held: ["n1": .complete, "n2": .fetching])
        #expect(Self.judge(content) == [.holds, .fetches, .fetches])
    }

    @Test func withoutAHolderOnlyWhoIsBringingItInCanServeIt() {
        let content = Self.content(held: ["n1": .complete, "n2": .fetching])
        let judged = Self.judge(content, alive: ["n2", "n3"])
        #expect(judged[1] == .fetches)
        #expect(judged[2] == .cannot("it does not hold debian-12, and no node that is there does"))
    }

    @Test func onDemandIsFetchedUnlessTheNodeSaysThatItCannot() {
        let content = Self.content(.onDemand, held: ["n2": .failed("the origin does not answer")])
        #expect(
            Self.judge(content)
                == [.fetches, .cannot("it does not hold debian-12: the origin does not answer"), .fetches])
    }

    @Test func anOlderManifestIsNotTheImage() {
        var content = Self.content(held: [:])
        content.holdings["n1"]?.images["debian-12"] = ImageHolding(
            manifest: Self.older, state: .complete, bytesHeld: 2, bytesTotal: 2)
        #expect(Self.judge(content)[0] == .cannot("it does not hold debian-12, and no node that is there does"))
    }

    @Test func centralImagesAreNobodysAndAnEmptyOneToo() {
        #expect(Self.judge(Self.content(.central(url: "http://o.example"), held: [:])) == [.holds, .holds, .holds])
        let failed = Self.content(held: [:]) { ($0.manifest, $0.state) = (nil, .failed("disk full")) }
        #expect(Self.judge(failed)[0] == .cannot("nobody holds debian-12: its import failed: disk full"))
    }

    @Test func whoHasSaidNothingIsUnknown() {
        var content = Self.content(held: [:])
        content.holdings["n3"] = nil
        #expect(Self.judge(content)[2] == .unknown)
    }

    @Test func anEnvironmentsImagesComeFromItsFiles() {
        var files = BootEnvironment.Files(kernel: "debian-12/linux")
        files.initrds = ["debian-12/initrd.gz", "firmware/all.cpio", "http://o.example/x/y"]
        let environment = BootEnvironment(name: "debian", kind: .kernel([.x64: files]))
        #expect(environment.contentSets == ["debian-12", "firmware"])
        #expect(BootEnvironment(name: "shell", kind: .shell).contentSets.isEmpty)
    }
}
