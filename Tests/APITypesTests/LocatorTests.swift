// SPDX-License-Identifier: Apache-2.0

import APITypes
import Testing

/// From a field's path back to the place in the file.
@Suite struct LocatorTests {
    private func at(_ line: Int, _ value: FieldValue) -> FieldValue {
        FieldValue(value.content, at: SourcePosition(line: line, column: 1))
    }

    private var document: FieldValue {
        at(
            1,
            [
                "networks": at(2, ["rack.1": at(3, ["subnets": at(4, [at(5, ["pools": at(6, [at(7, "x")])])])])]),
                "reservations": at(
                    10,
                    [
                        at(11, ["network": at(12, "rack.1"), "address": at(13, "10.0.0.9"), "mac": at(14, "m")])
                    ]),
            ])
    }

    @Test(arguments: [
        ("networks.rack.1.subnets[0].pools[0]", 7),
        ("networks.rack.1.subnets[0].pools", 6),
        // What is not there is near what is.
        ("networks.rack.1.subnets[0].exclude[3]", 5),
        ("networks.rack.1.lease", 3),
        ("networks.rack.2.lease", 2),
        ("reservations[0].mac", 14),
        ("reservations.rack.1/10.0.0.9.mac", 14),
        ("reservations.rack.1/10.0.0.9", 11),
        ("reservations.rack.1/10.0.0.8.mac", 10),
        ("machines.web1", 1),
    ])
    func position(field: String, line: Int) {
        #expect(SiteDocument.position(of: field, in: document)?.line == line)
    }

    @Test func withoutPositionsThereIsNone() {
        #expect(SiteDocument.position(of: "a.b", in: ["a": ["b": 1]]) == nil)
    }
}
