// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing
import Wire

@testable import Decisions

@Suite struct BootDecisionTests {
    @Test func biosROM() {
        #expect(
            transcript(question(request(.bios))) == [
                "10.64.0.1 b/52-54-00-12-34-56/undionly.kpxe",
                "60 PXEClient",
                "43 060108ff",
                "66 10.64.0.1",
                "67 " + hexText(Array("b/52-54-00-12-34-56/undionly.kpxe".utf8) + [0]),
            ])
    }

    @Test func uefiPXE() {
        var uefi = request(.x64UEFI)
        uefi.options.append(.clientUUID, [UInt8](repeating: 0, count: 17))
        #expect(
            transcript(question(uefi)) == [
                "10.64.0.1 b/52-54-00-12-34-56/snponly.efi",
                "66 10.64.0.1",
                "67 " + hexText(Array("b/52-54-00-12-34-56/snponly.efi".utf8) + [0]),
                "97 " + String(repeating: "00", count: 17),
            ])
    }

    @Test func uefiHTTP() {
        #expect(
            transcript(question(request(.x64HTTP))) == [
                "10.64.0.1 http://10.64.0.1:8080/b/52-54-00-12-34-56/snponly.efi",
                "60 HTTPClient",
                "67 http://10.64.0.1:8080/b/52-54-00-12-34-56/snponly.efi",
            ])
    }

    @Test func iPXEGetsItsScriptAtOnce() {
        #expect(
            transcript(question(request(.ipxe))) == [
                "10.64.0.1 http://10.64.0.1:8080/b/52-54-00-12-34-56",
                "66 10.64.0.1",
                "67 http://10.64.0.1:8080/b/52-54-00-12-34-56",
                "175 010101b00101",
            ])
    }

    @Test func iPXEWithoutHTTPGetsABetterOne() {
        let options = DHCPOptions([
            (.vendorClass, Array("PXEClient:Arch:00007:UNDI:003000".utf8)), (.clientArchitecture, [0, 7]),
            (.userClass, Array("iPXE".utf8)), (.ipxeEncapsulated, [0x15, 1, 1]),
        ])
        #expect(
            transcript(question(request(options))) == [
                "10.64.0.1 tftp://10.64.0.1/b/52-54-00-12-34-56/snponly.efi",
                "175 010101b00101",
            ])
    }

    @Test func ourOwnBuildNeedsNoFeatureList() {
        let options = DHCPOptions([(.clientArchitecture, [0, 7]), (.userClass, Array("OnDeck".utf8))])
        #expect(transcript(question(request(options))).first == "10.64.0.1 http://10.64.0.1:8080/b/52-54-00-12-34-56")
    }

    @Test func withoutAParameterListOnlyTheFields() {
        let options = DHCPOptions([
            (.vendorClass, Array("PXEClient:Arch:00007:UNDI:003000".utf8)), (.clientArchitecture, [0, 7]),
        ])
        #expect(transcript(question(request(options))) == ["10.64.0.1 b/52-54-00-12-34-56/snponly.efi"])
    }

    @Test func theNextLoaderIsTakenWhereTheFirstIsMissing() {
        let answer = transcript(question(request(.x64UEFI), loaders: ["ipxe/ipxe.efi"]))
        #expect(answer.first == "10.64.0.1 b/52-54-00-12-34-56/ipxe.efi")
        let archive = transcript(question(request(.arm64UEFI), loaders: ["ipxe/arm64/snponly.efi"]))
        #expect(archive.first == "10.64.0.1 b/52-54-00-12-34-56/arm64/snponly.efi")
    }

    @Test func whyNothing() {
        let arm = ClientArchitecture(code: 0x0b)!
        #expect(refusal(question(request(DHCPOptions()))) == .notABootClient)
        #expect(refusal(question(request(.bios), permission: .local(.intentIsLocal))) == .local(.intentIsLocal))
        #expect(
            refusal(question(request(.bios), permission: .refuse(.unknownIsIgnored))) == .refused(.unknownIsIgnored))
        #expect(refusal(question(request(.bios), environment: nil)) == .environmentMissing("os"))
        #expect(
            refusal(question(request(.ipxe), environment: BootEnvironment(name: "os", kind: .local)))
                == .environmentIsLocal("os"))
        #expect(refusal(question(request(.arm64UEFI), environment: environment(.x64))) == .environmentLacks("os", arm))
        #expect(
            refusal(question(request(.arm64UEFI)))
                == .loaderMissing(["ipxe/arm64/snponly.efi", "ipxe/arm64/ipxe.efi"]))
        let itanium = DHCPOptions([(.vendorClass, Array("PXEClient".utf8)), (.clientArchitecture, [0, 2])])
        #expect(
            refusal(question(request(itanium), environment: BootEnvironment(name: "os", kind: .shell)))
                == .noLoader(ClientArchitecture(code: 2)!))
        let newer = DHCPOptions([(.vendorClass, Array("PXEClient".utf8)), (.clientArchitecture, [0x12, 0x34])])
        #expect(refusal(question(request(newer))) == .unknownArchitecture(0x1234))
        var infiniband = request(.x64UEFI)
        infiniband.hardware = ClientHardware(type: 32, length: 0, high: 0, low: 0)
        #expect(refusal(question(infiniband)) == .noHardwareAddress)
    }

    @Test func aMachineOnHoldGetsItsScript() {
        let hold = question(request(.ipxe), permission: .hold(.intentIsHold), environment: nil)
        #expect(transcript(hold).first == "10.64.0.1 http://10.64.0.1:8080/b/52-54-00-12-34-56")
        let rom = question(request(.bios), permission: .hold(.intentIsHold), environment: nil)
        #expect(transcript(rom).first == "10.64.0.1 b/52-54-00-12-34-56/undionly.kpxe")
    }

    /// Both 32 and 64 bit machines say BIOS; scripts suit everybody.
    @Test func whatSuitsWhom() {
        #expect(environment(.x64).suits(.bios))
        #expect(environment(.x86).suits(.bios))
        #expect(!environment(.arm64).suits(.bios))
        #expect(!environment(.x86).suits(.x64UEFI))
        #expect(BootEnvironment(name: "s", kind: .script(template: "t")).suits(.x64UEFI))
    }

    @Test func everySampleClientSaysWhyOrWhat() {
        for client in SampleClient.allCases {
            var trace: [BootStep]? = []
            let answer = BootDecision.decide(question(request(client)), trace: &trace)
            let steps = (trace ?? []).map(\.question)
            #expect(steps.prefix(2) == ["firmware", "boot gate"])
            switch answer {
            case .none: #expect(steps.last == "boot file")
            case .loader: #expect(steps.contains("boot loader"))
            case .script: #expect(steps.last == "boot script")
            }
        }
    }

    @Test func theTraceReadsLikeAnExplanation() {
        var trace: [BootStep]? = []
        _ = BootDecision.decide(question(request(.bios)), trace: &trace)
        #expect(
            (trace ?? []).map(\.description) == [
                "firmware: PXE, x86 BIOS (0)",
                "boot gate: boot os until it is done",
                "environment: os suits the machine",
                "boot loader: ipxe/undionly.kpxe",
                "quirk: bios-discovery-off: \(Quirk.biosDiscoveryOff.entry.effect)",
                "quirk: nul-after-boot-file-name: a NUL ends option 67",
            ])
    }

    /// What the operator configured under the same numbers gives way, the rest stays in its order.
    @Test func theBootDataReplacesConfiguredOptions() {
        var reply = DHCPReply(to: request(.x64HTTP), type: .ack)
        reply.options = DHCPOptions([(.bootFileName, [1]), (.routers, [10, 64, 0, 254]), (.vendorClass, [2])])
        decide(question(request(.x64HTTP))).reply?.apply(to: &reply)
        #expect(reply.options.map(\.code) == [.routers, .vendorClass, .bootFileName])
        #expect(reply.options.bytes(.vendorClass) == Array("HTTPClient".utf8))
    }

    /// RFC 2131: the `file` field has room for 127 octets; a longer name goes to option 67 alone.
    @Test func longNamesLeaveTheField() {
        let name = "ipxe/" + String(repeating: "x", count: 120) + "/snponly.efi"
        var silent: [BootStep]?
        let asked = question(request(.x64UEFI))
        let boot = BootReply(.tftp(name, .x64UEFI), asked, &silent)
        var reply = DHCPReply(to: asked.request, type: .offer)
        boot.apply(to: &reply)
        #expect(reply.bootFile.isEmpty)
        #expect(reply.options.bytes(.bootFileName) == Array(name.utf8) + [0])
    }
}

/// Another server gives the address; we give the boot file.
@Suite struct ProxyBootTests {
    @Test func uefiOffer() {
        #expect(
            transcript(question(request(.x64UEFI), exchange: .proxyOffer)).prefix(2) == [
                "10.64.0.1 b/52-54-00-12-34-56/snponly.efi", "60 PXEClient",
            ])
        #expect(!transcript(question(request(.x64UEFI), exchange: .proxyOffer)).contains { $0.hasPrefix("43 ") })
    }

    @Test func uefiOfferWithTheSwitch() {
        var network = Network(name: "rack1")
        network.compatibility = [.proxyBootServerDiscoveryOff]
        let answer = transcript(question(request(.x64UEFI), exchange: .proxyOffer, network: network))
        #expect(
            answer.prefix(3) == [
                "10.64.0.1 b/52-54-00-12-34-56/snponly.efi", "60 PXEClient", "43 060108ff",
            ])
        // It is a switch for proxies.
        #expect(!transcript(question(request(.x64UEFI), network: network)).contains { $0.hasPrefix("43 ") })
    }

    @Test func biosOffer() {
        let answer = transcript(question(request(.bios), exchange: .proxyOffer))
        #expect(
            answer.prefix(3) == [
                "10.64.0.1 b/52-54-00-12-34-56/undionly.kpxe", "60 PXEClient", "43 060108ff",
            ])
    }

    @Test func httpOffer() {
        let answer = transcript(question(request(.x64HTTP), exchange: .proxyOffer))
        #expect(
            answer.prefix(2) == [
                "10.64.0.1 http://10.64.0.1:8080/b/52-54-00-12-34-56/snponly.efi", "60 HTTPClient",
            ])
    }

    /// iPXE takes an offer for a proxy's only with option 60, and waits for no other when it has a priority.
    @Test func iPXEOffer() {
        let answer = transcript(question(request(.ipxe), exchange: .proxyOffer))
        #expect(
            answer == [
                "10.64.0.1 http://10.64.0.1:8080/b/52-54-00-12-34-56",
                "60 PXEClient",
                "66 10.64.0.1",
                "67 http://10.64.0.1:8080/b/52-54-00-12-34-56",
                "175 010101",
            ])
    }

    @Test func bootServerRepeatsTheBootItem() {
        var uefi = request(.x64UEFI)
        #expect(
            transcript(question(uefi, exchange: .bootServer)).prefix(2) == [
                "10.64.0.1 b/52-54-00-12-34-56/snponly.efi", "60 PXEClient",
            ])
        uefi.options.append(.vendorInformation, [0, 9, 2, 7, 7, 71, 4, 0, 0, 0, 0, 0xff])
        #expect(transcript(question(uefi, exchange: .bootServer)).contains("43 470400000000ff"))
        uefi = request(.x64UEFI)
        uefi.options.append(.vendorInformation, [71, 9, 0])
        #expect(!transcript(question(uefi, exchange: .bootServer)).contains { $0.hasPrefix("43 ") })
    }

    @Test func theFilesThatAMachineFetches() {
        var x64 = BootEnvironment.Files(kernel: "os/linux")
        x64.initrds = ["os/a", "os/b"]
        let environment = BootEnvironment(
            name: "os", kind: .kernel([.x64: x64, .x86: .init(kernel: "os/old"), .arm64: .init(kernel: "os/arm")]))
        #expect(environment.fileNames(for: ClientArchitecture(code: 0)) == ["os/linux", "os/a", "os/b"])
        #expect(environment.fileNames(for: ClientArchitecture(code: 11)) == ["os/arm"])
        #expect(environment.fileNames(for: nil) == ["os/old", "os/linux", "os/a", "os/b", "os/arm"])
        #expect(BootEnvironment(name: "disk", kind: .local).fileNames(for: nil).isEmpty)
    }
}
