// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Glibc
import Wire

/// Packets made while one batch is worked on, sent together: one system call for many of them.
final class TFTPSendQueue {
    private static let trainsMax = 64
    private static let segmentsMax = 64
    /// The most octets of UDP payload in one IPv4 packet, and so in one train.
    private static let trainBytesMax = 65_507
    /// Room for several trains; small enough to stay in the processor's cache.
    private static let capacity = 256 << 10

    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
    private let trains = UnsafeMutablePointer<cl_tftp_train>.allocate(capacity: trainsMax)
    /// The session of each train, where there is one.
    private var sessions: [TFTPSession?] = []
    private var used = 0
    private let refused: (TFTPSession?, Int32) -> Void

    /// `refused` hears of packets that the system would not send, with the errno.
    init(refused: @escaping (TFTPSession?, Int32) -> Void) {
        self.refused = refused
        sessions.reserveCapacity(Self.trainsMax)
    }

    deinit {
        buffer.deallocate()
        trains.deallocate()
    }

    func append(_ packet: TFTPPacket, to route: TFTPRoute, session: TFTPSession? = nil) {
        let bytes = packet.bytes
        let start = reserve(bytes.count)
        UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyBytes(from: bytes)
        couple(start, bytes.count, segment: bytes.count, route, session)
    }

    /// DATA packets of consecutive blocks, read from the session's source.
    func append(blocks: Range<Int>, of session: TFTPSession) throws(TFTPReadFailure) {
        let packetBytes = TFTPPacket.dataHeaderBytes + session.terms.blockBytes
        let perTrain = max(1, min(Self.segmentsMax, Self.trainBytesMax / packetBytes))
        var first = blocks.lowerBound
        while first < blocks.upperBound {
            let last = min(first + perTrain, blocks.upperBound)
            try append(train: first..<last, of: session, packetBytes: packetBytes)
            first = last
        }
    }

    private func append(train: Range<Int>, of session: TFTPSession, packetBytes: Int) throws(TFTPReadFailure) {
        let offset = (train.lowerBound - 1) * session.terms.blockBytes
        let payload = min(train.count * session.terms.blockBytes, session.source.count - offset)
        let start = reserve(payload + train.count * TFTPPacket.dataHeaderBytes)
        // Making room may have shown that the client is gone, and closed its socket.
        guard !session.isOver else { return }
        for (i, block) in train.enumerated() {
            let header = TFTPPacket.dataHeader(block: UInt16(truncatingIfNeeded: block))
            buffer.storeBytes(of: header.bigEndian, toByteOffset: start + i * packetBytes, as: UInt32.self)
        }
        try read(session, from: offset, payload, to: start)
        couple(start, payload + train.count * TFTPPacket.dataHeaderBytes, segment: packetBytes, session.route, session)
    }

    private func read(_ session: TFTPSession, from offset: Int, _ count: Int, to start: Int) throws(TFTPReadFailure) {
        switch session.source {
        case .bytes(let bytes):
            bytes.withUnsafeBytes { bytes in
                copy(bytes.rebased(offset..<(offset + count)), blockBytes: session.terms.blockBytes, to: start)
            }
        case .file(let file) where count <= TFTPReadAhead.largestRead:
            let bytes = try session.readAhead.bytes(of: file, offset..<(offset + count))
            copy(bytes, blockBytes: session.terms.blockBytes, to: start)
        case .file(let file):
            guard let out = buffer.baseAddress?.advanced(by: start).assumingMemoryBound(to: UInt8.self) else { return }
            let got = cl_tftp_read_blocks(
                file.descriptor, out, TFTPPacket.dataHeaderBytes, session.terms.blockBytes, count, off_t(offset))
            guard got >= 0 else { throw .unreadable(errno: Int32(-got)) }
            guard got == count else { throw .shortened }
        }
    }

    /// Spreads octets over blocks, leaving room for each one's header.
    private func copy(_ bytes: UnsafeRawBufferPointer, blockBytes: Int, to start: Int) {
        var to = start
        for from in stride(from: 0, to: bytes.count, by: blockBytes) {
            let block = bytes.rebased(from..<min(from + blockBytes, bytes.count))
            to += TFTPPacket.dataHeaderBytes
            UnsafeMutableRawBufferPointer(rebasing: buffer[to...]).copyMemory(from: block)
            to += block.count
        }
    }

    /// Where the next `count` octets go. The queue is sent first if it has no room for them.
    private func reserve(_ count: Int) -> Int {
        if used + count > Self.capacity || sessions.count == Self.trainsMax { flush() }
        return used
    }

    private func couple(_ start: Int, _ count: Int, segment: Int, _ route: TFTPRoute, _ session: TFTPSession?) {
        guard let bytes = buffer.baseAddress?.advanced(by: start) else { return }
        var train = cl_tftp_train()
        train.bytes = UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self))
        train.length = UInt32(count)
        train.segment_bytes = UInt32(segment)
        train.descriptor = route.descriptor
        train.segmentation = session?.segmentation == true ? 1 : 0
        if !route.isConnected {
            train.client = route.key.client.bits
            train.client_port = route.key.clientPort
            train.local = route.key.local.bits
        }
        (trains + sessions.count).initialize(to: train)
        sessions.append(session)
        used = start + count
    }

    /// Sends what is queued.
    func flush() {
        guard !sessions.isEmpty else { return }
        cl_tftp_send(trains, sessions.count)
        let sent = sessions
        sessions.removeAll(keepingCapacity: true)
        used = 0
        for (i, session) in sent.enumerated() {
            let train = trains[i]
            if train.segmentation == 0 { session?.segmentation = false }
            if train.error != 0 { refused(session, train.error) }
        }
    }
}
