// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// SplitMix64: the same seed always makes the same site.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func chance() -> Bool { next() & 1 == 0 }
    mutating func one<T>(of values: [T]) -> T { values[number(0...values.count - 1)] }
    mutating func octets(_ count: ClosedRange<Int>) -> [UInt8] {
        (0..<number(count)).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func name() -> String {
        let letters = Array("abcXYZ019")
        let rest = Array("abcXYZ019._-")
        return String(one(of: letters)) + String((0..<number(0...12)).map { _ in one(of: rest) })
    }

    /// Texts that are likely to be taken for something else.
    mutating func text() -> String {
        one(of: [
            "", "plain", "two words", "true", "null", "~", "12", "007", "1e3", "1.10", "52:54:00:12:34:56", "yes",
            "- dash", "# hash", "a # b", "a: b", "key:", "{{url.answers}}", "[x]", "\"quoted\"", "it's", "a,b",
            "tab\there", "ends with blank ", " begins with blank", "line\nline", "line\nline\n", "\n\nlines\n\n",
            "  indented\nlines\n", "\u{1f600} ü \u{85}", "null\u{0}byte", "back\\slash", "2026-01-31", "0x1f", "*a",
            "&a", "!tag", "%percent", "@at", "`tick", "?", "-", "|", ">", "carriage\r\nreturn", "<<", "=",
        ])
    }

    mutating func parameter(depth: Int = 0) -> ParameterValue {
        switch number(0...(depth < 3 ? 4 : 2)) {
        case 0: .string(text())
        case 1: .integer(one(of: [0, 1, -1, 42, .max, .min]))
        case 2: .boolean(chance())
        case 3: .list((0..<number(0...3)).map { _ in parameter(depth: depth + 1) })
        default: .map(parameters(depth: depth + 1))
        }
    }

    mutating func parameters(depth: Int = 0) -> Parameters {
        var parameters: Parameters = [:]
        for _ in 0..<number(0...3) {
            parameters[one(of: ["a", "b-c", "d_e", "7", "true", "null", "F"])] = parameter(depth: depth)
        }
        return parameters
    }

    mutating func address() -> IPv4Address { IPv4Address(bits: 0x0a40_0000 | UInt32(number(1...0xfffe))) }
    mutating func range() -> IPv4Range {
        let (a, b) = (address(), address())
        return chance() ? IPv4Range(first: a, last: a) : IPv4Range(first: min(a, b), last: max(a, b))
    }
    mutating func mac() -> MACAddress { MACAddress(bits: UInt64(number(1...0xffff_ffff)) | 0x5254_0000_0000) }
    mutating func uuid() -> MachineUUID { MachineUUID(high: next() | 1, low: next() & ~1) }

    mutating func options() -> [OptionSetting] {
        var options: [UInt8: [UInt8]] = [:]
        for _ in 0..<number(0...4) {
            options[one(of: [3, 6, 15, 42, 43, 66, 67, 119, 121, 150, 200, 224])] = octets(1...12)
        }
        return options.sorted { $0.key < $1.key }.map { OptionSetting(code: $0.key, value: $0.value) }
    }

    mutating func network() -> Network {
        var network = Network(name: name())
        network.mode = one(of: NetworkMode.allCases)
        network.interface = chance() ? one(of: ["eth0", "en1.7", "br-lab"]) : nil
        network.leaseSeconds = UInt32(number(60...1_000_000))
        network.leaseSecondsMax = network.leaseSeconds + UInt32(chance() ? 0 : number(1...100_000))
        network.reserveSeconds = chance() ? UInt32(number(0...1_000_000)) : nil
        network.preferredNodes = Array(Set((0..<number(0...3)).map { _ in name() })).sorted()
        network.authoritative = chance()
        network.identity = one(of: IdentityRule.allCases)
        network.unknown = one(of: [.ignore, .lease, .environment(name())])
        network.probe = chance()
        network.virtualAddress = chance() ? address() : nil
        network.serverIdentity = one(of: [.node, .vip, .address(address())])
        network.bootServer = chance() ? address() : nil
        network.location = chance() ? name() : nil
        network.endpoints = endpoints()
        network.compatibility = Set(Compatibility.allCases.filter { _ in chance() })
        network.options = options()
        network.parameters = parameters()
        for _ in 0..<number(0...3) {
            var subnet = Subnet(subnet: IPv4Subnet(containing: address(), prefixLength: number(8...32)))
            subnet.pools = (0..<number(0...3)).map { _ in range() }
            subnet.exclusions = (0..<number(0...2)).map { _ in range() }
            subnet.relays = (0..<number(0...2)).map { _ in address() }
            subnet.options = options()
            network.subnets.append(subnet)
        }
        return network
    }

    mutating func reservation() -> Reservation {
        let identity: ClientIdentity = one(of: [
            .mac(mac()), .clientIdentifier(octets(1...20)), .uuid(uuid()), .circuit(octets(1...9)),
            .circuit(Array("port 7".utf8)), .circuit(Array("hex:01".utf8)), .circuit(Array("42".utf8)),
        ])
        var reservation = Reservation(network: name(), address: address(), identity: identity)
        reservation.hostname = chance() ? one(of: ["web1", "web1.lab.example", "42", "true"]) : ""
        reservation.options = options()
        return reservation
    }

    mutating func machine() -> Machine {
        var machine = Machine(name: name())
        machine.macs = Array(Set((0..<number(0...3)).map { _ in mac() })).sorted()
        machine.uuid = chance() ? uuid() : nil
        machine.profiles = Array(Set((0..<number(0...3)).map { _ in name() })).sorted()
        machine.intent = one(of: [.local, .hold, .install(environment: name()), .always(environment: name())])
        machine.parameters = parameters()
        return machine
    }

    mutating func environment() -> BootEnvironment {
        var files: [Architecture: BootEnvironment.Files] = [:]
        for architecture in Architecture.allCases where chance() || files.isEmpty {
            files[architecture] = BootEnvironment.Files(kernel: "set/\(name())")
            files[architecture]?.initrds = (0..<number(0...2)).map { _ in "set/\(name())" }
            files[architecture]?.arguments = text()
        }
        let kind: BootEnvironment.Kind = one(of: [.kernel(files), .script(template: name()), .local, .shell])
        var environment = BootEnvironment(name: "e" + name(), kind: kind)
        environment.summary = text()
        for _ in 0..<number(0...2) { environment.answers[name()] = name() }
        environment.parameters = parameters()
        return environment
    }

    mutating func endpoints() -> [EndpointChoice] {
        let urls = ["http://boot.example", "http://10.64.0.9:8080", "https://b-1.example/boot/files", "http://b:1"]
        return (urls.map { .url($0) } + [.nodes]).filter { _ in number(0...2) == 0 }.shuffled(using: &self)
    }

    mutating func location() -> Location {
        var location = Location(name: name())
        location.nodes = Array(Set((0..<number(0...3)).map { _ in name() })).shuffled(using: &self)
        location.endpoints = endpoints()
        location.isOrigin = chance()
        location.bytesPerSecondMax = chance() ? one(of: [1, 999, 1_000, 1 << 20, 50_000_000, 1 << 40, .max]) : nil
        for _ in 0..<number(0...2) {
            let from = number(0...1_440)
            let until = number(0...1_440)
            if from != until { location.hours.append(Location.Hours(fromMinute: from, untilMinute: until)) }
        }
        return location
    }

    mutating func image() -> ImagePolicy {
        var image = ImagePolicy(name: name())
        let names = Array(Set((0..<number(1...3)).map { _ in name() })).sorted()
        image.placement = one(of: [
            .everywhere, .copies(number(1...Limits.nodesMax)), .locations(names), .nodes(names), .onDemand, .stream,
            .central(url: "http://mirror.example/images"),
        ])
        return image
    }

    mutating func site() -> Site {
        var site = Site()
        for _ in 0..<number(0...3) { site.set(.location(location())) }
        for _ in 0..<number(0...3) { site.set(.image(image())) }
        for _ in 0..<number(0...4) { site.set(.network(network())) }
        for _ in 0..<number(0...9) { site.set(.reservation(reservation())) }
        for _ in 0..<number(0...4) {
            var profile = Profile(name: name())
            profile.parameters = parameters()
            site.set(.profile(profile))
        }
        for _ in 0..<number(0...4) { site.set(.machine(machine())) }
        for _ in 0..<number(0...4) { site.set(.environment(environment())) }
        for _ in 0..<number(0...6) { site.set(.template(Template(name: name(), text: text()))) }
        site.parameters = parameters()
        return site
    }
}
