// SPDX-License-Identifier: Apache-2.0

import Addresses
import ArgumentParser

/// A MAC address in any notation. Options that take one have an example in their help: it is shown for a wrong one.
struct MACArgument: ExpressibleByArgument, Sendable {
    var mac: MACAddress

    init?(argument: String) {
        guard let mac = MACAddress(argument) else { return nil }
        self.mac = mac
    }

    var defaultValueDescription: String { mac.description }
}
