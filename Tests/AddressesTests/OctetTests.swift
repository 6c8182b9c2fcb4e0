// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@Suite("Hex")
struct HexTests {
    @Test(arguments: ["01ff", "01:FF", "01-ff", "01 ff"])
    func digitsAreRead(text: String) {
        #expect(hexBytes(text) == [1, 255])
        #expect(hexBytes("") == [])
    }

    @Test(arguments: ["0", "01f", "0:1", "0x01", "zz", "01.ff", "\u{0661}\u{0661}"])
    func anythingElseIsNone(text: String) {
        #expect(hexBytes(text) == nil)
    }

    @Test func everyOctetComesBack() {
        let octets = (0...255).map { UInt8($0) }
        #expect(hexBytes(hexText(octets)) == octets)
        #expect(hexText([0, 0x0f, 0xf0]) == "000ff0")
    }
}

@Suite("Reads within bounds")
struct ByteReaderTests {
    private let octets: [UInt8] = [1, 2, 3, 4, 5]

    @Test func readsAreBigEndian() throws {
        #expect(try octets.span.byte(at: 4) == 5)
        #expect(try octets.span.uint16(at: 3) == 0x0405)
        #expect(try octets.span.uint32(at: 1) == 0x0203_0405)
        #expect(try octets.span.bytes(at: 1, length: 3) == [2, 3, 4])
        #expect(try octets.span.bytes(at: 5, length: 0) == [])
    }

    @Test(arguments: [-1, 5, 6, Int.max, Int.min])
    func beyondTheEndsIsAnError(offset: Int) {
        #expect(throws: ShortInput()) { try octets.span.byte(at: offset) }
        #expect(throws: ShortInput()) { try octets.span.uint16(at: offset) }
        #expect(throws: ShortInput()) { try octets.span.uint32(at: offset) }
        #expect(throws: ShortInput()) { try octets.span.bytes(at: offset, length: 1) }
    }

    @Test func aReadThatBeginsInsideMustEndInside() {
        #expect(throws: ShortInput()) { try octets.span.uint16(at: 4) }
        #expect(throws: ShortInput()) { try octets.span.uint32(at: 2) }
        #expect(throws: ShortInput()) { try octets.span.bytes(at: 1, length: 5) }
        #expect(throws: ShortInput()) { try octets.span.bytes(at: 1, length: -1) }
        #expect(throws: ShortInput()) { try octets.span.bytes(at: 1, length: .max) }
    }

    @Test func nothingCanBeReadFromNothing() {
        let nothing: [UInt8] = []
        #expect(throws: ShortInput()) { try nothing.span.byte(at: 0) }
        #expect(throws: ShortInput()) { try nothing.span.uint32(at: 0) }
    }

    @Test func appendsAreBigEndian() {
        var octets: [UInt8] = []
        octets.append(uint16: 0x0102)
        octets.append(uint32: 0x0304_0506)
        #expect(octets == [1, 2, 3, 4, 5, 6])
    }
}
