// SPDX-License-Identifier: Apache-2.0

/// How an option's value is written by operators and laid out in octets.
public enum OptionKind: Hashable, Sendable {
    /// One address: 10.0.0.1
    case ipv4
    /// One address or more
    case ipv4List
    /// Two addresses an item: "10.0.0.1 10.0.0.2" (destination and router, or address and mask)
    case ipv4Pairs
    case uint8, uint16, uint32, int32
    case uint8List, uint16List
    /// true or false
    case boolean
    /// Printable ASCII, without a terminating NUL
    case text
    /// A domain name, sent as it is written
    case domainName
    /// A domain name in the encoding of RFC 1035 3.1
    case encodedDomainName
    /// Domain names in that encoding
    case encodedDomainNames
    /// The same with the compression of RFC 1035 4.1.4, as RFC 3397 demands
    case searchList
    /// RFC 3442: "10.0.0.0/8 10.1.1.1"
    case classlessRoutes
    /// Hex digits: "hex:01ff", "01:ff"
    case bytes
    /// Of an option that is not in the table: "hex:01ff", or text
    case unknown
}

/// Why a setting cannot be an option.
public struct OptionValueError: Error, Hashable, Sendable {
    /// What was expected, and what was found instead.
    public var message: String
    /// What to write.
    public var hint: String

    public init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// What is known about one option: its number, its name, how its value is written, and whether it may be set.
public struct OptionDefinition: Hashable, Sendable {
    public let code: DHCPOptionCode
    /// The name that operators write: IANA's words in kebab case, as Kea has them. "option-224" for unknown ones.
    public let name: String
    public let kind: OptionKind
    /// Why this option cannot be a setting, as a sentence with what to use instead; nil when it can.
    public let refusal: String?

    init(_ number: UInt8, _ name: String, _ kind: OptionKind, refusal: String? = nil) {
        code = DHCPOptionCode(rawValue: number)
        self.name = name
        self.kind = kind
        self.refusal = refusal
    }

    /// The definition of any number; one that the table does not hold is of kind `unknown`.
    public static func of(_ code: DHCPOptionCode) -> OptionDefinition {
        if let index = indexByNumber[Int(code.rawValue)] { return table[index] }
        return OptionDefinition(code.rawValue, "option-\(code.rawValue)", .unknown)
    }

    /// By name ("routers", "option-224") or by number ("3"); nil when there is no such option.
    public static func find(_ text: some StringProtocol) -> OptionDefinition? {
        if let number = UInt8(text) { return of(DHCPOptionCode(rawValue: number)) }
        if text.hasPrefix("option-"), let number = UInt8(text.dropFirst("option-".count)) {
            return of(DHCPOptionCode(rawValue: number))
        }
        return indexByName[String(text)].map { table[$0] }
    }

    /// The option that a key of an operator's `options` names. Throws when there is none - with the nearest name -
    /// and when it is one that the server itself controls.
    public static func setting(_ key: some StringProtocol) throws(OptionValueError) -> OptionDefinition {
        guard let found = find(key) else {
            let meant = otherNames[key.lowercased()] ?? nearest(to: key)?.name
            let suggestion = meant.map { "did you mean '\($0)'?" }
            throw OptionValueError(
                "there is no DHCP option '\(key.prefix(shownCharactersMax))'",
                hint: suggestion ?? "any option can be given by its number, 1 to 254")
        }
        if let refusal = found.refusal {
            throw OptionValueError(
                "option \(found.code.rawValue) (\(found.name)) cannot be set", hint: refusal)
        }
        return found
    }

    /// What other servers, and people, call them.
    static let otherNames: [String: String] = [
        "dns": "domain-name-servers", "dns-server": "domain-name-servers", "dns-servers": "domain-name-servers",
        "nameserver": "domain-name-servers", "nameservers": "domain-name-servers",
        "name-server": "domain-name-servers", "router": "routers", "gateway": "routers", "gateways": "routers",
        "default-gateway": "routers", "gw": "routers", "ntp": "ntp-servers", "ntp-server": "ntp-servers",
        "time-server": "ntp-servers", "domain": "domain-name", "search": "domain-search",
        "search-domain": "domain-search", "search-domains": "domain-search", "mtu": "interface-mtu",
        "routes": "classless-static-route", "syslog": "log-servers",
        "netmask": "subnet-mask", "broadcast": "broadcast-address",
    ]

    /// The known name that takes the fewest edits to reach from a misspelt one: two at most, and not half of the word.
    public static func nearest(to text: some StringProtocol) -> OptionDefinition? {
        let typed = Array(text.lowercased().utf8)
        guard typed.count <= shownCharactersMax else { return nil }
        var best: (definition: OptionDefinition, distance: Int)?
        let most = min(2, (typed.count - 1) / 2)
        for definition in table {
            let distance = editDistance(typed, Array(definition.name.utf8))
            if distance <= most, distance < best?.distance ?? .max { best = (definition, distance) }
        }
        return best?.definition
    }

    /// How much of what somebody typed stands in an error message.
    static let shownCharactersMax = 64

    private static let indexByNumber: [Int?] = {
        var indices = [Int?](repeating: nil, count: 256)
        for (index, definition) in table.enumerated() { indices[Int(definition.code.rawValue)] = index }
        return indices
    }()

    private static let indexByName: [String: Int] = Dictionary(
        table.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })

    /// Levenshtein's distance: insertions, deletions and substitutions.
    private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard abs(a.count - b.count) <= 2 else { return .max }
        var row = Array(0...b.count)
        for (i, byte) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let substituted = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
