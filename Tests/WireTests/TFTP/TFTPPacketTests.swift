// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct TFTPPacketTests {
    private func decode(_ bytes: [UInt8]) throws(TFTPDecodeError) -> TFTPPacket { try TFTPPacket(decoding: bytes.span) }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func readsWhatOVMFSends() throws {
        // OVMF 2022.11, its size probe: names and values as captured.
        let sent = text("\0\u{1}ipxe.efi\0octet\0tsize\00\0blksize\01468\0windowsize\04\0")
        let expected = TFTPRequest(
            name: text("ipxe.efi"),
            options: [
                TFTPOption(name: "tsize", value: "0"), TFTPOption(name: "blksize", value: "1468"),
                TFTPOption(name: "windowsize", value: "4"),
            ])
        #expect(try decode(sent) == .readRequest(expected))
        #expect(TFTPPacket.readRequest(expected).bytes == sent)
    }

    @Test func writesTheLayoutsOfRFC1350() {
        #expect(TFTPPacket.data(block: 0x1234, payload: [7, 8]).bytes == [0, 3, 0x12, 0x34, 7, 8])
        #expect(TFTPPacket.acknowledgement(block: 0xffff).bytes == [0, 4, 0xff, 0xff])
        #expect(TFTPPacket.error(code: .fileNotFound, message: "no").bytes == [0, 5, 0, 1, 0x6e, 0x6f, 0])
        #expect(TFTPPacket.dataHeader(block: 0x1234) == 0x0003_1234)
        let options = [TFTPOption(name: "tsize", value: "12")]
        #expect(TFTPPacket.optionAcknowledgement(options).bytes == [0, 6] + text("tsize\012\0"))
    }

    @Test(arguments: [
        ("padding of zeros", "\0\u{1}a\0octet\0blksize\0512\0\0\0\0\0"),
        ("padding without an end", "\0\u{1}a\0octet\0blksize\0512\0xyz"),
        ("no NUL after the last value", "\0\u{1}a\0octet\0blksize\0512"),
        ("mode in capitals", "\0\u{1}a\0OcTeT\0blksize\0512\0"),
    ])
    func acceptsWhatIsSlightlyWrong(_ what: String, _ sent: String) throws {
        let expected = TFTPRequest(name: text("a"), options: [TFTPOption(name: "blksize", value: "512")])
        #expect(try decode(text(sent)) == .readRequest(expected), "\(what)")
    }

    @Test func acceptsPaddingAfterAnAcknowledgementAndAnErrorWithoutItsEnd() throws {
        #expect(try decode([0, 4, 0, 9, 0, 0, 0]) == .acknowledgement(block: 9))
        #expect(try decode([0, 5, 0, 8, 0x6e, 0x6f]) == .error(code: .optionsRefused, message: "no"))
    }

    @Test func refusesWhatIsNoPacket() {
        #expect(throws: TFTPDecodeError.short) { try decode([]) }
        #expect(throws: TFTPDecodeError.short) { try decode([0]) }
        #expect(throws: TFTPDecodeError.short) { try decode([0, 4, 1]) }
        #expect(throws: TFTPDecodeError.short) { try decode([0, 3]) }
        #expect(throws: TFTPDecodeError.unknownOperation(0)) { try decode([0, 0, 0, 0]) }
        #expect(throws: TFTPDecodeError.unknownOperation(0x0100)) { try decode([1, 0, 0, 0]) }
        #expect(throws: TFTPDecodeError.unterminatedName) { try decode(text("\0\u{1}name-without-end")) }
    }

    @Test func everyPacketComesBackAsItWas() throws {
        var random = SplitMix(seed: 1)
        for _ in 0..<2_000 {
            let packet = Self.packet(&random)
            #expect(try decode(packet.bytes) == packet)
        }
    }

    /// Random octets, most of them with a valid operation. What decodes must encode to something that decodes to the
    /// same; what does not must throw; nothing may trap.
    @Test func randomOctetsNeverTrap() {
        var random = SplitMix(seed: 2)
        var decoded = 0
        for _ in 0..<50_000 {
            var bytes = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next() % 5 * 37) }
            if bytes.count > 1 { (bytes[0], bytes[1]) = (0, UInt8(random.next() % 8)) }
            guard let packet = try? decode(bytes) else { continue }
            decoded += 1
            #expect((try? decode(packet.bytes)) == packet)
        }
        #expect(decoded > 10_000)
    }

    private static func packet(_ random: inout SplitMix) -> TFTPPacket {
        let block = UInt16(truncatingIfNeeded: random.next())
        let options = (0..<Int(random.next() % 4)).map { _ in
            TFTPOption(name: word(&random) + "x", value: word(&random))
        }
        let name = word(&random).utf8.map { $0 | 0x80 }
        let request = TFTPRequest(name: name, mode: "octet", options: options)
        switch random.next() % 6 {
        case 0: return .readRequest(request)
        case 1: return .writeRequest(request)
        case 2: return .data(block: block, payload: (0..<Int(random.next() % 64)).map { UInt8($0) })
        case 3: return .acknowledgement(block: block)
        case 4: return .error(code: TFTPErrorCode(rawValue: block), message: word(&random))
        default: return .optionAcknowledgement(options)
        }
    }

    private static func word(_ random: inout SplitMix) -> String {
        let letters = (0..<Int(random.next() % 12)).map { _ in UInt8(ascii: "a") + UInt8(random.next() % 26) }
        return String(decoding: letters, as: UTF8.self)
    }
}

/// A small generator with a seed: the same numbers every time.
private struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
