// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

extension ServerConfiguration {
    /// Where this node keeps the files of images, and how many that it need not keep.
    public struct ContentStore: Hashable, Sendable {
        /// Nil: "content-store" in the data directory.
        public var path: String?
        /// Bytes of files that were brought in because a machine asked for them (placement on-demand); those that were
        /// used least recently go first. What a placement puts on this node does not count.
        public var cacheBytesMax = Limits.contentCacheBytesDefault
        /// Authorities in PEM, besides the system's, that sign the certificates of the web servers images come from.
        public var caFile: String?
        public init() {}
    }

    public var contentStorePath: String { contentStore.path ?? data + "/content-store" }
}

extension ServerConfiguration.ContentStore {
    private static let advice = [
        "directory": "did you mean 'path'?", "size": "did you mean 'cache'?", "limit": "did you mean 'cache'?",
        "tls": "did you mean 'ca'?", "proxy": "set https_proxy in the environment of the service",
        "rate": "it belongs to a location of the site: ondeck set location NAME rate=50M",
        "hours": "it belongs to a location of the site: ondeck set location NAME hours=[22:00-06:00]",
    ]

    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["path", "cache", "ca"], advice: Self.advice) else { return nil }
        fields.read("path", into: &path) { $0.path() }
        fields.read("ca", into: &caFile) { $0.path() }
        fields.read("cache", into: &cacheBytesMax) { $0.cacheBytes() }
    }
}

extension FieldReader {
    fileprivate func cacheBytes() -> Int64? {
        guard let bytes = bytes() else { return nil }
        let allowed = Limits.contentCacheBytesMin...Limits.contentCacheBytesMax
        guard allowed.contains(bytes) else {
            let (least, most) = (ByteCount.text(allowed.lowerBound), ByteCount.text(allowed.upperBound))
            fail("\(ByteCount.text(bytes)) is not within \(least) to \(most)")
            return nil
        }
        return bytes
    }
}
