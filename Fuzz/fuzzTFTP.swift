// SPDX-License-Identifier: Apache-2.0

import Addresses
import Wire

/// One input, read as a TFTP packet: nothing traps, and what is decoded comes back from its encoding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTFTP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let packet = try? TFTPPacket(decoding: bytes.span) else { return 0 }
    // Not a precondition: in optimised builds its message is lost.
    guard let again = try? TFTPPacket(decoding: packet.bytes.span) else { fatalError("our own does not decode") }
    if again != packet { fatalError("another packet: \(again)") }
    #if CANARY
        if case .optionAcknowledgement = packet {
            fatalError("the canary: a fuzzer that does not find this finds nothing")
        }
    #endif
    return 0
}
