// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// What of an object is worth a column. Fields that are not there have their default.
enum ObjectTable {
    static func table(_ kind: ObjectKind, _ objects: [ObjectReport]) -> Table {
        var table = Table(header(kind))
        table.rows = kind == .parameters ? objects.flatMap(parameters) : objects.map { row(kind, $0) }
        return table
    }

    private static func header(_ kind: ObjectKind) -> [String] {
        switch kind {
        case .location: ["NAME", "NODES", "ENDPOINTS", "ORIGIN"]
        case .network: ["NAME", "MODE", "SUBNETS", "POOLS", "LEASE", "UNKNOWN", "INTERFACE", "VIP"]
        case .reservation: ["NETWORK", "ADDRESS", "CLIENT", "HOSTNAME"]
        case .profile: ["NAME", "PARAMETERS"]
        case .machine: ["NAME", "INTENT", "MACS", "PROFILES"]
        case .environment: ["NAME", "BOOTS", "ANSWERS", "SUMMARY"]
        case .template: ["NAME", "LINES"]
        case .image: ["NAME", "PLACEMENT"]
        case .parameters: ["NAME", "VALUE"]
        }
    }

    private static func row(_ kind: ObjectKind, _ object: ObjectReport) -> [String] {
        let fields = object.fields
        func text(_ name: String, default value: String = "") -> String { fields.asMap?[name].map(short) ?? value }
        switch kind {
        case .location:
            return [object.name, text("nodes"), text("endpoints"), text("origin", default: "false")]
        case .image: return [object.name, text("placement", default: "everywhere")]
        case .network:
            let subnets = fields.asMap?["subnets"]?.asList ?? []
            let pools = subnets.flatMap { $0.asMap?["pools"]?.asList ?? [] }
            return [
                object.name, text("mode", default: NetworkMode.dynamic.rawValue),
                subnets.compactMap { $0.asMap?["subnet"]?.asString }.joined(separator: ","),
                pools.map(short).joined(separator: ","), text("lease", default: "1h"),
                text("unknown", default: "ignore"), text("interface"), text("vip"),
            ]
        case .reservation:
            let name = object.name.split(separator: "/", maxSplits: 1).map(String.init)
            let client = ["mac", "client-id", "uuid", "circuit"].compactMap { key in
                fields.asMap?[key].map { "\(key) \(short($0))" }
            }
            return [name.first ?? "", name.last ?? "", client.first ?? "", text("hostname")]
        case .profile:
            return [object.name, fields.asMap?["parameters"]?.asMap?.keys.joined(separator: ",") ?? ""]
        case .machine:
            return [object.name, text("intent", default: BootIntent.local.description), text("macs"), text("profiles")]
        case .environment:
            let answers = fields.asMap?["answers"]?.asMap?.keys.joined(separator: ",") ?? ""
            return [object.name, boots(fields), answers, text("summary")]
        case .template:
            let text = fields.asString ?? fields.asMap?["text"]?.asString ?? ""
            return [object.name, String(text.split(separator: "\n", omittingEmptySubsequences: false).count)]
        case .parameters:
            return []
        }
    }

    private static func boots(_ fields: FieldValue) -> String {
        guard let map = fields.asMap else { return "" }
        if let kernel = map["kernel"]?.asMap { return "kernel (\(kernel.keys.joined(separator: ",")))" }
        if let script = map["script"]?.asString { return "script \(script)" }
        return ["local", "shell"].first { map[$0] != nil } ?? ""
    }

    private static func parameters(_ object: ObjectReport) -> [[String]] {
        (object.fields.asMap?.entries ?? []).map { [$0.key, short($0.value)] }
    }

    private static func short(_ value: FieldValue) -> String {
        switch value.content {
        case .string(let text): text
        case .list(let values): values.map(short).joined(separator: ",")
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .map(let map): "{\(map.keys.joined(separator: ","))}"
        case .null: ""
        }
    }
}
