// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Wire

let webMAC = MACAddress("52:54:00:12:34:56")!
let endpoint = BootEndpoint(address: IPv4Address(10, 64, 0, 1), httpPort: 8080)
let webPaths = BootPaths(endpoint: endpoint, mac: webMAC)
/// What Debian's packages bring.
let debianLoaders: Set<String> = ["ipxe/undionly.kpxe", "ipxe/ipxe.pxe", "ipxe/snponly.efi", "ipxe/ipxe.efi"]

/// A DISCOVER of such a client.
func request(_ client: SampleClient, mac: MACAddress = webMAC) -> DHCPRequest {
    request(client.options, mac: mac)
}

func request(_ options: DHCPOptions, mac: MACAddress = webMAC) -> DHCPRequest {
    var request = DHCPRequest(hardware: ClientHardware(mac: mac))
    request.messageType = .discover
    request.options = options
    return request
}

func environment(_ architectures: Architecture...) -> BootEnvironment {
    let files = architectures.map { ($0, BootEnvironment.Files(kernel: "os/\($0.rawValue)/linux")) }
    return BootEnvironment(name: "os", kind: .kernel(Dictionary(uniqueKeysWithValues: files)))
}

func question(
    _ request: DHCPRequest, exchange: BootExchange = .lease,
    permission: BootPermission = .boot(environment: "os", once: true), network: Network = Network(name: "rack1"),
    environment: BootEnvironment? = environment(.x64, .arm64), loaders: Set<String> = debianLoaders
) -> BootQuestion {
    BootQuestion(
        request: request, exchange: exchange, permission: permission, network: network, environment: environment,
        endpoint: endpoint, loaders: loaders)
}

func decide(_ question: BootQuestion) -> BootAnswer {
    var silent: [BootStep]?
    return BootDecision.decide(question, trace: &silent)
}

/// Why there is no boot file; nil when there is one.
func refusal(_ question: BootQuestion) -> NoBoot? {
    if case .none(let reason) = decide(question) { reason } else { nil }
}

/// The answer as the reply shows it: "siaddr file", and a line for each option that the boot decision added.
func transcript(_ question: BootQuestion) -> [String] {
    var reply = DHCPReply(to: question.request, type: .offer)
    let answer = decide(question)
    switch answer {
    case .none(let reason): return ["none: \(reason)"]
    case .loader, .script: answer.reply?.apply(to: &reply)
    }
    var lines = ["\(reply.nextServer) \(String(decoding: reply.bootFile, as: UTF8.self))"]
    for (code, value) in reply.options {
        let isText = value.allSatisfy { (0x20..<0x7f).contains($0) } && !value.isEmpty
        lines.append("\(code.rawValue) \(isText ? String(decoding: value, as: UTF8.self) : hexText(value))")
    }
    return lines
}

/// The same numbers in every run (splitmix64).
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
}
