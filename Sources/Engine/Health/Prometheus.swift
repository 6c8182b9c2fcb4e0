// SPDX-License-Identifier: Apache-2.0

/// The text exposition format of Prometheus, version 0.0.4. (swift-metrics would need a backend that is not among our
/// packages; the numbers are counters of our own either way.)
public enum Prometheus {
    public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    /// One block a name: help and type come once, before its values.
    public static func text(_ metrics: [Metric]) -> String {
        var names: [String] = []
        var byName: [String: [Metric]] = [:]
        for metric in metrics {
            if byName[metric.name] == nil { names.append(metric.name) }
            byName[metric.name, default: []].append(metric)
        }
        var text = ""
        for name in names {
            guard let list = byName[name], let first = list.first else { continue }
            text += "# HELP \(name) \(first.help)\n# TYPE \(name) \(first.isCounter ? "counter" : "gauge")\n"
            for metric in list { text += name + labels(metric.labels) + " " + number(metric.value) + "\n" }
        }
        return text
    }

    private static func labels(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { out, character in
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.append(character)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
