// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Ports
import Simulation
import Synchronization
import Testing
import Wire

@testable import Engine

private let mac = MACAddress("52:54:00:12:34:56")!
private let stranger = IPv4Address("10.1.0.66")!
private let reserved = IPv4Address("10.1.0.20")!

private struct NoPulls: ContentPulling {
    func pull(_ file: ContentFile, image: String, keep: Bool) async -> PullAnswer { .unavailable("nobody") }
    func pullManifest(_ digest: Digest, image: String) async -> Manifest? { nil }
}

/// A boot service over a workbench, with one machine to install, one that always boots, and tokens.
private final class BootBench: Sendable {
    let bench: Workbench
    let boot: BootService
    let served: ServedList
    let library: ContentLibrary
    let tokens = BootTokens(secret: Array(repeating: 7, count: 32))

    init() async throws {
        bench = try await Workbench()
        served = ServedList(store: bench.store, timeline: bench.timeline)
        bench.cache.add(.init(replace: { [served] in served.replace($0) }, take: { [served] in served.take($0) }))
        let directory = "/tmp/ondeck-boot-tests-\(UInt64.random(in: 0 ... .max))"
        library = ContentLibrary(
            index: ContentIndex(), blobs: try BlobStore(directory: directory), catalog: ContentCatalog(sets: [:]),
            pull: NoPulls())
        boot = BootService(
            engine: bench.engine, cache: bench.cache, sites: bench.sites, content: library, served: served,
            tokens: { [tokens] in tokens }, timeline: bench.timeline, clock: bench.engine.clock)
    }

    func running(
        intent: BootIntent = .install(environment: "os"), _ body: @Sendable (BootBench) async throws -> Void
    ) async throws {
        try await bench.running {
            try await self.bench.makeNetwork()
            var machine = Machine(name: "web1")
            machine.macs = [mac]
            machine.intent = intent
            var files = BootEnvironment.Files(kernel: "os/linux")
            files.arguments = "url={{url.answers}}/a"
            var environment = BootEnvironment(name: "os", kind: .kernel([.x64: files]))
            environment.answers = ["a": "answer", "b": "answer"]
            let template = Template(name: "answer", text: "secret of {{machine.name}}, done {{url.done}}\n")
            let reservation = Reservation(network: "rack", address: reserved, identity: .mac(mac))
            _ = try await self.bench.sites.apply(
                [.machine(machine), .environment(environment), .template(template), .reservation(reservation)],
                prune: false, dryRun: false)
            try await body(self)
        }
    }

    func get(_ path: String, from client: IPv4Address = stranger, head: Bool = false) async -> String {
        let endpoint = BootEndpoint(address: IPv4Address("10.1.0.1")!, httpPort: 8080)
        let ask = BootAsk(path: path, client: client, endpoint: endpoint, isOnlyHead: head)
        return switch await boot.answer(ask) {
        case .text(let text, _): text
        case .noContent: "204"
        case .missing: "404"
        case .refused: "403"
        case .gone: "410"
        case .failed: "500"
        case .file, .arriving, .later: "file"
        }
    }

    func token(_ use: BootTokens.Use, minutesAgo: Int64 = 0, intent: String = "install os") -> String {
        tokens.mint(use, mac: mac, intent: intent, now: bench.engine.clock.now().adding(seconds: -60 * minutesAgo))
    }

    func path(_ use: BootTokens.Use, minutesAgo: Int64 = 0) -> String {
        "b/\(mac.hyphenated).\(token(use, minutesAgo: minutesAgo))"
    }

    /// The first path with a token that a text names.
    func stagePath(in text: Substring) throws -> String {
        let prefix = "/b/\(mac.hyphenated)."
        let start = try #require(text.firstRange(of: prefix)?.lowerBound)
        return String(text[start...].dropFirst().prefix(prefix.count - 1 + Limits.bootTokenCharacters))
    }

    func events(_ pattern: String) -> [Event] {
        bench.timeline.events(after: 0).filter { $0.text.contains(pattern) }
    }
}

@Suite struct BootServiceTests {
    private let plain = "b/\(mac.hyphenated)"

    @Test func aStrangerWhoGuessesAMachineGetsNothing() async throws {
        try await BootBench().running { b in
            for path in ["", "/a/a", "/done", "/p/x"] { #expect(await b.get(plain + path) == "403") }
            #expect(await b.get("b/\(mac.hyphenated).abcdefghijklmno") == "403")
            #expect(await b.get(b.path(.boot, minutesAgo: 90)) == "403")
            // A script's token is for no answer, and the other way round.
            #expect(await b.get(b.path(.boot) + "/a/a") == "403")
            #expect(await b.get(b.path(.stage)) == "403")
            let told = b.events("is refused to 10.1.0.66")
            #expect(told.count == 1, "once a minute, not for each request")
            #expect(told.first?.level == .warning && told.first?.mac == mac)
            #expect(b.bench.cache.status(of: "web1") == nil, "no boot was counted")
        }
    }

    @Test func theMachineIsKnownByTokenOrAddress() async throws {
        try await BootBench().running { b in
            #expect(await b.get(b.path(.boot)).hasPrefix("#!ipxe\n"))
            let script = await b.get(plain, from: reserved)
            #expect(script.hasPrefix("#!ipxe\n"))
            let stage = try b.stagePath(in: script.split(separator: "\n").first { $0.hasPrefix("imgargs") } ?? "")
            #expect(stage == b.path(.stage))
            #expect(await b.get(stage + "/a/a") == "secret of web1, done http://10.1.0.1:8080/\(stage)/done\n")
            #expect(await b.get(stage + "/p/x").isEmpty)
        }
    }

    @Test func anAnswerIsGivenOnceAndWrittenFirst() async throws {
        try await BootBench().running { b in
            let stage = b.path(.stage)
            // HEAD changes nothing.
            #expect(await b.get(stage + "/a/a", head: true).hasPrefix("secret"))
            let records = try await b.bench.store.read(prefix: StoreKeys.servedPrefix).records
            #expect(records.isEmpty)
            b.bench.store.inject(.fail(.unavailable("down")), commits: 1_000)
            #expect(await b.get(stage + "/a/a") == "500", "nothing is given that is not written down")
        }
    }

    @Test func againToTheSameAddressOnly() async throws {
        try await BootBench().running { b in
            let stage = b.path(.stage)
            #expect(await b.get(stage + "/a/a", from: reserved).hasPrefix("secret"))
            #expect(try await b.bench.store.read(prefix: StoreKeys.servedPrefix).records.count == 1)
            #expect(await b.get(stage + "/a/a", from: reserved).hasPrefix("secret"))
            #expect(await b.get(stage + "/a/a") == "410")
            #expect(b.events("10.1.0.20 has had it").count == 1)
            #expect(await b.get(stage + "/a/a", head: true) == "410")
            // Another file, and another boot.
            #expect(await b.get(stage + "/a/b").hasPrefix("secret"))
            #expect(await b.get(b.path(.stage, minutesAgo: 5) + "/a/a").hasPrefix("secret"))
            // Another node that has only the store.
            let other = ServedList(store: b.bench.store, timeline: b.bench.timeline)
            other.replace(try await b.bench.store.read(prefix: StoreKeys.servedPrefix).records)
            #expect(other.served(mac) == b.served.served(mac))
            #expect(other.served(mac).entries.count == 3)
        }
    }

    @Test func twoNodesGiveItOnce() async throws {
        try await BootBench().running { b in
            // This one has not heard of what the other has written.
            let behind = ServedList(store: b.bench.store, timeline: b.bench.timeline)
            #expect(await b.get(b.path(.stage) + "/a/a", from: reserved).hasPrefix("secret"))
            let minute = ServedAnswers.minute(b.bench.engine.clock.now())
            let seen = Mutex<[String]>([])
            try await behind.update(mac) { served in
                seen.withLock { $0.append("\(served.entries.count)") }
                let verdict = served.asked(for: "c", minute: minute, from: stranger, at: Instant(seconds: minute * 60))
                guard case .first(let next) = verdict else { return (nil, ()) }
                return (next, ())
            }
            #expect(seen.withLock { $0 } == ["0", "1"], "asked again with what the store has")
            #expect(behind.served(mac).entries.map(\.name) == ["a", "c"])
        }
    }

    @Test func aLostAnswerOfTheStoreIsNoSecondTime() async throws {
        try await BootBench().running { b in
            b.bench.store.inject(.loseAnswer(.unavailable("lost")))
            #expect(await b.get(b.path(.stage) + "/a/a", from: reserved).hasPrefix("secret"))
            #expect(b.served.served(mac).entries.count == 1)
        }
    }

    @Test func doneBurnsEverything() async throws {
        try await BootBench().running { b in
            let early = b.path(.stage, minutesAgo: 3)
            #expect(await b.get(early + "/a/a", from: reserved).hasPrefix("secret"))
            #expect(await b.get(early + "/done") == "204")
            #expect(b.bench.cache.status(of: "web1")?.doneAt != nil)
            #expect(await b.get(early + "/done") == "204", "the first answer may have been lost")
            _ = try await b.bench.sites.boot("web1", .install(environment: "os"))
            #expect(await b.get(early + "/a/b") == "410")
            #expect(await b.get(b.path(.boot, minutesAgo: 3)) == "410")
            #expect(await b.get(early + "/done") == "204")
            #expect(b.bench.cache.status(of: "web1")?.doneAt == nil, "an old token ends no new install")
            #expect(await b.get(b.path(.boot)).hasPrefix("#!ipxe"))
        }
    }

    @Test func forMachinesThatAlwaysBootToo() async throws {
        try await BootBench().running(intent: .always(environment: "os")) { b in
            let stage = "b/\(mac.hyphenated).\(b.token(.stage, intent: "always os"))"
            #expect(await b.get(stage + "/a/a", from: reserved).hasPrefix("secret"))
            #expect(await b.get(stage + "/a/a") == "410")
            // By its address alone: once for each boot.
            #expect(await b.get(plain + "/a/b", from: reserved).hasPrefix("secret"))
            #expect(b.served.served(mac).entries.contains { $0.minute == 0 })
            #expect(await b.get(plain, from: reserved).hasPrefix("#!ipxe"))
            #expect(!b.served.served(mac).entries.contains { $0.minute == 0 })
        }
    }

    @Test func besideALoaderTheTokenIsForTheMachinesAddress() async throws {
        try await BootBench().running { b in
            let endpoint = BootEndpoint(address: IPv4Address("10.1.0.1")!, httpPort: 8080)
            func text(_ client: IPv4Address) -> String {
                let ask = BootAsk(path: plain + "/autoexec.ipxe", client: client, endpoint: endpoint)
                if case .text(let text, _) = b.boot.file(ask) { return text }
                return ""
            }
            #expect(text(reserved).contains("/\(b.path(.boot)) ||"))
            #expect(text(stranger).contains("/\(plain) ||"))
            let ask = BootAsk(path: b.path(.boot), client: reserved, endpoint: endpoint)
            guard case .missing = b.boot.file(ask) else {
                Issue.record("a script by TFTP")
                return
            }
        }
    }

    @Test func logsShowNoTokens() async throws {
        try await BootBench().running { b in
            let path = b.path(.stage) + "/a/a"
            _ = await b.get(path, from: reserved)
            _ = await b.get(path)
            b.boot.noteServed("HTTP", path: path, client: reserved, result: "200")
            #expect(b.events("b/\(mac.hyphenated)/a/a: 200").count == 1)
            #expect(b.events(b.token(.stage)).isEmpty)
            b.boot.noteServed("HTTP", path: "probe", client: reserved, result: "200")
            #expect(b.events("probe").isEmpty)
        }
    }

    @Test func whatIsEverybodys() async throws {
        try await BootBench().running { b in
            #expect(await b.get("probe") == "OnDeck serves here.\n")
            #expect(await b.get("c/" + String(repeating: "0", count: 64)) == "404")
            #expect(await b.get("boot.ipxe").hasPrefix("#!ipxe"))
        }
    }

    /// In a network that takes in machines that nobody knows.
    @Test func whatAnybodyMayBoot() async throws {
        try await BootBench().running { b in
            #expect(await b.get("b/52-54-00-99-99-99").contains("from disk: its network gives unknown machines"))
            var network = Workbench.network
            network.unknown = .environment("os")
            _ = try await b.bench.sites.apply([.network(network)], prune: false, dryRun: false)
            #expect(await b.get("b/52-54-00-99-99-99").hasPrefix("#!ipxe"))
            #expect(await b.get("b/52-54-00-99-99-99/a/a") == "403")
            #expect(await b.get("b/52-54-00-99-99-99", from: IPv4Address("10.9.0.1")!) == "403")
            #expect(await b.get(plain) == "403")
        }
    }

    // MARK: What operators are told

    /// Without a packet: the script would be given, and its kernel is not there.
    @Test func explainNamesTheFilesThatAreMissing() async throws {
        let interface = InterfaceInfo(
            name: "eth1", index: 2, mac: nil,
            addresses: [InterfaceAddress(address: IPv4Address("10.1.0.1")!, prefixLength: 24)])
        try await BootBench().running { b in
            var ask = ExplainRequest(mac: "\(mac)")
            ask.architecture = "ipxe"
            for (absence, answer) in [
                (b.library.absence, "MISSING, it cannot boot: os/linux (there is no content set \"os\")"),
                ({ _ in nil }, nil),
            ] as [(@Sendable (String) -> String?, String?)] {
                let service = ExplainService(
                    engine: b.bench.engine, cache: b.bench.cache, interfaces: { [interface] }, absence: absence)
                let steps = try service.explain(ask).steps
                #expect(steps.first { $0.question == "files" }?.answer == answer)
            }
            ask.architecture = nil
            let service = ExplainService(
                engine: b.bench.engine, cache: b.bench.cache, interfaces: { [interface] }, absence: b.library.absence)
            let steps = try service.explain(ask).steps
            #expect(!steps.contains { $0.question == "files" }, "it boots nothing from us")
        }
    }

    /// With one: whoever watches sees why nothing was booted.
    @Test func theTimelineSaysWhyThereIsNoBootFile() async throws {
        try await BootBench().running(intent: .local) { b in
            var packet = DHCPRequest(hardware: ClientHardware(mac: mac))
            packet.messageType = .discover
            _ = b.bench.receive(packet)
            packet.transactionID = 2
            packet.options.append(.vendorClass, "PXEClient:Arch:00007:UNDI:003001".utf8)
            packet.options.append(.clientArchitecture, [0, 7])
            _ = b.bench.receive(packet)
            let texts = b.bench.timeline.events(after: 0).filter { $0.kind == .dhcp }.map(\.text)
            #expect(
                texts.suffix(2) == [
                    "DISCOVER -> OFFER 10.1.0.20", "DISCOVER -> OFFER 10.1.0.20, no boot file: its intent is \"local\"",
                ])
        }
    }
}
