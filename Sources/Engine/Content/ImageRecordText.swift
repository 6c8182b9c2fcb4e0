// SPDX-License-Identifier: Apache-2.0

import Model

/// An image as stored under `StoreKeys.content`, which names it:
///
///     1  ready  -  9f86d081...  104857600  12  https://deb.example/netboot.tar.gz  1763800000
///
/// version, state, its detail (who imports, or why it failed), manifest, bytes, files, source, time of addition; tabs
/// in between.
public enum ImageRecordText {
    private static let version = UInt8(ascii: "1")

    public static func encode(_ image: ImageRecord) -> [UInt8] {
        var line = RecordWriter(version: version)
        switch image.state {
        case .importing(let node):
            line.field(word: "importing")
            line.field(text: node)
        case .ready:
            line.field(word: "ready")
            line.field(text: "")
        case .failed(let reason):
            line.field(word: "failed")
            line.field(text: reason)
        }
        line.field(text: image.manifest?.description ?? "")
        line.field(UInt64(max(0, image.bytes)))
        line.field(UInt64(max(0, image.files)))
        line.field(text: image.source)
        line.field(image.addedAt)
        return line.bytes
    }

    public static func decode(_ value: [UInt8], name: String) throws(RecordError) -> ImageRecord {
        var line = try RecordReader(value, version: version)
        let word = try line.text("state")
        let detail = try line.text("detail")
        let state: ImageRecord.State
        switch word {
        case "importing": state = .importing(node: detail)
        case "ready": state = .ready
        case "failed": state = .failed(detail)
        default: throw .invalid(field: "state", text: word)
        }
        var image = ImageRecord(name: name, state: state)
        image.manifest = try line.digestOrNone("manifest")
        image.bytes = try line.signed("bytes")
        image.files = Int(try line.signed("files"))
        image.source = try line.text("source")
        image.addedAt = try line.instant("time of addition")
        try line.end()
        return image
    }
}

extension RecordReader {
    /// A number that fits where numbers have a sign.
    mutating func signed(_ name: String) throws(RecordError) -> Int64 {
        let number = try number(name)
        guard let signed = Int64(exactly: number) else { throw .invalid(field: name, text: String(number)) }
        return signed
    }

    /// "-" is nil.
    mutating func digestOrNone(_ name: String) throws(RecordError) -> Digest? {
        let text = try text(name)
        guard !text.isEmpty else { return nil }
        guard let digest = Digest(text) else { throw .invalid(field: name, text: String(text.prefix(40))) }
        return digest
    }
}
