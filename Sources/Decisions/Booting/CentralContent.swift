// SPDX-License-Identifier: Apache-2.0

import Model

/// Images that lie in one central place: what is written as a file of ours there becomes the URL of that place.
public struct CentralContent: Hashable, Sendable {
    /// By image.
    public let urls: [String: String]

    public init(_ policies: some Sequence<ImagePolicy>) {
        var urls: [String: String] = [:]
        for policy in policies {
            if case .central(let url) = policy.placement { urls[policy.name] = url }
        }
        self.urls = urls
    }

    /// A content name as it is, or a URL.
    public func place(_ file: String) -> String {
        guard !urls.isEmpty, !file.contains("://"), let slash = file.firstIndex(of: "/"),
            let url = urls[String(file[..<slash])]
        else { return file }
        return url + file[slash...]
    }

    /// The text, with "BASE/IMAGE" replaced wherever it is a whole word of a path.
    public func place(in text: String, bases: [String]) -> String {
        guard !urls.isEmpty else { return text }
        var text = text
        for (image, url) in urls.sorted(by: { $0.key < $1.key }) {
            for base in bases { text = Self.replace("\(base)/\(image)", with: url, in: text) }
        }
        return text
    }

    private static func replace(_ place: String, with url: String, in text: String) -> String {
        var result: [UInt8] = []
        let (bytes, wanted) = (Array(text.utf8), Array(place.utf8))
        var index = 0
        while index < bytes.count {
            let end = index + wanted.count
            let isHere = end <= bytes.count && bytes[index..<end].elementsEqual(wanted)
            if isHere, end == bytes.count || !isNameByte(bytes[end]) {
                result += url.utf8
                index = end
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What would make it the name of another image.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
