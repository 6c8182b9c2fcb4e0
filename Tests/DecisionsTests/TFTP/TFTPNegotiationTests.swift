// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing
import Wire

@Suite struct TFTPNegotiationTests {
    /// Options as "name=value name=value", negotiated over Ethernet for a file of 1,000,000 octets.
    private func negotiate(_ asked: String, mtuBytes: Int = 1_500) -> TFTPNegotiation {
        let options = asked.split(separator: " ").map { option in
            let parts = option.split(separator: "=", omittingEmptySubsequences: false)
            return TFTPOption(name: String(parts[0]), value: String(parts[1]))
        }
        return TFTPNegotiation(asked: options, contentBytes: 1_000_000, mtuBytes: mtuBytes)
    }

    private func answer(_ asked: String, mtuBytes: Int = 1_500) -> String {
        negotiate(asked, mtuBytes: mtuBytes).accepted.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    }

    @Test(arguments: [
        // What clients were seen to send.
        ("tsize=0 blksize=1468 windowsize=4", "tsize=1000000 blksize=1468 windowsize=4"),  // OVMF 2022.11
        ("blksize=1432 tsize=0", "blksize=1432 tsize=1000000"),  // iPXE
        ("tsize=0 multicast=", "tsize=1000000"),  // iPXE with multicast
        ("tsize=0 blksize=1468 timeout=6", "tsize=1000000 blksize=1468 timeout=6"),  // curl
        ("", ""),
        // Names in any case, answered as asked.
        ("BlkSize=1024", "BlkSize=1024"),
        // Cut to what we can.
        ("blksize=65464", "blksize=1468"),
        ("blksize=99999", "blksize=1468"),
        ("windowsize=65535", "windowsize=64"),
        ("blksize=8", "blksize=8"),
        // As good as not sent.
        ("blksize=7", ""), ("blksize=-1", ""), ("blksize=", ""), ("blksize=0x200", ""), ("blksize=+512", ""),
        ("blksize=99999999999999999999", ""), ("windowsize=0", ""), ("timeout=0", ""), ("timeout=256", ""),
        ("rollover=0 utimeout=1000", ""),
        // Once only (RFC 2347).
        ("blksize=1024 blksize=512", "blksize=1024"),
    ])
    func accepts(_ asked: String, _ answered: String) { #expect(answer(asked) == answered) }

    @Test func setsTheTerms() {
        let terms = negotiate("tsize=0 blksize=1024 windowsize=16 timeout=3")
        #expect(terms.blockBytes == 1_024)
        #expect(terms.windowBlocks == 16)
        #expect(terms.timeoutSeconds == 3)
        #expect(terms.asksSize)
    }

    @Test func withoutOptionsTheTermsAreThoseOfRFC1350() {
        let terms = negotiate("")
        #expect(terms.blockBytes == 512)
        #expect(terms.windowBlocks == 1)
        #expect(terms.timeoutSeconds == nil)
        #expect(!terms.asksSize)
    }

    @Test func blocksNeedNoFragmentsOnTheWayOut() {
        #expect(answer("blksize=1468", mtuBytes: 1_400) == "blksize=1368")
        #expect(answer("blksize=8192", mtuBytes: 9_000) == "blksize=8192")
        #expect(answer("blksize=65464", mtuBytes: 65_536) == "blksize=\(Limits.tftpBlockBytesMax)")
        #expect(answer("blksize=512", mtuBytes: 0) == "blksize=\(Limits.tftpBlockBytesMin)")
    }
}
