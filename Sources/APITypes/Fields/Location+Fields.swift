// SPDX-License-Identifier: Apache-2.0

import Model

extension Location {
    private static let keys = ["nodes", "endpoints", "origin", "rate", "hours"]
    private static let advice = [
        "node": "write a list: nodes: [rack1-a, rack1-b]", "endpoint": "did you mean 'endpoints'?",
        "bandwidth": "did you mean 'rate'?", "networks": "a network names its location: location: berlin",
    ]

    init(name: String, _ reader: FieldReader) {
        self.init(name: name)
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return }
        fields.read("nodes", into: &nodes) { $0.nodes() }
        fields.read("endpoints", into: &endpoints) { $0.endpoints() }
        fields.read("origin", into: &isOrigin) { $0.boolean() }
        fields.read("rate", into: &bytesPerSecondMax) { $0.bytes() }
        fields.read("hours", into: &hours) { $0.list { $0.hours() } }
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("nodes", list: nodes)
        map.write("endpoints", list: endpoints.map(\.word))
        map.write("origin", isOrigin, unless: false)
        map.write("rate", bytesPerSecondMax.map(ByteCount.text))
        map.write("hours", list: hours.map(\.text))
        return .map(map)
    }
}

extension EndpointChoice {
    /// As in a site file: "nodes", or the URL.
    public var word: String {
        switch self {
        case .url(let url): url
        case .nodes: "nodes"
        }
    }
}

extension Location.Hours {
    public var text: String {
        func time(_ minute: Int) -> String {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "\(two(minute / 60)):\(two(minute % 60))"
        }
        return "\(time(fromMinute))-\(time(untilMinute))"
    }
}

extension FieldReader {
    /// Nodes, each once.
    func nodes() -> [String]? {
        guard let nodes = distinct({ $0.name() }) else { return nil }
        guard nodes.count <= Limits.nodesMax else {
            fail("has \(nodes.count) nodes; at most \(Limits.nodesMax) are allowed")
            return nil
        }
        return nodes
    }

    /// Base URLs, and the word "nodes", in an order of preference.
    func endpoints() -> [EndpointChoice]? {
        // By their words: these are what a message quotes.
        guard let endpoints = distinct({ $0.endpoint() }) else { return nil }
        guard endpoints.count <= Limits.endpointsMax else {
            fail("has \(endpoints.count) endpoints; at most \(Limits.endpointsMax) are allowed")
            return nil
        }
        return endpoints.map { $0 == EndpointChoice.nodes.word ? .nodes : .url($0) }
    }

    private func endpoint() -> String? {
        let nodes = EndpointChoice.nodes.word
        return value.asString == nodes ? nodes : baseURL()
    }

    /// "http://boot.example:8080/path": what paths are appended to. Firmware and iPXE speak plain HTTP.
    func baseURL() -> String? {
        let hint = "such as http://boot.example or http://10.64.0.9:8080"
        guard let text = parsed("a base URL", hint: hint, { BaseURL.isValid($0) ? $0 : nil }) else { return nil }
        guard text.utf8.count <= Limits.endpointBytesMax else {
            fail(
                "is \(text.utf8.count) bytes long; at most \(Limits.endpointBytesMax) are allowed",
                hint: "boot URLs are kept short: firmware has little room for them")
            return nil
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// "22:00-06:00", UTC.
    fileprivate func hours() -> Location.Hours? {
        parsed("a time of day", hint: "such as 22:00-06:00 (UTC)") { text in
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(Self.minute)
            guard ends.count == 2, let from = ends[0], let until = ends[1], from != until else { return nil }
            return Location.Hours(fromMinute: from, untilMinute: until)
        }
    }

    private static func minute(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), (0...24).contains(hour), (0...59).contains(minute),
            hour * 60 + minute <= 1_440
        else { return nil }
        return hour * 60 + minute
    }

    /// "50M": bytes, in powers of 1000 or (with "i") of 1024.
    public func bytes() -> Int64? {
        if case .integer(let number) = value.content, number > 0 { return Int64(number) }
        return parsed("a number of bytes", hint: "such as 50M, 2G or 512Ki", ByteCount.parse)
    }
}

/// Numbers of bytes as people write them.
public enum ByteCount {
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
        ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
    ]

    /// Nil for anything but a positive number with one of K, M, G, T, Ki, Mi, Gi, Ti or nothing.
    public static func parse(_ text: String) -> Int64? {
        let unit = units.first { text.hasSuffix($0.suffix) } ?? ("", 1)
        guard let number = Int64(text.dropLast(unit.suffix.count)), number > 0 else { return nil }
        let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit.bytes)
        return isTooLarge ? nil : bytes
    }

    /// The shortest that `parse` reads as the same number.
    public static func text(_ bytes: Int64) -> String {
        let fitting = units.filter { bytes % $0.bytes == 0 && bytes >= $0.bytes }.max { $0.bytes < $1.bytes }
        return fitting.map { "\(bytes / $0.bytes)\($0.suffix)" } ?? "\(bytes)"
    }
}

/// A URL that paths can be appended to.
public enum BaseURL {
    /// "http://" or "https://", a host of letters, digits, dots and hyphens, a port or none, a plain path or none.
    public static func isValid(_ text: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return false }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty,
            parts[0].utf8.allSatisfy({ ObjectNames.isLetterOrDigit($0) || $0 == 0x2d || $0 == 0x2e })
        else { return false }
        if parts.count == 2 {
            guard let port = UInt16(parts[1]), port > 0 else { return false }
        }
        let isPlain = { (byte: UInt8) in
            ObjectNames.isLetterOrDigit(byte) || "-._~/".utf8.contains(byte)
        }
        return rest.dropFirst(authority.count).utf8.allSatisfy(isPlain)
    }
}
