// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension Subnet {
    private static let keys = ["subnet", "pools", "exclude", "relays", "options"]

    private static let advice = [
        "pool": "did you mean 'pools'?", "range": "did you mean 'pools'?", "ranges": "did you mean 'pools'?",
        "exclusions": "did you mean 'exclude'?",
        "gateway": "set it in 'options': routers: [10.64.0.254]",
        "routers": "it goes into 'options'",
        "interface": "an interface belongs to the network, not to one of its subnets",
    ]

    init?(_ reader: FieldReader) {
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return nil }
        let subnet = fields.required("subnet") { $0.subnet() }
        // The other fields are read even where the subnet is wrong, for their errors.
        self.init(subnet: subnet ?? IPv4Subnet(containing: .any, prefixLength: 0))
        fields.read("pools", into: &pools) { $0.list { $0.pool() } }
        fields.read("exclude", into: &exclusions) { $0.list { $0.range() } }
        fields.read("relays", into: &relays) { $0.list { $0.address() } }
        fields.read("options", into: &options) { $0.options() }
        if subnet == nil { return nil }
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("subnet", subnet)
        map.write("pools", list: pools)
        map.write("exclude", list: exclusions)
        map.write("relays", list: relays)
        map.write("options", map: FieldMap(options: options))
        return .map(map)
    }
}

extension FieldReader {
    fileprivate func pool() -> IPv4Range? {
        guard let range = range() else { return nil }
        guard range.count <= Limits.poolAddressesMax else {
            fail("has \(range.count) addresses; at most \(Limits.poolAddressesMax) are allowed in one pool")
            return nil
        }
        return range
    }
}
