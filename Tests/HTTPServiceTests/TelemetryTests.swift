// SPDX-License-Identifier: Apache-2.0

import Model
import Testing

@testable import HTTPService

struct TelemetryTests {
    private static let token = String(repeating: "a2", count: Limits.bootTokenCharacters / 2)

    @Test(arguments: [
        "/b/52-54-00-12-34-56.", "//b/52-54-00-12-34-56%2e", "/%62/52-54-00-12-34-56.", "http://x/b/52-54-00-12-34-56.",
    ])
    func `no token comes into the log, however it is written`(beginning: String) {
        for end in ["", "/a/preseed.cfg", "?token=\(Self.token)"] {
            let line = BootTelemetry.path(beginning + Self.token + end)
            #expect(!line.contains(Self.token), "\(line)")
            #expect(line.contains("52-54-00-12-34-56"))
        }
    }

    @Test func `other paths are logged as they are, and short`() {
        #expect(BootTelemetry.path("/debian-12/linux?x=1") == "/debian-12/linux")
        #expect(BootTelemetry.path("/ipxe/snponly.efi") == "/ipxe/snponly.efi")
        #expect(BootTelemetry.path("/%zz") == "/%zz")
        #expect(BootTelemetry.path("/" + String(repeating: "a", count: 900)).utf8.count == 256)
    }
}
