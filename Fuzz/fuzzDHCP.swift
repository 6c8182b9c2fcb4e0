// SPDX-License-Identifier: Apache-2.0

import Addresses
import Wire

/// One input, read as a request and as a reply: nothing traps, and what is decoded comes back from its encoding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDHCP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if !bytes.isEmpty { bytes[0] = 1 }
    if let request = try? DHCPRequest(decoding: bytes.span) { check(request) }
    if !bytes.isEmpty { bytes[0] = 2 }
    // Two octets that the decoder does not look at further choose how much the reply may hold.
    let size = bytes.count > 11 ? Int(bytes[8]) << 8 | Int(bytes[9]) : 576
    if let reply = try? DHCPReply(decoding: bytes.span) { check(reply, messageSizeMax: size) }
    return 0
}

/// Like a precondition, but says in optimised builds too what was broken.
private func require(_ isTrue: Bool, _ promise: @autoclosure () -> String) {
    if !isTrue { fatalError(promise()) }
}

private func check(_ request: DHCPRequest) {
    require(request.text.utf8.allSatisfy { $0 == 10 || (0x20...0x7e).contains($0) }, "a text that is not ASCII")
    for (code, value) in request.options { check(code, value) }
    _ = request.relayAgent.map { ($0.circuitID, $0.linkSelection, $0.serverIdentifierOverride, $0.hasSourcePort) }
    check(DHCPReply(to: request, type: .offer), messageSizeMax: request.messageSizeMax ?? 0)
    #if CANARY
        require(request.messageType != .inform, "the canary: a fuzzer that does not find this finds nothing")
    #endif
}

/// Octets to text and back.
private func check(_ code: DHCPOptionCode, _ value: ArraySlice<UInt8>) {
    let definition = OptionDefinition.of(code)
    let items = definition.format(value)
    guard value.count <= OptionDefinition.valueBytesMax else { return }
    guard let again = try? definition.encode(items) else { fatalError("\(definition.name): \(items)") }
    if definition.kind == .searchList {
        require(definition.format(again) == items, "\(definition.name): other names")
    } else {
        require(again.elementsEqual(value), "\(definition.name): other octets")
    }
}

private func check(_ original: DHCPReply, messageSizeMax: Int) {
    var reply = original
    reply.messageSizeMax = messageSizeMax
    _ = reply.text
    var bytes: [UInt8] = []
    let dropped = reply.encode(into: &bytes)
    require(bytes.count >= 300 && bytes.count <= min(max(messageSizeMax, 576), 1500) - 28, "a wrong size")
    guard var again = try? DHCPReply(decoding: bytes.span) else { fatalError("our own reply does not decode") }
    again.messageSizeMax = messageSizeMax
    guard dropped.isEmpty else { return }
    require(again.encode() == bytes, "other octets the second time")
    require(entries(again) == entries(reply), "other options")
    again.options = reply.options
    require(again == reply, "other fields")
}

/// By code: an overload reads the fields in their own order.
private func entries(_ reply: DHCPReply) -> [UInt8: [UInt8]] {
    Dictionary(reply.options.map { ($0.code.rawValue, Array($0.value)) }, uniquingKeysWith: { first, _ in first })
}
