// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Testing

private let mac = MACAddress("52:54:00:12:34:56")!
private let endpoint = BootEndpoint(address: IPv4Address(10, 64, 0, 1), httpPort: 8080)

private func environment(_ name: String, arguments: String, answers: [String: String] = [:]) -> BootEnvironment {
    var files = BootEnvironment.Files(kernel: "os/linux")
    files.arguments = arguments
    var environment = BootEnvironment(name: name, kind: .kernel([.x64: files]))
    environment.answers = answers
    environment.parameters = ["disk": .string("/dev/sda")]
    return environment
}

private func subject(_ machine: Machine? = nil) -> BootSubject {
    var subject = BootSubject(mac: mac, endpoint: endpoint)
    subject.machine = machine
    return subject
}

private func site() -> Site {
    var site = Site()
    site.environments["os"] = environment(
        "os", arguments: "disk={{disk}} url={{url.answers}}/answer", answers: ["answer": "answer"])
    site.templates["answer"] = Template(name: "answer", text: "host {{machine.name}}\ndisk {{disk}}\n")
    site.profiles["fast"] = Profile(name: "fast")
    site.profiles["fast"]?.parameters = ["disk": .string("/dev/nvme0n1")]
    var web = Machine(name: "web1")
    web.profiles = ["gone", "fast"]
    site.machines["web1"] = web
    return site
}

@Suite struct BootLibraryTests {
    private let web = site().machines["web1"]

    @Test func scriptAndAnswerComeFromTheSameValues() throws {
        let library = BootLibrary(site: site())
        let script = try #require(library.script(.boot(environment: "os", once: true), subject(web)))
        #expect(script.failure == nil)
        #expect(
            script.text.contains(
                "imgargs kernel disk=/dev/nvme0n1 url=${base}/b/52-54-00-12-34-56/a/answer || goto broken\n"))
        let os = try #require(library.environments["os"])
        #expect(try library.answer("answer", environment: os, subject(web)) == "host web1\ndisk /dev/nvme0n1\n")
        #expect(try library.answer("other", environment: os, subject(web)) == nil)
        #expect(library.problems(environment: os, subject(web)) == [])
    }

    @Test func whatCannotBeRenderedIsSaidOnTheConsole() throws {
        var broken = site()
        broken.environments["os"] = environment("os", arguments: "console={{console}}")
        let library = BootLibrary(site: broken)
        let script = try #require(library.script(.boot(environment: "os", once: true), subject(web)))
        let problem = "environment os, arguments of x64, line 1: {{console}} has no value"
        #expect(script.failure?.problems.map(\.description) == [problem])
        #expect(script.text.contains("echo OnDeck: web1 cannot boot os\necho \(problem)\n:hold\n"))
    }

    @Test func whatIsWrongForThisMachine() throws {
        let library = BootLibrary(site: site())
        let os = try #require(library.environments["os"])
        // Nobody knows the name of a machine that no object names.
        #expect(
            library.problems(environment: os, subject()).map(\.description)
                == ["answer, line 1: {{machine.name}} has no value"])
    }

    @Test func argumentsThatDoNotFit() throws {
        var long = site()
        long.environments["os"] = environment("os", arguments: String(repeating: "x", count: 3_000))
        let library = BootLibrary(site: long)
        let os = try #require(library.environments["os"])
        #expect(
            library.problems(environment: os, subject(web)).map(\.message)
                == ["kernel arguments of 3000 bytes: Linux cuts off what is beyond 2047"])
    }

    @Test func scriptsOfTheOperator() throws {
        var own = site()
        own.environments["mine"] = BootEnvironment(name: "mine", kind: .script(template: "mine"))
        own.templates["mine"] = Template(name: "mine", text: "#!ipxe\necho {{machine.name}} ${net0/ip}\n")
        own.environments["bad"] = BootEnvironment(name: "bad", kind: .script(template: "bad"))
        own.templates["bad"] = Template(name: "bad", text: "echo hello\n")
        let library = BootLibrary(site: own)
        let script = try #require(library.script(.boot(environment: "mine", once: false), subject(web)))
        #expect(script.text == "#!ipxe\necho web1 ${net0/ip}\n")
        let bad = try #require(library.environments["bad"])
        #expect(
            library.problems(environment: bad, subject(web)).map(\.description)
                == ["bad, line 1: an iPXE script begins with a line \"#!ipxe\""])
    }

    /// Files of an image that lies in a central place come from there, whatever names them.
    @Test func centralImages() throws {
        var central = site()
        var policy = ImagePolicy(name: "os")
        policy.placement = .central(url: "http://origin.example/os")
        central.images["os"] = policy
        central.environments["os"] = environment(
            "os", arguments: "iso={{url.content}}/os/cd.iso url={{url.answers}}/answer", answers: ["answer": "answer"])
        central.templates["answer"] = Template(name: "answer", text: "{{url.content}}/os/x {{url.content}}/other/x\n")
        let library = BootLibrary(site: central)
        let script = try #require(library.script(.boot(environment: "os", once: true), subject(web)))
        #expect(script.text.contains("kernel --name kernel --timeout ${patience} http://origin.example/os/linux ||"))
        #expect(script.text.contains("imgargs kernel iso=http://origin.example/os/cd.iso url=${base}/b/"))
        let os = try #require(library.environments["os"])
        #expect(
            try library.answer("answer", environment: os, subject(web))
                == "http://origin.example/os/x http://10.64.0.1:8080/other/x\n")
    }

    @Test func otherPermissions() throws {
        let library = BootLibrary(site: site())
        #expect(library.script(.refuse(.unknownIsIgnored), subject()) == nil)
        let local = try #require(library.script(.local(.intentIsLocal), subject(web)))
        #expect(local.text.contains("echo OnDeck: web1 from disk: its intent is \"local\"\n"))
        let hold = try #require(library.script(.hold(.intentIsHold), subject(web)))
        #expect(hold.text.contains("echo OnDeck: web1 is on hold: its intent is \"hold\"\n:hold\n"))
        let gone = try #require(library.script(.boot(environment: "gone", once: false), subject()))
        #expect(gone.failure?.problems.map(\.description) == ["environment gone: does not exist"])
        #expect(gone.text.contains("echo OnDeck: 52:54:00:12:34:56 cannot boot gone\n"))
    }

    @Test func explainedParameters() {
        let library = BootLibrary(site: site())
        let disk = library.resolution(subject(web), environment: "os").parameters["disk"]
        #expect(disk?.winner.source == .profile("fast"))
        #expect(disk?.overridden.map(\.source) == [.environment("os")])
    }
}
