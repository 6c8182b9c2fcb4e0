// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Foundation
import Model
import Testing

/// What is written is read back as the same, whatever it is.
@Suite struct RoundTripTests {
    @Test func defaultsAreLeftOut() {
        #expect(SiteObject.network(Network(name: "a")).fields == [:])
        #expect(SiteObject.machine(Machine(name: "a")).fields == [:])
        #expect(SiteDocument.write(Site()) == [:])
    }

    @Test func theCanonicalFormOfANetwork() throws {
        let fields: FieldValue = [
            "mode": "proxy", "nodes": ["b", "a"], "lease": "90m", "lease-max": "1d", "reserve": "0s",
            "unknown": "lease",
            "options": ["routers": ["10.64.0.254"], "domain-name": "lab.example", "224": "hex:01ff"],
            "subnets": [["subnet": "10.64.0.0/24", "pools": ["10.64.0.100-10.64.0.199", "10.64.0.9"]]],
        ]
        #expect(try object(.network, "a", fields).fields == fields)
    }

    @Test func optionsAreNamedAndInTheirOrder() throws {
        let network = try object(.network, "a", ["options": ["6": "10.0.0.1", "3": "10.0.0.2, 10.0.0.3"]])
        let options = try #require(network.fields.asMap?["options"]?.asMap)
        #expect(options.keys == ["routers", "domain-name-servers"])
        #expect(options["routers"] == ["10.0.0.2", "10.0.0.3"])
    }

    @Test func optionsThatTheirKindCannotWriteAreHex() throws {
        var network = Network(name: "a")
        // Three octets are no address; text with a NUL is no text.
        network.options = [OptionSetting(code: 3, value: [1, 2, 3]), OptionSetting(code: 15, value: [0x61, 0])]
        let object = SiteObject.network(network)
        #expect(object.fields == ["options": ["routers": "hex:010203", "domain-name": "hex:6100"]])
        #expect(try SiteObject.read(kind: .network, name: "a", value: object.fields) == object)
    }

    @Test func everyOptionCodeAndAnyOctetsComeBack() throws {
        var random = SeededGenerator(seed: 0x0ddb)
        for code in UInt8(2)...254 {
            for _ in 0..<20 {
                var network = Network(name: "a")
                network.options = [OptionSetting(code: code, value: random.octets(1...9))]
                let object = SiteObject.network(network)
                let back: SiteObject
                do {
                    back = try SiteObject.read(kind: .network, name: "a", value: object.fields)
                } catch {
                    // Options that may not be set cannot have come from a file either.
                    #expect(error.errors.allSatisfy { $0.message.hasSuffix("cannot be set") }, "\(error)")
                    continue
                }
                #expect(back == object)
            }
        }
    }

    @Test(arguments: 0..<60)
    func randomSites(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let original = random.site()
        let document = SiteDocument.write(original)
        #expect(site(of: try SiteDocument.read(document)) == original)
        #expect(SiteDocument.write(site(of: try SiteDocument.read(document))) == document)
        let json = try JSONEncoder().encode(document)
        let decoded = try JSONDecoder().decode(FieldValue.self, from: json)
        #expect(decoded == document)
        #expect(site(of: try SiteDocument.read(decoded)) == original)
    }

    @Test(arguments: 0..<20)
    func randomObjects(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(1000 + seed))
        let site = random.site()
        for kind in ObjectKind.allCases {
            for name in site.names(kind) {
                let object = try #require(site.object(kind, name))
                #expect(try SiteObject.read(kind: kind, name: name, value: object.fields) == object)
            }
        }
    }
}
