// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct TFTPAdmissionTests {
    private let client = IPv4Address(10, 0, 0, 9)
    private let other = IPv4Address(10, 0, 0, 10)

    @Test func oneAddressGetsABurstAndThenItsRate() {
        var admission = TFTPAdmission()
        for _ in 0..<Limits.tftpRequestBurstPerClient {
            #expect(admission.requested(by: client, now: 0) == .admitted)
        }
        #expect(admission.requested(by: client, now: 0) == .tooManyRequestsOfClient)
        #expect(admission.requested(by: other, now: 0) == .admitted)
        // Half a second earns half the rate.
        var admitted = 0
        while admission.requested(by: client, now: 500_000) == .admitted { admitted += 1 }
        #expect(admitted == Limits.tftpRequestsPerClientPerSecond / 2)
    }

    @Test func aClockThatStandsOrLeapsDoesNoHarm() {
        var admission = TFTPAdmission()
        for _ in 0..<Limits.tftpRequestBurstPerClient { _ = admission.requested(by: client, now: 1_000) }
        #expect(admission.requested(by: client, now: 0) == .tooManyRequestsOfClient)
        #expect(admission.requested(by: client, now: .max) == .admitted)
    }

    @Test func oneAddressHasSoManyTransfers() {
        var admission = TFTPAdmission()
        for _ in 0..<Limits.tftpTransfersPerClientMax {
            #expect(admission.requested(by: client, now: 0) == .admitted)
            admission.began(by: client)
        }
        #expect(admission.requested(by: client, now: 0) == .tooManyTransfersOfClient)
        #expect(admission.requested(by: other, now: 0) == .admitted)
        admission.ended(by: client)
        #expect(admission.requested(by: client, now: 0) == .admitted)
    }

    @Test func allAddressesTogetherHaveSoManyTransfers() {
        var admission = TFTPAdmission()
        for i in 0..<Limits.tftpTransfersMax {
            let address = IPv4Address(bits: UInt32(i % 256))
            #expect(admission.requested(by: address, now: 0) == .admitted)
            admission.began(by: address)
        }
        #expect(admission.transfers == Limits.tftpTransfersMax)
        #expect(admission.requested(by: client, now: 0) == .tooManyTransfers)
        admission.ended(by: IPv4Address(bits: 0))
        #expect(admission.requested(by: client, now: 0) == .admitted)
    }

    @Test func aFloodFromManyAddressesIsForgottenAddressByAddress() {
        var admission = TFTPAdmission()
        for i in 0..<Limits.tftpClientsMax {
            #expect(admission.requested(by: IPv4Address(bits: UInt32(i)), now: 0) == .admitted)
        }
        #expect(admission.requested(by: client, now: 0) == .tooManyClients)
        // One request is earned back in 2 ms; then those addresses are as good as new.
        #expect(admission.requested(by: client, now: 10_000) == .admitted)
    }

    @Test func anAddressWithATransferIsNotForgotten() {
        var admission = TFTPAdmission()
        #expect(admission.requested(by: client, now: 0) == .admitted)
        for _ in 0..<Limits.tftpTransfersPerClientMax { admission.began(by: client) }
        for i in 0..<(2 * Limits.tftpClientsMax) {
            _ = admission.requested(by: IPv4Address(bits: UInt32(i)), now: Int64(i) * 10_000)
        }
        let later = Int64(2 * Limits.tftpClientsMax) * 10_000
        #expect(admission.requested(by: client, now: later) == .tooManyTransfersOfClient)
    }
}
