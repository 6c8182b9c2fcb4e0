// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation
import Model

extension DrillTarget.Calls {
    /// Has it happen to this very process.
    public static func process(_ engine: DHCPEngine, _ timeline: Timeline) -> DrillTarget.Calls {
        DrillTarget.Calls(
            serves: { engine.serves($0) },
            suffer: { fault in
                Thread.detachNewThread {
                    usleep(UInt32(clamping: Limits.drillDelayMilliseconds * 1_000))
                    suffer(fault, timeline)
                }
            })
    }

    private static func suffer(_ fault: DrillTarget.Fault, _ timeline: Timeline) {
        switch fault {
        case .kill: cl_process_kill()
        case .pause(let milliseconds):
            let result = cl_process_pause(milliseconds)
            let text =
                result == 0
                ? "drill: this process goes on after \(milliseconds) ms"
                : "drill: this process cannot be stopped: \(String(cString: strerror(-result)).lowercased())"
            timeline.add(Event(.admin, .warning, .text(text)))
        }
    }
}

extension DHCPEngine {
    /// Whether this node is up to bat for the network.
    fileprivate func serves(_ network: String) -> Bool { allTerms[network] != nil }
}
