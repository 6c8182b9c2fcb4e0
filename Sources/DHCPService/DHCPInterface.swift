// SPDX-License-Identifier: Apache-2.0

import Engine
import Synchronization

/// One served interface: its sockets, and the thread that waits on them. Made, told of changes and stopped by the
/// server's own thread.
final class DHCPInterface: Sendable {
    let served: ServedInterface
    private let control: InterfaceControl
    private let sender: ReplySender
    private let thread: PacketThread

    enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case socket(SocketFault)
        case thread(PacketThread.Fault)
        case memory

        var description: String {
            switch self {
            case .socket(let fault): fault.description
            case .thread(let fault): "thread: \(errorText(fault.errno))"
            case .memory: "out of memory for receive buffers"
            }
        }
    }

    /// Opens the sockets and starts the thread, in the network namespace of the calling thread.
    init(
        _ served: ServedInterface, info: InterfaceInfo, calls: DHCPEngineCalls, sender: ReplySender,
        counters: DHCPCounters, telemetry: Telemetry
    ) throws(Fault) {
        let sockets: PacketSockets
        let control: InterfaceControl
        do throws(SocketFault) {
            sockets = try PacketSockets(interface: info, answersBootPort: served.answersBootPort)
            control = InterfaceControl(info: info, wake: try Wake())
        } catch {
            throw .socket(error)
        }
        guard let buffers = ReceiveBuffers() else { throw .memory }
        for shortcoming in sockets.shortcomings {
            telemetry.lacks(served.name, shortcoming, consequence: "replies are broadcast or offers not probed")
        }
        do throws(PacketThread.Fault) {
            thread = try PacketThread(name: "dhcp \(served.name)") {
                let loop = ReceiveLoop(
                    sockets: sockets, buffers: buffers, control: control, calls: calls, sender: sender,
                    counters: counters, telemetry: telemetry)
                loop.run()
            }
        } catch {
            throw .thread(error)
        }
        sender.use(info.addresses)
        sender.use(sockets)
        self.served = served
        self.control = control
        self.sender = sender
    }

    var info: InterfaceInfo { control.info }

    func update(_ info: InterfaceInfo) {
        control.update(info)
        sender.use(info.addresses)
    }

    /// Ends the thread and waits for it: as long as one batch takes. The sockets close when replies that are on
    /// their way have left.
    func stop() {
        control.stop()
        thread.join()
        sender.use(nil)
    }
}

/// What the server's thread tells the interface's.
final class InterfaceControl: Sendable {
    let wake: Wake
    private let state: Mutex<(info: InterfaceInfo, isStopping: Bool)>

    init(info: InterfaceInfo, wake: Wake) {
        self.wake = wake
        state = Mutex((info, false))
    }

    var info: InterfaceInfo { state.withLock { $0.info } }

    /// The interface as it is now; nil: stop.
    var current: InterfaceInfo? { state.withLock { $0.isStopping ? nil : $0.info } }

    func update(_ info: InterfaceInfo) { state.withLock { $0.info = info } }

    func stop() {
        state.withLock { $0.isStopping = true }
        wake.wake()
    }
}
