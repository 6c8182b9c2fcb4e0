// SPDX-License-Identifier: Apache-2.0

import Addresses
import Logging
import Synchronization
import TFTPService
import Testing
import Wire

/// Files that are still on their way to this node.
@Suite struct TFTPLaterTests {
    /// How often a name was asked about.
    private final class Asked: Sendable {
        let count = Mutex(0)
    }

    @Test(arguments: TFTPConfiguration.Mode.allCases)
    func `nothing is said until the file is there, and each repeated request is asked about anew`(
        mode: TFTPConfiguration.Mode
    ) async throws {
        let asked = Asked()
        let server = TFTPServer(
            configuration: TFTPConfiguration(listen: .loopback, port: 0, mode: mode, threads: 1),
            resolve: { _ in
                let number = asked.count.withLock { count in
                    count += 1
                    return count
                }
                return number < 3 ? .later : .bytes(Array("hello".utf8))
            }, report: { _ in }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try server.start()
        let client = try TestClient(port: try #require(server.port), server: .loopback, bind: .loopback)
        for _ in 0..<2 {
            client.request("file")
            #expect(try await client.receivePacket(milliseconds: 200) == nil)
        }
        client.request("file")
        guard case .data(let block, let payload) = try await client.receivePacket() else {
            Issue.record("no data")
            return
        }
        #expect(block == 1)
        #expect(Array(payload) == Array("hello".utf8))
        #expect(asked.count.withLock { $0 } == 3)
        let deferred = server.counters.first { $0.labels.first?.value == "deferred" }
        #expect(deferred?.value == 2)
        await server.stop()
    }
}
