// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model
import Testing

@testable import CLI

struct ContentShowTests {
    private typealias Holding = ContentWhereReport.Holding

    // MARK: Lists

    @Test func `images in a table, and what is wrong below it`() async throws {
        var old = ContentAnswers.image("failed")
        (old.name, old.reason, old.digest) = ("broken", "the URL answered 404", String(repeating: "b", count: 64))
        var running = ContentAnswers.image("importing")
        running.name = "new"
        running.progress = .init(phase: "downloading", bytesDone: 30, bytesTotal: 90)
        var ready = ContentAnswers.image("ready")
        ready.addedAt = "2026-03-04T12:00:59Z"
        let server = FakeServer(ContentAnswers.json([old, running, ready]))
        let ran = await run(ContentListCommand.self, [], at: server.port)
        #expect(server.asked.map(\.line) == ["GET /api/v1/content"])
        #expect(
            ran.out == """
                NAME    STATE               SIZE     FILES  NODES  PLACEMENT   ADDED
                broken  failed; old served  0 B      0      -      everywhere  -
                new     downloading 33 %    -        -      -      everywhere  -
                os      ready               1.2 MiB  3      1/3    everywhere  2026-03-04 12:00
                broken: the URL answered 404

                """)
        let none = FakeServer(.json("[]"))
        let empty = await run(ContentListCommand.self, [], at: none.port)
        #expect(empty.out == "There is no image yet. Bring one in: ondeck content add NAME --url URL\n")
    }

    @Test func `one image with its files`() async throws {
        let digest = String(repeating: "c", count: 64)
        let image = ContentAnswers.image("ready") { image in
            (image.source, image.addedAt) = ("http://x/os.tar", "2026-03-04T12:00:59Z")
            image.files = [.init(path: "linux", sha256: digest, bytes: 9 << 20)]
        }
        let server = FakeServer(ContentAnswers.json(image))
        let ran = await run(ContentShowCommand.self, ["os"], at: server.port)
        #expect(
            ran.out == """
                Image      os
                State      ready
                Size       3 files, 1.2 MiB
                Source     http://x/os.tar
                Added      2026-03-04 12:00 UTC
                Digest     \(String(repeating: "a", count: 64))
                Placement  everywhere
                Nodes      1 of 3 hold it

                FILE      SIZE     SHA-256
                os/linux  9.0 MiB  \(digest)
                and 2 more

                """)
    }

    // MARK: Where

    private static func places(_ nodes: [String]) -> ContentWhereReport {
        let states: [(String, Bool, Int64, String?)] = [
            ("complete", true, 90, nil), ("fetching", true, 45, nil), ("failed", true, 0, "the disk is full"),
            ("none", true, 0, nil), ("none", false, 0, nil), ("some", false, 7, nil), ("outdated", true, 0, nil),
            ("waiting", true, 0, nil), ("unknown", true, 0, nil),
        ]
        let holdings = zip(nodes, states).map { node, state in
            var holding = Holding(node: node, state: state.0, isWanted: state.1, bytesHeld: state.2, bytesTotal: 90)
            holding.reason = state.3
            if state.0 == "fetching" { holding.bytesPerSecond = 3 << 20 }
            return holding
        }
        var report = ContentWhereReport(node: nodes[0], nodes: [], images: [])
        report.nodes = nodes.enumerated().map { index, name in
            .init(name: name, location: index < 3 ? "berlin" : nil, life: index == 1 ? "silent" : "alive", bytesFree: 5)
        }
        report.images = [
            .init(
                name: "os", state: "ready", placement: "everywhere", bytes: 90, holdings: holdings,
                warnings: ["no machine in bonn can boot it"])
        ]
        return report
    }

    @Test func `image by node`() async throws {
        let report = Self.places(["a", "b", "c", "d", "e", "f", "g", "h"])
        let server = FakeServer(ContentAnswers.json(report))
        let ran = await run(ContentWhereCommand.self, [], at: server.port)
        #expect(
            ran.out == """
                IMAGE  SIZE  PLACEMENT   a    b (silent)      c       d        e  f     g    h
                os     90 B  everywhere  yes  50 % 3.0 MiB/s  FAILED  MISSING  -  some  old  waits
                os on c: the disk is full
                os: no machine in bonn can boot it

                """)
    }

    @Test func `with many nodes the columns are locations`() async throws {
        let report = Self.places(["a", "b", "c", "d", "e", "f", "g", "h", "i"])
        let server = FakeServer(ContentAnswers.json(report))
        let ran = await run(ContentWhereCommand.self, [], at: server.port)
        #expect(ran.out.hasPrefix("IMAGE  SIZE  PLACEMENT   -    berlin\nos     90 B  everywhere  0/4  1/3\n"))
    }

    @Test func `one image has a line a node`() async throws {
        let server = FakeServer(ContentAnswers.json(Self.places(["a", "b", "c"])))
        let ran = await run(ContentWhereCommand.self, ["os"], at: server.port)
        #expect(
            ran.out == """
                os: ready, 90 B, everywhere

                NODE  LOCATION  LIFE    WANTED  STATE           HELD          DISK FREE
                a     berlin    alive   yes     yes             90 B          5 B
                b     berlin    silent  yes     50 % 3.0 MiB/s  45 B of 90 B  5 B
                c     berlin    alive   yes     FAILED          -             5 B
                os on c: the disk is full
                os: no machine in bonn can boot it

                """)
        let none = await run(ContentWhereCommand.self, ["x"], at: server.port)
        #expect(none.exitCode == 1)
        #expect(none.error == "there is no image x. ondeck content list shows them.\n")
    }

    // MARK: Garbage and removal

    @Test func `garbage`() async throws {
        var report = ContentGarbageReport(node: "a", dryRun: true, files: 14, bytes: 3 << 30)
        (report.filesKept, report.bytesKept, report.bytesHeld, report.bytesFree) = (1, 7, 9 << 30, 100 << 30)
        let server = FakeServer(ContentAnswers.json(report))
        let ran = await run(ContentGarbageCommand.self, ["--dry-run"], at: server.port)
        #expect(server.asked[0].line == "POST /api/v1/content-gc")
        #expect(server.asked[0].body == #"{"dryRun":true}"#)
        #expect(
            ran.out == """
                a: would remove 14 files, 3.0 GiB
                for now 1 file, 7 B stay: not needed, but for too short a time, or still being read
                content takes 9.0 GiB; 100 GiB are free

                """)
    }

    private static let environments = """
        [{"kind": "environment", "name": "debian", "revision": 4,
          "fields": {"kernel": {"x64": {"kernel": "os/linux", "initrds": ["other/initrd"]}}}},
         {"kind": "environment", "name": "shipped", "fields": {"kernel": {"x64": {"kernel": "third/linux"}}}}]
        """

    @Test(arguments: ["os", "other"])
    func `an image that machines boot from is not removed by a slip`(name: String) async throws {
        let server = FakeServer(.json(Self.environments), ContentAnswers.json(ContentAnswers.image("ready")))
        let ran = await run(ContentRemoveCommand.self, [name], at: server.port)
        #expect(ran.exitCode == 1)
        #expect(ran.error.hasPrefix("environments take files from \(name): debian. With --force it is removed"))
        #expect(server.asked.map(\.line) == ["GET /api/v1/environments"])
    }

    @Test func `an image is removed`() async throws {
        let removed = ContentAnswers.json(ContentAnswers.image("ready"))
        let unused = FakeServer(.json(Self.environments), removed)
        let ran = await run(ContentRemoveCommand.self, ["third"], at: unused.port)
        #expect(ran.out == "os is removed: 3 files, 1.2 MiB\n")
        #expect(unused.asked.last?.line == "DELETE /api/v1/content/third")
        let forced = FakeServer(removed)
        #expect(await run(ContentRemoveCommand.self, ["os", "--force"], at: forced.port).exitCode == 0)
        #expect(forced.asked.map(\.line) == ["DELETE /api/v1/content/os"])
    }
}
