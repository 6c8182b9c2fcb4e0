// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// The API's refusals that are HTTP's business. What is wrong with an object is said where objects are read.
extension Problem {
    static let unauthorized = Problem(
        title: "unauthorized", status: 401,
        detail: "send the token of the server's token file: Authorization: Bearer TOKEN")

    static func notFound(_ detail: String) -> Problem { Problem(title: "not found", status: 404, detail: detail) }

    static func methodNotAllowed(_ allowed: String) -> Problem {
        Problem(title: "method not allowed", status: 405, detail: "this path takes \(allowed)")
    }

    static func badRequest(_ detail: String) -> Problem { Problem(title: "bad request", status: 400, detail: detail) }

    static let bodyTooLarge = Problem(
        title: "body too large", status: 413, detail: "at most \(Limits.requestBodyBytesMax) bytes are taken")

    static let notJSON = Problem(
        title: "unsupported media type", status: 415, detail: "send JSON: Content-Type: application/json")

    static let tagNotRevision = Problem(
        title: "precondition failed", status: 412,
        detail: "If-Match takes the ETag of an earlier answer, such as \"42\"; nothing was changed")

    static let tooManyWatchers = Problem(
        title: "too many watchers", status: 503, detail: "\(Limits.watchersMax) clients are watching already")

    static let failed = Problem(title: "internal error", status: 500, detail: "the server's log says more")
}
