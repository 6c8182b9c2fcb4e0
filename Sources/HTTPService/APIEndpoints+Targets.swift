// SPDX-License-Identifier: Apache-2.0

import APITypes
import Hummingbird
import HummingbirdCore

/// Next-boot targets: where clients are sent.
extension APIResponder {
    func showTargets(_ exchange: APIExchange) async throws -> Response {
        try .json(try await calls.targets.show(exchange.target["network"], try exchange.mac()).get())
    }

    func drainTarget(_ exchange: APIExchange) async throws -> Response {
        let drain = try await exchange.body(TargetDrainRequest.self).drain
        return try .json(try await calls.targets.drain(exchange.parameter("node"), drain).get())
    }
}
