// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct ParameterResolutionTests {
    private func profile(_ name: String, _ parameters: Parameters) -> Profile {
        var profile = Profile(name: name)
        profile.parameters = parameters
        return profile
    }

    @Test func theOrderOfSources() throws {
        var machine = Machine(name: "web1")
        machine.parameters = ["a": .integer(1)]
        var network = Network(name: "rack1")
        network.parameters = ["a": .integer(4), "b": .integer(4), "c": .integer(4), "d": .integer(4)]
        var environment = BootEnvironment(name: "os", kind: .shell)
        environment.parameters = Dictionary(uniqueKeysWithValues: "abcdef".map { (String($0), .integer(6)) })
        let resolution = ParameterResolution(
            machine: machine,
            profiles: [
                profile("web", ["a": .integer(2), "b": .integer(2)]),
                profile("base", ["a": .integer(3), "b": .integer(3), "c": .integer(3)]),
            ],
            network: network, global: ["a": .integer(5), "e": .integer(5)], environment: environment)
        #expect(
            resolution.list.map { "\($0.name) \($0.winner.value) from \($0.winner.source)" } == [
                "a integer(1) from machine web1", "b integer(2) from profile web", "c integer(3) from profile base",
                "d integer(4) from network rack1", "e integer(5) from parameters", "f integer(6) from environment os",
            ])
        let losers = try #require(resolution.parameters["a"]).overridden
        #expect(
            losers.map { "\($0.source)" } == [
                "profile web", "profile base", "network rack1", "parameters", "environment os",
            ])
        #expect(resolution.values["b"] == .integer(2))
    }
}

@Suite struct TemplateContextTests {
    private func subject() -> BootSubject {
        var subject = BootSubject(mac: webMAC, endpoint: endpoint)
        var network = Network(name: "rack1")
        network.subnets = [Subnet(subnet: IPv4Subnet("10.64.0.0/24")!), Subnet(subnet: IPv4Subnet("10.65.0.0/16")!)]
        network.subnets[1].options = [OptionSetting(code: 3, value: [10, 65, 0, 254])]
        network.options = [
            OptionSetting(code: 3, value: [10, 64, 0, 254]),
            OptionSetting(code: 6, value: [10, 64, 0, 1, 10, 64, 0, 2]),
            OptionSetting(code: 15, value: Array("lab.example".utf8)),
        ]
        network.parameters = ["url": .string("mine"), "disk": .string("/dev/sda")]
        subject.network = network
        subject.address = IPv4Address(10, 65, 0, 20)
        subject.machine = Machine(name: "web1")
        subject.machine?.uuid = MachineUUID("11223344-5566-7788-99aa-bbccddeeff00")
        return subject
    }

    private func map(_ name: String, _ subject: BootSubject) -> Parameters {
        let context = TemplateContext(subject, environment: BootEnvironment(name: "os", kind: .shell))
        if case .map(let map) = context.values[name] { return map }
        return [:]
    }

    @Test func machine() {
        #expect(
            map("machine", subject()) == [
                "mac": .string("52:54:00:12:34:56"), "name": .string("web1"), "hostname": .string("web1"),
                "address": .string("10.65.0.20"), "uuid": .string("11223344-5566-7788-99aa-bbccddeeff00"),
            ])
        var reserved = subject()
        reserved.hostname = "www"
        #expect(map("machine", reserved)["hostname"] == .string("www"))
        let unknown = BootSubject(mac: webMAC, endpoint: endpoint)
        #expect(map("machine", unknown) == ["mac": .string("52:54:00:12:34:56")])
        #expect(map("network", unknown).isEmpty)
    }

    @Test func networkAndSubnet() {
        #expect(
            map("network", subject()) == [
                "name": .string("rack1"), "subnet": .string("10.65.0.0/16"), "netmask": .string("255.255.0.0"),
                "prefix": .integer(16), "gateway": .string("10.65.0.254"), "nameserver": .string("10.64.0.1"),
                "dns": .string("10.64.0.1 10.64.0.2"),
                "dnsServers": .list([.string("10.64.0.1"), .string("10.64.0.2")]), "domain": .string("lab.example"),
            ])
        var nowhere = subject()
        nowhere.address = nil
        #expect(map("network", nowhere)["netmask"] == nil)
        #expect(map("network", nowhere)["gateway"] == .string("10.64.0.254"))
    }

    @Test func urls() {
        #expect(
            map("url", subject()) == [
                "base": .string("http://10.64.0.1:8080"), "content": .string("http://10.64.0.1:8080"),
                "script": .string("http://10.64.0.1:8080/b/52-54-00-12-34-56"),
                "answers": .string("http://10.64.0.1:8080/b/52-54-00-12-34-56/a"),
                "done": .string("http://10.64.0.1:8080/b/52-54-00-12-34-56/done"),
                "progress": .string("http://10.64.0.1:8080/b/52-54-00-12-34-56/p"),
                "bases": .list([.string("http://10.64.0.1:8080")]),
                "path": .string("b/52-54-00-12-34-56"), "scriptPath": .string("b/52-54-00-12-34-56"),
            ])
    }

    /// Kernel arguments follow the base that works; other texts name the first, and all of them in a list.
    @Test func urlsWithTokens() {
        var subject = subject()
        subject.endpoint.bases = ["http://boot.example", "http://10.64.0.2:8080"]
        (subject.token, subject.stageToken) = ("boottokenboottk", "stagetokenstage")
        let environment = BootEnvironment(name: "os", kind: .shell)
        let text = map("url", subject)
        #expect(text["script"] == .string("http://boot.example/b/52-54-00-12-34-56.boottokenboottk"))
        #expect(text["answers"] == .string("http://boot.example/b/52-54-00-12-34-56.stagetokenstage/a"))
        #expect(text["bases"] == .list([.string("http://boot.example"), .string("http://10.64.0.2:8080")]))
        #expect(text["path"] == .string("b/52-54-00-12-34-56.stagetokenstage"))
        guard
            case .map(let arguments)? = TemplateContext(subject, environment: environment, for: .kernelArguments)
                .values["url"]
        else {
            Issue.record("no url")
            return
        }
        #expect(arguments["answers"] == .string("${base}/b/52-54-00-12-34-56.stagetokenstage/a"))
        #expect(arguments["content"] == .string("${base}"))
        #expect(arguments["bases"] == text["bases"])
    }

    @Test func parametersCannotHideFacts() {
        let context = TemplateContext(subject(), environment: BootEnvironment(name: "os", kind: .shell))
        #expect(context.values["disk"] == .string("/dev/sda"))
        #expect(context.values["url"] != .string("mine"))
        #expect(TemplateContext.reservedNames.isSubset(of: context.values.keys))
    }
}
