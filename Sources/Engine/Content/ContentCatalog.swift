// SPDX-License-Identifier: Apache-2.0

import Decisions
import Glibc
import Model

/// The content sets of this node: names, and the directories that stand behind them, tried in order.
public final class ContentCatalog: Sendable {
    /// One directory of a content set.
    public struct Source: Hashable, Sendable {
        public var path: String
        /// The only names, relative to the directory, that it lends; nil: all that it has.
        public var only: Set<String>?

        public init(path: String, only: Set<String>? = nil) {
            self.path = path
            self.only = only
        }
    }

    public enum Content: Sendable {
        case file(OpenFile, contentType: String)
        /// Nobody has it: a 404.
        case missing(reason: String)
        /// It is there and cannot be read: the operator's fault, a 500.
        case unreadable(reason: String)

        public var file: OpenFile? {
            if case .file(let file, _) = self { file } else { nil }
        }
    }

    private let sets: [String: [Source]]

    /// Directories are opened anew for each file: they may be mounted, replaced or linked elsewhere at any time.
    public init(sets: [String: [Source]]) { self.sets = sets }

    /// Opens "SET/PATH".
    public func open(name: String) -> Content {
        do {
            return open(try ContentPath(name))
        } catch {
            return .missing(reason: error.sentence)
        }
    }

    public func open(_ name: ContentPath) -> Content {
        guard let sources = sets[name.set] else { return .missing(reason: "there is no content set \"\(name.set)\"") }
        let path = name.path
        guard !path.isEmpty else { return .missing(reason: ContentPath.Refusal.noSet.sentence) }
        var unreadable: String?
        for source in sources where source.only?.contains(path) ?? true {
            guard let directory = ContentDirectory(path: source.path) else { continue }
            do throws(ContentDirectory.OpenFailure) {
                return .file(try directory.open(path), contentType: ContentType.of(path))
            } catch {
                guard case .unreadable(let code) = error else { continue }
                unreadable = unreadable ?? "\(source.path)/\(path): \(String(cString: strerror(code)))"
            }
        }
        if let unreadable { return .unreadable(reason: unreadable) }
        return .missing(reason: "the content set \"\(name.set)\" has no \"\(path)\"")
    }

    /// Which of the loaders that clients may need are here now.
    public func availableLoaders() -> Set<String> {
        ClientArchitecture.everyLoader.filter { open(name: $0).file != nil }
    }
}
