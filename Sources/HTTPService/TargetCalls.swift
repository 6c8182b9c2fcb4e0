// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses

/// What the API asks about next-boot targets. Composition fills it.
public struct TargetCalls: Sendable {
    /// For one network or all of them, and for one client or any. 404: there is no such network.
    public var show: @Sendable (_ network: String?, MACAddress?) async -> Result<TargetsReport, Problem>
    /// Has no client be sent to a node, or lets it be a target again. Answers when the order is in the store. 404: no
    /// such node; 409: it is the last one.
    public var drain: @Sendable (_ node: String, _ drain: Bool) async -> Result<TargetDrainReport, Problem>

    public init(
        show: @escaping @Sendable (_ network: String?, MACAddress?) async -> Result<TargetsReport, Problem>,
        drain: @escaping @Sendable (_ node: String, _ drain: Bool) async -> Result<TargetDrainReport, Problem>
    ) {
        self.show = show
        self.drain = drain
    }
}
