// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Foundation
import Model
import Ports
import Synchronization
import Testing

/// A peer that has what it is given, and counts what it is asked for.
private final class FakePeer: ContentPulling {
    let store: BlobStore
    let has = Mutex<[Digest: [UInt8]]>([:])
    let asked = Mutex<[(digest: Digest, keep: Bool)]>([])

    init(_ store: BlobStore) { self.store = store }

    func pull(_ file: ContentFile, image: String, keep: Bool) async -> PullAnswer {
        asked.withLock { $0.append((file.digest, keep)) }
        guard let bytes = has.withLock({ $0[file.digest] }) else { return .unavailable("nobody has \(file.path)") }
        guard let (digest, _) = try? store.add(bytes: bytes), let open = store.open(digest).file else {
            return .unavailable("no disk")
        }
        return .file(open)
    }

    func pullManifest(_ digest: Digest, image: String) async -> Manifest? {
        asked.withLock { $0.append((digest, true)) }
        guard let bytes = has.withLock({ $0[digest] }), (try? store.add(bytes: bytes)) != nil else { return nil }
        return try? ManifestText.decode(bytes)
    }
}

@Suite struct ContentLibraryTests {
    private let workshop: BlobWorkshop
    private let store: BlobStore
    private let index = ContentIndex()
    private let peer: FakePeer
    private let library: ContentLibrary
    private let kernel = BlobWorkshop.bytes(5_000)
    private let manifest: Manifest
    private let list: [UInt8]

    init() throws {
        workshop = try BlobWorkshop()
        store = try workshop.open()
        peer = FakePeer(store)
        mkdir(workshop.path + "/dir", 0o755)
        try workshop.write(workshop.path + "/dir/extra", [1])
        let catalog = ContentCatalog(sets: [
            "debian-12": [.init(path: workshop.path + "/dir")], "old": [.init(path: workshop.path + "/dir")],
        ])
        library = ContentLibrary(index: index, blobs: store, catalog: catalog, pull: peer)
        manifest = Manifest(files: [ContentFile(path: "boot/linux", digest: Digest.of(kernel), bytes: 5_000)])
        list = ManifestText.encode(manifest)
    }

    private func publish(_ state: ImageRecord.State = .ready, manifest: Digest?) {
        var image = ImageRecord(name: "debian-12", state: state)
        image.manifest = manifest
        let write = StoreWrite.put(key: StoreKeys.content("debian-12"), value: ImageRecordText.encode(image))
        index.take(StoreChange(revision: Revision(5), writes: [write]))
    }

    private func place(_ placement: Placement) {
        var policy = ImagePolicy(name: "debian-12")
        policy.placement = placement
        index.setPolicies(["debian-12": policy])
    }

    private static func word(_ answer: LibraryAnswer?) -> String {
        switch answer {
        case nil: "later"
        case .file(let file, let type): "\(file.size) \(type)"
        case .arriving(let file, let type): "arriving \(file.size) \(type)"
        case .elsewhere(let url): url
        case .missing(let reason): "missing: \(reason)"
        case .unreadable(let reason): "unreadable: \(reason)"
        case .unavailable(let reason): "unavailable: \(reason)"
        }
    }

    private func open(_ name: String) async throws -> String { Self.word(await library.open(try ContentPath(name))) }
    private func openNow(_ name: String) throws -> String { Self.word(library.openNow(try ContentPath(name))) }

    @Test func whatIsHereIsServedWithoutAsking() async throws {
        _ = try store.add(bytes: kernel)
        publish(manifest: try store.add(bytes: list).digest)
        #expect(try await open("debian-12/boot/linux") == "5000 application/octet-stream")
        #expect(try openNow("debian-12/boot/linux") == "5000 application/octet-stream")
        #expect(library.manifest("debian-12") == manifest)
        #expect(Self.word(library.open(digest: Digest.of(kernel))) == "5000 application/octet-stream")
        #expect(Self.word(library.open(digest: Digest.of([9]))).hasPrefix("missing: "))
        #expect(peer.asked.withLock { $0.isEmpty })
    }

    @Test func directoriesStandBesideImages() async throws {
        publish(manifest: try store.add(bytes: list).digest)
        #expect(try await open("old/extra") == "1 application/octet-stream")
        #expect(try await open("debian-12/extra") == "1 application/octet-stream")
        #expect(try await open("debian-12/no") == "missing: the image \"debian-12\" has no \"no\"")
        #expect(try await open("none/linux") == "missing: there is no content set \"none\"")
        #expect(try await open("debian-12") == "missing: a content name is SET/PATH")
    }

    @Test(arguments: [(Placement.everywhere, true), (.onDemand, true), (.stream, false)])
    func whatIsNotHereIsPulled(_ placement: Placement, _ keep: Bool) async throws {
        place(placement)
        publish(manifest: Digest.of(list))
        peer.has.withLock { $0 = [Digest.of(kernel): kernel, Digest.of(list): list] }
        #expect(try await open("debian-12/boot/linux") == "5000 application/octet-stream")
        let asked = peer.asked.withLock { $0 }
        #expect(asked.map(\.digest) == [Digest.of(list), Digest.of(kernel)])
        #expect(asked.last?.keep == keep)
    }

    @Test func whoCannotWaitAsksAgain() async throws {
        publish(manifest: Digest.of(list))
        peer.has.withLock { $0 = [Digest.of(kernel): kernel, Digest.of(list): list] }
        let running = Task { await library.run() }
        var answers: [String] = []
        while answers.last?.hasPrefix("5000") != true, answers.count < 500 {
            answers.append(try openNow("debian-12/boot/linux"))
            try await Task.sleep(for: .milliseconds(5))
        }
        running.cancel()
        await running.value
        #expect(answers.first == "later")
        #expect(answers.last == "5000 application/octet-stream")
        #expect(peer.asked.withLock { $0.map(\.digest) } == [Digest.of(list), Digest.of(kernel)], "each once")
    }

    @Test func whatNobodyHasIsSaid() async throws {
        publish(manifest: Digest.of(list))
        #expect(try await open("debian-12/boot/linux").hasPrefix("unavailable: the list of the files"))
        _ = try store.add(bytes: list)
        #expect(try await open("debian-12/boot/linux") == "unavailable: nobody has boot/linux")
        let running = Task { await library.run() }
        var answer = "later"
        for _ in 0..<500 where answer == "later" {
            answer = try openNow("debian-12/boot/linux")
            try await Task.sleep(for: .milliseconds(5))
        }
        running.cancel()
        await running.value
        #expect(answer == "unavailable: nobody has boot/linux")
    }

    @Test func aDamagedFileIsPulledAgain() async throws {
        let (digest, _) = try store.add(bytes: kernel)
        publish(manifest: try store.add(bytes: list).digest)
        peer.has.withLock { $0[digest] = kernel }
        BlobWorkshop.tick()
        truncate(workshop.blob(digest), 3)
        #expect(try await open("debian-12/boot/linux") == "5000 application/octet-stream")
        #expect(peer.asked.withLock { $0.map(\.digest) } == [digest])
        #expect(workshop.damaged == [digest])
    }

    @Test func centralImagesAreElsewhere() async throws {
        place(.central(url: "http://files.example/debian"))
        #expect(try await open("debian-12/boot/linux 1#") == "http://files.example/debian/boot/linux%201%23")
        #expect(try openNow("debian-12/ä") == "http://files.example/debian/%C3%A4")
    }

    @Test func anImageThatIsNotReadySaysWhy() async throws {
        publish(.importing(node: "n2"), manifest: nil)
        #expect(
            try await open("debian-12/linux") == "unavailable: the image \"debian-12\" is still being brought in by n2")
        publish(.failed("no room"), manifest: nil)
        #expect(try await open("debian-12/linux").hasSuffix("could not be brought in: no room"))
        // What stood before is still served.
        _ = try store.add(bytes: kernel)
        publish(.failed("no room"), manifest: try store.add(bytes: list).digest)
        #expect(try await open("debian-12/boot/linux") == "5000 application/octet-stream")
    }

    @Test func loadersOfAnImageCount() throws {
        let name = try #require(ClientArchitecture.everyLoader.sorted().first)
        let path = try ContentPath(name)
        #expect(library.availableLoaders().isEmpty)
        var image = ImageRecord(name: path.set, state: .ready)
        let loaders = Manifest(files: [ContentFile(path: path.path, digest: Digest.of([1]), bytes: 1)])
        image.manifest = try store.add(bytes: ManifestText.encode(loaders)).digest
        let record = StoreRecord(
            key: StoreKeys.content(path.set), value: ImageRecordText.encode(image), revision: Revision(1))
        index.replace([record])
        #expect(library.availableLoaders() == [name])
    }

    // MARK: Index

    @Test func theIndexFollowsTheStore() throws {
        let changes = Mutex(0)
        index.onChange { changes.withLock { $0 += 1 } }
        index.onChange { changes.withLock { $0 += 1 } }
        publish(manifest: nil)
        #expect(changes.withLock { $0 } == 2)
        #expect(index.revision(of: "debian-12") == Revision(5))
        let mac = try #require(MACAddress("52:54:00:12:34:56"))
        index.take(
            StoreChange(
                revision: Revision(6),
                writes: [
                    .put(key: StoreKeys.holds("n2"), value: HoldingsText.encode(Holdings(node: "n2"))),
                    .put(key: StoreKeys.target("n2"), value: [0x31]), .put(key: "lease/net/0a000001", value: []),
                ]))
        #expect(index.holdings["n2"] == Holdings(node: "n2"))
        #expect(index.drainedTargets == ["n2"])
        let others = ["lease/net/0a000001", StoreKeys.served(mac)].map { StoreWrite.put(key: $0, value: [7]) }
        index.take(StoreChange(revision: Revision(7), writes: others))
        #expect(changes.withLock { $0 } == 4, "others' changes are passed over: machines that boot wake nobody")
        let keys = [StoreKeys.content("debian-12"), StoreKeys.holds("n2"), StoreKeys.target("n2")]
        index.take(StoreChange(revision: Revision(8), writes: keys.map { .delete(key: $0) }))
        #expect(index.images.isEmpty && index.holdings.isEmpty && index.drainedTargets.isEmpty)
        #expect(index.revision(of: "debian-12") == .none)
    }

    @Test func aRecordThatCannotBeReadIsSaid() {
        publish(manifest: nil)
        let write = StoreWrite.put(key: StoreKeys.content("debian-12"), value: Array("9\tfuture".utf8))
        index.take(StoreChange(revision: Revision(6), writes: [write]))
        #expect(index.image("debian-12") == nil)
        #expect(index.unreadable[StoreKeys.content("debian-12")]?.contains("cannot be read") == true)
        #expect(index.revision(of: "debian-12") == Revision(6))
        publish(manifest: nil)
        #expect(index.unreadable.isEmpty)
    }
}
