// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Why octets are no TFTP packet.
public enum TFTPDecodeError: Error, Hashable, Sendable {
    /// Fewer octets than the packet's fixed part has.
    case short
    /// An operation that RFC 1350 and RFC 2347 do not have.
    case unknownOperation(UInt16)
    /// The file name of a request has no end.
    case unterminatedName
}

/// The operation codes of RFC 1350 5 and RFC 2347.
enum TFTPOperation {
    static let readRequest: UInt16 = 1
    static let writeRequest: UInt16 = 2
    static let data: UInt16 = 3
    static let acknowledgement: UInt16 = 4
    static let error: UInt16 = 5
    static let optionAcknowledgement: UInt16 = 6
}

/// The error codes of RFC 1350 (appendix) and RFC 2347. Others are carried as they come.
public struct TFTPErrorCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// "Not defined, see error message."
    public static let undefined = Self(rawValue: 0)
    public static let fileNotFound = Self(rawValue: 1)
    public static let accessViolation = Self(rawValue: 2)
    public static let illegalOperation = Self(rawValue: 4)
    public static let unknownTransferID = Self(rawValue: 5)
    /// The peer ends the transfer because of the options (RFC 2347). Firmware sends it when it only asked for a size.
    public static let optionsRefused = Self(rawValue: 8)
}

/// A name and a value, both as written by the sender (RFC 2347). Names are compared without regard to case.
public struct TFTPOption: Hashable, Sendable {
    public var name: String
    public var value: String
    public init(name: String, value: String) { self.name = name; self.value = value }
}

/// What a read or write request asks for.
public struct TFTPRequest: Hashable, Sendable {
    /// The file name as sent, without its NUL: any octets. `TFTPName` makes a name of it.
    public var name: [UInt8]
    /// In lower case: "octet", "netascii", "mail".
    public var mode: String
    public var options: [TFTPOption]

    public init(name: [UInt8], mode: String = "octet", options: [TFTPOption] = []) {
        self.name = name
        self.mode = mode
        self.options = options
    }
}

/// One TFTP packet (RFC 1350 5, RFC 2347).
public enum TFTPPacket: Hashable, Sendable {
    case readRequest(TFTPRequest)
    case writeRequest(TFTPRequest)
    case data(block: UInt16, payload: [UInt8])
    case acknowledgement(block: UInt16)
    case error(code: TFTPErrorCode, message: String)
    case optionAcknowledgement([TFTPOption])

    /// Octets before the payload of a DATA packet.
    public static let dataHeaderBytes = 4

    /// The header of a DATA packet, to be written in network order: a server fills its blocks in place.
    public static func dataHeader(block: UInt16) -> UInt32 { UInt32(TFTPOperation.data) << 16 | UInt32(block) }

    /// Reads one datagram. Octets after the packet are padding (some boot ROMs send a buffer of fixed size).
    public init(decoding bytes: Span<UInt8>) throws(TFTPDecodeError) {
        var text = TerminatedTextReader(offset: 2)
        switch try Self.field(bytes, at: 0) {
        case TFTPOperation.acknowledgement: self = .acknowledgement(block: try Self.field(bytes, at: 2))
        case TFTPOperation.readRequest: self = .readRequest(try TFTPRequest(decoding: bytes))
        case TFTPOperation.writeRequest: self = .writeRequest(try TFTPRequest(decoding: bytes))
        case TFTPOperation.data:
            let block = try Self.field(bytes, at: 2)
            let payload = bytes.extracting(droppingFirst: Self.dataHeaderBytes)
            self = .data(block: block, payload: (0..<payload.count).map { payload[$0] })
        case TFTPOperation.error:
            text.offset = 4
            let code = TFTPErrorCode(rawValue: try Self.field(bytes, at: 2))
            self = .error(code: code, message: String(decoding: text.next(bytes).bytes, as: UTF8.self))
        case TFTPOperation.optionAcknowledgement: self = .optionAcknowledgement(text.options(bytes))
        case let other: throw .unknownOperation(other)
        }
    }

    private static func field(_ bytes: Span<UInt8>, at offset: Int) throws(TFTPDecodeError) -> UInt16 {
        do { return try bytes.uint16(at: offset) } catch { throw .short }
    }

    /// The packet's octets. NULs inside names, options and messages would end them early; there must be none.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .readRequest(let request): request.append(to: &out, operation: TFTPOperation.readRequest)
        case .writeRequest(let request): request.append(to: &out, operation: TFTPOperation.writeRequest)
        case .data(let block, let payload):
            out.append(uint32: Self.dataHeader(block: block))
            out += payload
        case .acknowledgement(let block):
            out.append(uint16: TFTPOperation.acknowledgement)
            out.append(uint16: block)
        case .error(let code, let message):
            out.append(uint16: TFTPOperation.error)
            out.append(uint16: code.rawValue)
            out.append(terminated: message.utf8)
        case .optionAcknowledgement(let options):
            out.append(uint16: TFTPOperation.optionAcknowledgement)
            out.append(options: options)
        }
        return out
    }
}

extension TFTPRequest {
    init(decoding bytes: Span<UInt8>) throws(TFTPDecodeError) {
        var text = TerminatedTextReader(offset: 2)
        let name = text.next(bytes)
        guard name.terminated else { throw .unterminatedName }
        self.name = name.bytes
        mode = String(decoding: text.next(bytes).bytes, as: UTF8.self).lowercased()
        options = text.options(bytes)
    }

    func append(to out: inout [UInt8], operation: UInt16) {
        out.append(uint16: operation)
        out.append(terminated: name)
        out.append(terminated: mode.utf8)
        out.append(options: options)
    }
}

/// Reads texts that end with a NUL, one after the other.
private struct TerminatedTextReader {
    var offset: Int

    mutating func next(_ bytes: Span<UInt8>) -> (bytes: [UInt8], terminated: Bool) {
        var text: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if byte == 0 { return (text, true) }
            text.append(byte)
        }
        return (text, false)
    }

    /// Pairs up to the end. An empty name or one without its NUL is the padding that some clients send; the last
    /// value may lack its NUL.
    mutating func options(_ bytes: Span<UInt8>) -> [TFTPOption] {
        var options: [TFTPOption] = []
        while offset < bytes.count {
            let name = next(bytes)
            guard name.terminated, !name.bytes.isEmpty else { break }
            let value = next(bytes)
            options.append(
                TFTPOption(
                    name: String(decoding: name.bytes, as: UTF8.self),
                    value: String(decoding: value.bytes, as: UTF8.self)))
        }
        return options
    }
}

extension [UInt8] {
    fileprivate mutating func append(terminated text: some Sequence<UInt8>) {
        append(contentsOf: text)
        append(0)
    }

    fileprivate mutating func append(options: [TFTPOption]) {
        for option in options {
            append(terminated: option.name.utf8)
            append(terminated: option.value.utf8)
        }
    }
}
