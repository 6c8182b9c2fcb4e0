// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import CLI
import Foundation
import Model
import Testing

@Suite struct SiteFileTests {
    private func lines(_ text: String) -> [String] {
        do {
            _ = try SiteFile.parse(text, path: "site.yaml")
            return []
        } catch {
            return error.lines
        }
    }

    @Test func everyErrorHasItsPlaceInTheFile() {
        let text = """
            networks:
              rack1:
                lease: soon
                subnets:
                  - subnet: 10.64.0.0/24
                    pools: [10.64.0.100-10.64.0.199, nonsense]
                    poools: []
            machine: {}
            reservations:
              - { network: rack1, address: 10.64.0.20, mac: 52:54:00:12:34:56 }
              - { network: rack1, address: 10.64.0.20, circuit: x }
            """
        #expect(
            lines(text) == [
                "site.yaml:3:12: networks.rack1.lease: expected a time such as 90s, 30m, 1h or 7d, found \"soon\"",
                "site.yaml:6:42: networks.rack1.subnets[0].pools[1]: expected a range such as 10.64.0.100-10.64.0.199, "
                    + "an address or a subnet, found \"nonsense\"",
                "site.yaml:7:9: networks.rack1.subnets[0].poools: unknown key (did you mean 'pools'?)",
                "site.yaml:8:1: machine: unknown key (did you mean 'machines'?)",
                "site.yaml:11:5: reservations[1]: 10.64.0.20 in rack1 is reservations[0] already (line 10)",
            ])
    }

    @Test func theAPIsErrorsHaveTheirPlaceToo() throws {
        let text = """
            networks:
              rack1:
                subnets:
                  - { subnet: 10.64.0.0/24, pools: [10.64.1.1] }
            reservations:
              - { network: rack1, address: 10.64.0.0, mac: 52:54:00:12:34:56 }
            """
        let file = try SiteFile.parse(text, path: "site.yaml")
        let errors = [
            FieldError(field: "networks.rack1.subnets[0].pools[0]", message: "is not in the subnet", hint: "mend it"),
            FieldError(field: "reservations.rack1/10.64.0.0.address", message: "is the subnet's"),
            FieldError(field: "networks.old.lease", message: "is wrong"),
            FieldError(field: "", message: "and 7 more"),
        ]
        #expect(
            file.lines(for: errors) == [
                "site.yaml:4:41: networks.rack1.subnets[0].pools[0]: is not in the subnet (mend it)",
                "site.yaml:6:32: reservations.rack1/10.64.0.0.address: is the subnet's",
                "site.yaml:1:1: networks.old.lease: is wrong",
                "site.yaml: and 7 more",
            ])
    }

    @Test func theExampleIsAGoodSite() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = try SiteFile.load(path: root.appendingPathComponent("examples/site.yaml").path)
        #expect(
            file.objects.map(\.objectName.description) == [
                "network lab", "network room2", "reservation lab/10.64.0.20", "reservation lab/10.64.0.21",
                "reservation room2/10.64.2.20", "profile web", "machine web1", "machine web2", "environment rescue",
                "template rescue-settings", "parameters global",
            ])
        var site = Site()
        for object in file.objects { site.set(object) }
        // An export of it is the same site.
        let export = YAMLWriter.text(SiteDocument.write(site))
        #expect(try SiteFile.parse(export, path: "export").objects == file.objects)
    }

    @Test func aFileThatIsNotThere() {
        let error = #expect(throws: FileErrors.self) { try SiteFile.load(path: "/nowhere/site.yaml") }
        #expect(error?.lines == ["/nowhere/site.yaml: cannot be read: No such file or directory"])
        let directory = #expect(throws: FileErrors.self) { try SiteFile.load(path: "/") }
        #expect(directory?.lines == ["/: cannot be read: Is a directory"])
    }

    @Test func filesAreUTF8() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("ondeck-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: path) }
        try Data([0x61, 0x3a, 0x20, 0xff, 0xfe]).write(to: path)
        let error = #expect(throws: FileErrors.self) { try SiteFile.load(path: path.path) }
        #expect(error?.lines == ["\(path.path): is not UTF-8 text"])
        // With the mark that some editors put at the beginning.
        try Data([0xef, 0xbb, 0xbf] + Array("parameters: {a: 1}\n".utf8)).write(to: path)
        #expect(try SiteFile.load(path: path.path).objects == [.parameters(["a": .integer(1)])])
    }

    /// Unoptimised, on a busy machine of two cores; a release build takes a tenth.
    @Test func manyReservationsAreReadInSeconds() throws {
        let count = 20_000
        var text = "networks:\n  a: { subnets: [{ subnet: 10.0.0.0/8 }] }\nreservations:\n"
        for number in 0..<count {
            let mac = MACAddress(bits: UInt64(number) + 0x5254_0000_0000)
            let address = IPv4Address(bits: 0x0a00_0001 + UInt32(number))
            text += "  - { network: a, address: \(address), mac: \"\(mac)\" }\n"
        }
        let start = ContinuousClock.now
        let file = try SiteFile.parse(text, path: "site.yaml")
        #expect(file.objects.count == count + 1)
        var site = Site()
        for object in file.objects { site.set(object) }
        #expect(site.reservations.count == count)
        #expect(YAMLWriter.text(SiteDocument.write(site)).utf8.count > text.utf8.count / 2)
        #expect(ContinuousClock.now - start < .seconds(60))
    }
}
