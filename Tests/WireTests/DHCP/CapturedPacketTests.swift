// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing
import Wire

@Suite("Datagrams of real clients and servers")
struct CapturedPacketTests {
    @Test(arguments: Capture.requests)
    func saysWhatItSays(_ capture: Capture) throws {
        #expect(try decodeRequest(capture.bytes).text == capture.text)
    }

    @Test(arguments: Capture.replies)
    func replySaysWhatItSays(_ capture: Capture) throws {
        #expect(try decodeReply(capture.bytes).text == capture.text)
    }

    /// dnsmasq lays replies out as we do, so its own octets must come back.
    @Test(arguments: Capture.replies)
    func replyIsEncodedToTheSameOctets(_ capture: Capture) throws {
        #expect(try decodeReply(capture.bytes).encode() == capture.bytes)
    }

    @Test func ovmfRequestHasTheSwappedSize() throws {
        let capture = try #require(Capture.requests.first { $0.name.contains("swapped") })
        let request = try decodeRequest(capture.bytes)
        #expect(request.options.uint16(.maximumMessageSize) == 0xff00)
        let reply = DHCPReply(to: request, type: .ack)
        #expect(reply.messageSizeMax == 0xff00)
    }

    @Test func iPXESendsItsUserClassWithoutLengthOctets() throws {
        let request = try decodeRequest(Capture.requests[0].bytes)
        #expect(request.options.bytes(.userClass) == Array("iPXE".utf8))
        #expect(request.mac?.description == "52:54:00:12:34:56")
        #expect(request.messageSizeMax == 1472)
        #expect(request.parameterRequestList.count == 23)
        #expect(!request.wantsBroadcast)
    }

    @Test func relayedRequestKeepsOption82Opaque() throws {
        let capture = try #require(Capture.requests.first { $0.name.contains("option 82") })
        let request = try decodeRequest(capture.bytes)
        #expect(request.relayAgent?.circuitID.map(Array.init) == Array("eth1".utf8))
        let reply = DHCPReply(to: request, type: .offer)
        #expect(reply.relayAgentInformation == [1, 4] + Array("eth1".utf8))
        #expect(reply.relayAddress == request.relayAddress)
    }
}
