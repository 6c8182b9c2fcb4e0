// SPDX-License-Identifier: Apache-2.0

/// An error answer of the API: application/problem+json (RFC 9457).
public struct Problem: Error, Codable, Hashable, Sendable {
    public static let mediaType = "application/problem+json"

    /// "about:blank" where the status says it all.
    public var type: String
    public var title: String
    /// The HTTP status.
    public var status: Int
    public var detail: String?
    /// What is wrong, field by field; an extension member.
    public var errors: [FieldError]?

    public init(
        type: String = "about:blank", title: String, status: Int, detail: String? = nil, errors: [FieldError]? = nil
    ) {
        self.type = type
        self.title = title
        self.status = status
        self.detail = detail
        self.errors = errors
    }

    /// 422: the body was understood but is not a valid site or object.
    public static func invalid(_ errors: [FieldError]) -> Problem {
        let detail = errors.count == 1 ? "1 error; nothing was changed" : "\(errors.count) errors; nothing was changed"
        return Problem(title: "not valid", status: 422, detail: detail, errors: errors)
    }
}
