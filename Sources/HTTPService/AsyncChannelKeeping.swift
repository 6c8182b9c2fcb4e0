// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension NIOAsyncChannel {
    /// The same channel, held until it has closed.
    ///
    /// NIO ends the process when one is let go unserved and open, and that is what a listener that stops does with a
    /// connection that it accepted a moment before.
    func keptUntilClosed() -> Self {
        channel.closeFuture.whenComplete { _ in withExtendedLifetime(self) {} }
        return self
    }
}
