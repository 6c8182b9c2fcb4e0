// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model
import NIOCore

/// What the API asks about content. Composition fills it.
public struct ContentCalls: Sendable {
    /// A file on its way to a node, for an image that will be made of it.
    public struct Upload: Hashable, Sendable {
        /// A valid name.
        public var image: String
        /// A plain file name: no slash, no leading dot, no control characters.
        public var file: String
        /// The whole file's size, more than 0.
        public var total: Int64
        /// Of the whole file; nil: the client does not say.
        public var sha256: Digest?
        public init(image: String, file: String, total: Int64, sha256: Digest? = nil) {
            self.image = image
            self.file = file
            self.total = total
            self.sha256 = sha256
        }
    }

    /// A part's bytes as they come in; the next is read from the connection when it is asked for. Ends with an error
    /// when the client goes away: what has come before is kept, for the client to go on there.
    public typealias Body = any AsyncSequence<ByteBuffer, any Error> & Sendable

    /// By name.
    public var list: @Sendable () async -> [ImageReport]
    /// With its files. Nil: there is neither an image nor a policy of this name.
    public var show: @Sendable (_ name: String) async -> ImageReport?
    /// Forgets an image, and ends an import of it. Answers with what it was, when that is in the store. 404: there is
    /// none.
    public var remove: @Sendable (_ name: String) async -> Result<ImageReport, Problem>
    /// Begins an import, and answers when that is in the store. The request names one source, and a valid `sha256`.
    /// 409: another import of this image is running, or the upload is not here in full.
    public var startImport: @Sendable (_ name: String, ImportRequest) async -> Result<ImportReport, Problem>
    /// How much of a file is here; none is a report, too.
    public var uploaded: @Sendable (Upload) async -> Result<UploadReport, Problem>
    /// Takes a part that begins at `offset`. 409 when that is not what has been received: the detail says where to go
    /// on. 507: the disk is full.
    public var upload: @Sendable (Upload, _ offset: Int64, Body) async -> Result<UploadReport, Problem>
    public var places: @Sendable () async -> ContentWhereReport
    public var collectGarbage: @Sendable (_ dryRun: Bool) async -> Result<ContentGarbageReport, Problem>

    public init(
        list: @escaping @Sendable () async -> [ImageReport],
        show: @escaping @Sendable (_ name: String) async -> ImageReport?,
        remove: @escaping @Sendable (_ name: String) async -> Result<ImageReport, Problem>,
        startImport: @escaping @Sendable (_ name: String, ImportRequest) async -> Result<ImportReport, Problem>,
        uploaded: @escaping @Sendable (Upload) async -> Result<UploadReport, Problem>,
        upload: @escaping @Sendable (Upload, _ offset: Int64, Body) async -> Result<UploadReport, Problem>,
        places: @escaping @Sendable () async -> ContentWhereReport,
        collectGarbage: @escaping @Sendable (_ dryRun: Bool) async -> Result<ContentGarbageReport, Problem>
    ) {
        self.list = list
        self.show = show
        self.remove = remove
        self.startImport = startImport
        self.uploaded = uploaded
        self.upload = upload
        self.places = places
        self.collectGarbage = collectGarbage
    }
}
