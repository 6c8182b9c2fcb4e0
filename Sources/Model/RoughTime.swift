// SPDX-License-Identifier: Apache-2.0

/// Times for people to read: exact ones as a site file has them, long ones in two units.
public enum RoughTime {
    private static let units: [(letter: String, seconds: Int64)] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]

    /// "3d 4h", "1h 29m", "2m 30s", "45s": the two largest units, rounded down.
    public static func text(seconds: Int64) -> String {
        guard seconds > 0, let first = units.firstIndex(where: { seconds >= $0.seconds }) else { return "0s" }
        let whole = "\(seconds / units[first].seconds)\(units[first].letter)"
        guard first + 1 < units.count else { return whole }
        let rest = seconds % units[first].seconds / units[first + 1].seconds
        return rest == 0 ? whole : "\(whole) \(rest)\(units[first + 1].letter)"
    }
}
