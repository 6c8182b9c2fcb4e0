// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// A site file: what was read, where each value stands, and the objects it describes.
public struct SiteFile: Sendable {
    /// The path as given; "-" is the standard input.
    public var path: String
    /// To be sent to the API as it is.
    public var document: FieldValue
    public var objects: [SiteObject]

    /// Reads and checks a site file. Every error of the file is in the thrown lines.
    public static func load(path: String) throws(FileErrors) -> SiteFile {
        try parse(TextFile.read(path: path), path: path)
    }

    /// The same for text that is already there.
    public static func parse(_ text: String, path: String) throws(FileErrors) -> SiteFile {
        let document = try YAMLSource.parse(text, file: TextFile.name(path))
        do {
            return SiteFile(path: path, document: document, objects: try SiteDocument.read(document))
        } catch {
            throw FileErrors(error.errors.map { $0.description(file: TextFile.name(path)) })
        }
    }

    /// An API's errors or warnings as "site.yaml:12:5: networks.rack1.lease: message (hint)" lines.
    public func lines(for errors: [FieldError]) -> [String] {
        let locator = FieldLocator(document)
        return errors.map { error in
            var located = error
            if !error.field.isEmpty { located.position = error.position ?? locator.position(of: error.field) }
            return located.description(file: TextFile.name(path))
        }
    }
}
