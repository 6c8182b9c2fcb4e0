// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model

/// Instants as people and machines read them: ISO 8601, UTC.
public enum TimeText {
    /// "2026-11-22T18:10:02Z", or with `milliseconds` "...02.417Z".
    public static func iso8601(_ instant: Instant, milliseconds: Bool = false) -> String {
        let date = Date(timeIntervalSince1970: Double(instant.milliseconds) / 1000)
        return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: milliseconds))
    }
}
