// SPDX-License-Identifier: Apache-2.0

import Model

extension SiteCheck {
    /// A lease too short for the outage that happens to everybody: a restart that does not go as planned.
    mutating func outage(_ network: Network, at field: String) {
        let window = OutageWindow(
            network, outageSeconds: Limits.outageSecondsDefault, isShared: storeIsShared)
        guard !window.fits, let bridged = window.bridgedSeconds, let needed = window.leaseSecondsNeeded,
            let advised = window.leaseSecondsAdvised
        else { return }
        let text = OutageWindow.text
        warn(
            "\(field).lease",
            "\(text(network.leaseSeconds)) bridges an outage of \(text(bridged)) only: after it clients lose their "
                + "addresses",
            hint: "\(text(needed)) bridges \(text(Limits.outageSecondsDefault)), \(text(advised)) with a margin; "
                + "ondeck window says more")
    }
}
