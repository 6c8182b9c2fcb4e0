// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Model
import Synchronization

/// What the threads of one server have in common.
final class TFTPShared: Sendable {
    let configuration: TFTPConfiguration
    let resolve: @Sendable (TFTPReadRequest) -> TFTPContent
    let telemetry: TFTPTelemetry
    let threads: Int
    private let stopsAt = Atomic(Int64.max)
    /// Asked once a request, not once a packet.
    private let admission = Mutex(TFTPAdmission())

    init(
        configuration: TFTPConfiguration, resolve: @escaping @Sendable (TFTPReadRequest) -> TFTPContent,
        telemetry: TFTPTelemetry
    ) {
        self.configuration = configuration
        self.resolve = resolve
        self.telemetry = telemetry
        let wanted = configuration.threads > 0 ? configuration.threads : Int(cl_tftp_processors())
        threads = min(wanted, Limits.tftpThreadsMax)
    }

    /// When the last transfers must be over (microseconds); nil while the service is not to stop.
    var deadline: Int64? {
        let time = stopsAt.load(ordering: .acquiring)
        return time == .max ? nil : time
    }

    func stop(by time: Int64) { stopsAt.store(time, ordering: .releasing) }

    func admits(_ client: IPv4Address, now: Int64) -> Bool {
        admission.withLock { $0.requested(by: client, now: now) } == .admitted
    }

    func began(_ client: IPv4Address) {
        admission.withLock { $0.began(by: client) }
        telemetry.transferOpened()
    }

    func ended(_ client: IPv4Address) {
        admission.withLock { $0.ended(by: client) }
        telemetry.transferClosed()
    }
}
