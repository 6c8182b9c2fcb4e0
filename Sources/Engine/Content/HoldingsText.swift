// SPDX-License-Identifier: Apache-2.0

import Model

/// What a node holds, as stored under `StoreKeys.holds`, which names the node:
///
///     1  52428800000  1  debian-12  9f86d081...  fetching  -  52428800  104857600  11534336
///
/// version, bytes free on the disk ("-": not known), number of images; then for each, in the order of their names:
/// name, manifest, state, its detail (why it failed), bytes held, bytes in all, bytes a second; tabs in between.
public enum HoldingsText {
    private static let version = UInt8(ascii: "1")

    public static func encode(_ holdings: Holdings) -> [UInt8] {
        var line = RecordWriter(version: version)
        line.field(text: holdings.bytesFree.map { String(max(0, $0)) } ?? "")
        line.field(UInt64(holdings.images.count))
        for (name, holding) in holdings.images.sorted(by: { $0.key < $1.key }) {
            line.field(text: name)
            line.field(text: holding.manifest.description)
            var reason = ""
            switch holding.state {
            case .complete: line.field(word: "complete")
            case .fetching: line.field(word: "fetching")
            case .some: line.field(word: "some")
            case .failed(let text):
                line.field(word: "failed")
                reason = text
            }
            line.field(text: reason)
            for number in [holding.bytesHeld, holding.bytesTotal, holding.bytesPerSecond] {
                line.field(UInt64(max(0, number)))
            }
        }
        return line.bytes
    }

    public static func decode(_ value: [UInt8], node: String) throws(RecordError) -> Holdings {
        var line = try RecordReader(value, version: version)
        var holdings = Holdings(node: node)
        let free = try line.text("bytes free")
        if !free.isEmpty {
            guard let bytes = Int64(free), bytes >= 0 else { throw .invalid(field: "bytes free", text: free) }
            holdings.bytesFree = bytes
        }
        // A number that lies ends with a missing field.
        var rest = try line.number("number of images")
        while rest > 0 {
            let name = try line.text("image's name")
            guard !name.isEmpty, holdings.images[name] == nil else { throw .invalid(field: "image's name", text: name) }
            holdings.images[name] = try holding(&line)
            rest -= 1
        }
        try line.end()
        return holdings
    }

    private static func holding(_ line: inout RecordReader) throws(RecordError) -> ImageHolding {
        guard let manifest = try line.digestOrNone("manifest") else { throw .invalid(field: "manifest", text: "-") }
        let word = try line.text("state")
        let reason = try line.text("detail")
        let state: ImageHolding.State
        switch word {
        case "complete": state = .complete
        case "fetching": state = .fetching
        case "some": state = .some
        case "failed": state = .failed(reason)
        default: throw .invalid(field: "state", text: word)
        }
        let (held, total) = (try line.signed("bytes held"), try line.signed("bytes in all"))
        var holding = ImageHolding(manifest: manifest, state: state, bytesHeld: held, bytesTotal: total)
        holding.bytesPerSecond = try line.signed("bytes a second")
        return holding
    }
}
