// SPDX-License-Identifier: Apache-2.0

/// Makes a failing history smaller: without the kinds of fault that it does not need, and shorter.
public enum SimShrink {
    public static func smaller(_ failing: SimOutcome) -> SimOutcome {
        guard let violation = failing.violation else { return failing }
        var best = failing
        func attempt(_ change: (inout SimOptions) -> Void) {
            var options = best.options
            options.isVerbose = false
            change(&options)
            let outcome = SimWorld.run(options)
            if outcome.violation?.rule == violation.rule { best = outcome }
        }
        for kind in SimFaultKind.allCases where best.options.faults.contains(kind) {
            attempt { $0.faults.remove(kind) }
        }
        for _ in 0..<6 { attempt { $0.minutes = max($0.minutes / 2, 1) } }
        attempt { $0.minutes = max($0.minutes * 3 / 4, 1) }
        attempt { $0.clients = max($0.clients / 2, 1) }
        return best
    }
}

public enum SimText {
    /// Minutes, seconds and milliseconds since a history's beginning.
    public static func clock(_ at: SimTime) -> String { SimHistory.clock(at) }
}
