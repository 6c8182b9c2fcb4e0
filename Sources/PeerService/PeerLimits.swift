// SPDX-License-Identifier: Apache-2.0

import Model

extension Limits {
    /// Fits into every link's MTU: a heartbeat is never cut into fragments.
    static let heartbeatBytesMax = 1_200
    static let clusterKeyBytesMin = 16
    static let peerReceiveBufferBytes = 1 << 20
    /// Nodes whose last sequence is remembered: those there are, and many that were.
    static let rememberedNodesMax = 4 * nodesMax
    static let rememberedRunsPerNode = 8
    /// So many new heartbeats of a run that counted as superseded show that it lives.
    static let heartbeatsToReturn = 8
    /// How long a receive error that stays holds up the thread.
    static let peerErrorPauseMilliseconds: UInt32 = 10
}
