// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreConsul
import Testing

/// The contract against a real agent, where there is one. It is the one test that may find its tool missing, because
/// Consul cannot be installed everywhere; it says so aloud.
@Suite struct ConsulAgentTests {
    @Test(.timeLimit(.minutes(5))) func aRealAgentKeepsTheContract() async throws {
        guard let program = Self.program() else {
            print(
                "CONSUL NOT TESTED: no `consul` binary on the PATH; the contract ran against a fake that follows Consul's "
                    + "documentation")
            return
        }
        try await withTemporaryFolder { folder in
            let ports = try Self.freePorts(4)
            let agent = try ChildProcess(
                program,
                [
                    "agent", "-dev", "-data-dir", folder, "-bind", "127.0.0.1", "-client", "127.0.0.1", "-log-level",
                    "err",
                    "-dns-port", "-1", "-grpc-port", "-1", "-http-port", "\(ports[0])", "-server-port", "\(ports[1])",
                    "-serf-lan-port", "\(ports[2])", "-serf-wan-port", "\(ports[3])",
                ])
            defer { agent.kill() }
            let address = "http://127.0.0.1:\(ports[0])"
            try await Self.waitForLeader(address)
            try await ConsulPlace.$agent.withValue(address) {
                try await records()
                try await changes()
            }
            let status = await (try ConsulStore(ConsulSettings(address: address, node: "n1"))).status()
            #expect(status.hasQuorum && status.members.count == 1 && status.engine.hasPrefix("consul 1."))
            print("Consul tested: \(status.engine)")
        }
    }

    private func records() async throws {
        let (contract, engine) = (PortContract(), StoreEngine.consul)
        try await contract.aNewStoreIsEmpty(engine)
        try await contract.aCommitIsReadAtOnce(engine)
        try await contract.aPrefixIsPlainText(engine)
        try await contract.keysAreBytes(engine)
        try await contract.anyValueComesBackWhole(engine)
        try await contract.aHundredThousandRecords(engine)
        try await contract.revisionsOnlyGrow(engine)
        try await contract.aBatchIsAllOrNothing(engine)
        try await contract.aBatchIsAppliedInItsOrder(engine)
        try await contract.aBatchWithoutWritesIsABug(engine)
        try await contract.aGuardHoldsForItsRevisionOnly(engine)
        try await contract.aGuardCanWantNoRecord(engine)
        try await contract.theFirstBrokenGuardIsNamed(engine)
        try await contract.aDeletedRecordIsNoRecord(engine)
        try await contract.guardsSettleRaces(engine)
        try await contract.commitsAtOnceAllHaveTheirOwnRevision(engine)
        try await contract.reopeningKeepsEverything(engine)
        try await contract.aPlaceCanBeShared(engine)
        try await contract.aClosedStoreSaysSo(engine)
    }

    private func changes() async throws {
        let (contract, engine) = (PortContractChanges(), StoreEngine.consul)
        try await contract.everyCommitComesOnceAndInOrder(engine)
        try await contract.onlyWhatHasThePrefix(engine)
        try await contract.deletingNothingMayBeTold(engine)
        try await contract.nothingIsMissedBetweenReadAndFollow(engine)
        try await contract.readAndFollowAddUp(engine)
        try await contract.aReaderWhoDoesNotReadIsCutOff(engine)
        try await contract.thePastComesWholeOrNotAtAll(engine)
        try await contract.theFutureEndsAtOnce(engine)
        try await contract.closingEndsTheStreams(engine)
        try await contract.aReaderMayStop(engine)
    }

    // MARK: The agent

    private static func program() -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/consul" }.first(where: FileManager.default.isExecutableFile)
    }

    /// An agent answers before it has a leader.
    private static func waitForLeader(_ address: String) async throws {
        let store = try ConsulStore(ConsulSettings(address: address, prefix: "start/", node: "n1"))
        var last = ""
        for _ in 1...300 {
            last = await outcome { try await store.put(["a": ""]) }
            if last.isEmpty { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        await store.close()
        #expect(last == "", "consul did not start: \(last)")
    }

    private static func freePorts(_ count: Int) throws -> [Int] {
        // All open at once, so that they differ.
        let sockets = (0..<count).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        defer { for one in sockets { close(one) } }
        return sockets.map { one in
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            return withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    _ = bind(one, address, length)
                    getsockname(one, address, &length)
                }
                return Int(UInt16(bigEndian: pointer.pointee.sin_port))
            }
        }
    }
}
