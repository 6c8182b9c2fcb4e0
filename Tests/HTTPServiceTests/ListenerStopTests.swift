// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import HTTPService

/// A connection that a listener has accepted, and that nobody serves because it stops in this moment, is no reason to
/// end the process.
struct ListenerStopTests {
    @Test func bootListenersStopWhileClientsCome() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("small.efi", Array("hello".utf8))
        for _ in 0..<20 {
            let crowd = try await withBootListener(directory) { port in
                try #require(try await onThread { try RawClient(port: port).get("/small.efi").status } == 200)
                return await Crowd.coming(to: port)
            }
            #expect(await crowd.ended() > 0)
        }
    }

    @Test func apiListenersStopWhileClientsCome() async throws {
        for _ in 0..<20 {
            let crowd = try await withAPIListener(FakeEngine()) { port in await Crowd.coming(to: port) }
            #expect(await crowd.ended() > 0)
        }
    }
}

/// Clients that connect, one after the other, until nobody listens any more.
private struct Crowd: Sendable {
    private let clients: Task<Int, Never>

    /// Once the first of them have come.
    static func coming(to port: UInt16) async -> Crowd {
        let (first, came) = AsyncStream<Void>.makeStream()
        let clients = Task {
            let count = try? await onThread {
                var clients: [RawClient] = []
                while clients.count < 800, let client = try? RawClient(port: port) {
                    clients.append(client)
                    if clients.count == 20 { came.finish() }
                }
                came.finish()
                return clients.count
            }
            return count ?? 0
        }
        for await _ in first {}
        return Crowd(clients: clients)
    }

    func ended() async -> Int { await clients.value }
}
