// SPDX-License-Identifier: Apache-2.0

import APITypes
import Hummingbird
import HummingbirdCore
import Model

/// What operators see and say of a cluster.
extension APIResponder {
    func showCluster(_ exchange: APIExchange) async throws -> Response {
        var report = await calls.cluster.show()
        report.judge()
        return try .json(report)
    }

    func handOver(_ exchange: APIExchange) async throws -> Response {
        let node = try await exchange.body(HolderRequest.self).node
        guard !node.isEmpty else {
            throw Problem.invalid([
                FieldError(field: "node", message: "is empty", hint: "name the node that is to be up to bat")
            ])
        }
        return try .json(try await calls.cluster.handOver(exchange.parameter("network"), node).get())
    }

    /// Rehearses a fault, but never when it would be felt, unless the caller insists.
    func drill(_ exchange: APIExchange) async throws -> Response {
        let request = try await exchange.body(DrillRequest.self)
        if request.force != true {
            var report = await calls.cluster.show()
            report.judge()
            guard report.ready.safe || report.nodes.count < 2 else {
                throw Problem(
                    title: "not safe", status: 409,
                    detail: "a failure right now would be felt: " + report.ready.reasons.joined(separator: "; "))
            }
        }
        return try .json(try await calls.cluster.drill(exchange.parameter("network"), request).get())
    }

    func drillEnded(_ exchange: APIExchange) async throws -> Response {
        let outcome = try await exchange.body(DrillOutcome.self)
        try await calls.cluster.drillEnded(exchange.parameter("network"), outcome).get()
        return Response(status: .noContent)
    }

    func drainNode(_ exchange: APIExchange) async throws -> Response {
        let drain = try await exchange.body(DrainRequest.self).drain
        return try .json(try await calls.cluster.drain(exchange.parameter("node"), drain).get())
    }

    func acceptRestored(_ exchange: APIExchange) async throws -> Response {
        try .json(try await calls.cluster.acceptRestored().get())
    }

    func showWindow(_ exchange: APIExchange) async throws -> Response {
        try .json(await calls.cluster.window(try exchange.outageSeconds()))
    }
}

extension APIExchange {
    /// `outageSeconds`, or what counts where nobody says.
    func outageSeconds() throws(Problem) -> UInt32 {
        guard let text = target["outageSeconds"] else { return Limits.outageSecondsDefault }
        guard let seconds = UInt32(text), (1...Limits.outageSecondsMax).contains(seconds) else {
            throw .badRequest("outageSeconds takes a number of seconds from 1 to \(Limits.outageSecondsMax)")
        }
        return seconds
    }
}
