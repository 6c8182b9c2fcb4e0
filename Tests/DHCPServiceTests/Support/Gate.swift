// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Holds up the thread that comes to it until it is opened, for at most ten seconds.
final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    func open() { isOpen.store(true, ordering: .releasing) }

    func waitUntilOpen() {
        for _ in 0..<10_000 where !isOpen.load(ordering: .acquiring) { usleep(1_000) }
    }
}
