// SPDX-License-Identifier: Apache-2.0

import Model

/// What an apply did, or would do.
public struct ChangeReport: Codable, Hashable, Sendable {
    public struct Field: Codable, Hashable, Sendable {
        /// Within the object: "subnets[0].pools[1]".
        public var field: String
        /// Canonical; nil: was not there, the default.
        public var old: FieldValue?
        /// Canonical; nil: is not there any more, the default.
        public var new: FieldValue?
        public init(field: String, old: FieldValue?, new: FieldValue?) {
            self.field = field
            self.old = old
            self.new = new
        }
    }

    public struct Object: Codable, Hashable, Sendable {
        public enum Action: String, Codable, Sendable { case created, changed, deleted }
        public var action: Action
        public var kind: String
        public var name: String
        /// For `changed` only.
        public var fields: [Field]
        public init(action: Action, kind: String, name: String, fields: [Field] = []) {
            self.action = action
            self.kind = kind
            self.name = name
            self.fields = fields
        }
    }

    public struct Name: Codable, Hashable, Sendable {
        public var kind: String
        public var name: String
        public init(kind: String, name: String) {
            self.kind = kind
            self.name = name
        }
    }

    /// Whether nothing was written.
    public var dryRun: Bool
    /// The store's revision after the change; nil when nothing was written.
    public var revision: Int64?
    public var changes: [Object]
    /// How many of the document's objects are as they were.
    public var unchanged: Int
    /// Objects of the site that the document does not name and that were left alone.
    public var unnamed: [Name]
    public var warnings: [FieldError]

    public init(
        dryRun: Bool, revision: Int64?, changes: [SiteChange], unchanged: Int, unnamed: [ObjectName],
        warnings: [SiteProblem]
    ) {
        self.dryRun = dryRun
        self.revision = revision
        self.changes = changes.map(Object.init)
        self.unchanged = unchanged
        self.unnamed = unnamed.map { Name(kind: $0.kind.rawValue, name: $0.name) }
        self.warnings = warnings.map { FieldError($0) }
    }
}

extension ChangeReport.Object {
    init(_ change: SiteChange) {
        let name = change.objectName
        switch change {
        case .created: self.init(action: .created, kind: name.kind.rawValue, name: name.name)
        case .deleted: self.init(action: .deleted, kind: name.kind.rawValue, name: name.name)
        case .changed(let old, let new):
            let fields = FieldValue.differences(from: old.fields, to: new.fields)
            self.init(action: .changed, kind: name.kind.rawValue, name: name.name, fields: fields)
        }
    }
}
