// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Testing

private let mac = MACAddress("52:54:00:12:34:56")!

/// A machine in a network, as a site file of a few lines gives it.
private func subject(_ parameters: Parameters = [:]) -> BootSubject {
    var subject = BootSubject(
        mac: mac, endpoint: BootEndpoint(address: IPv4Address(10, 64, 0, 1), httpPort: 8080))
    var machine = Machine(name: "web1")
    machine.parameters = parameters
    subject.machine = machine
    subject.network = Network(name: "rack1")
    subject.address = IPv4Address(10, 64, 0, 20)
    return subject
}

@Suite struct ShippedSiteTests {
    private let library = BootLibrary(site: Site())

    @Test func theyAllRenderForAPlainMachine() {
        #expect(library.environments.keys.sorted() == ["debian-12", "debian-12-rescue", "local", "memtest", "shell"])
        for environment in library.environments.values {
            #expect(library.problems(environment: environment, subject()) == [])
            #expect(!environment.summary.isEmpty)
        }
    }

    /// Also for one that nobody knows: discovery and rescue by network policy.
    @Test func andForAnUnknownMachine() {
        let unknown = BootSubject(mac: mac, endpoint: BootEndpoint(address: IPv4Address(10, 64, 0, 1), httpPort: 8080))
        for environment in library.environments.values {
            #expect(library.problems(environment: environment, unknown) == [])
        }
    }

    @Test func noTemplateIsLeftOver() {
        var used: Set<String> = []
        for environment in library.environments.values {
            used.formUnion(environment.answers.values)
            if case .script(let template) = environment.kind { used.insert(template) }
        }
        #expect(used == Set(ShippedSite.templates.keys))
    }

    private func kernelLine(_ name: String, _ parameters: Parameters = [:]) throws -> String {
        let script = try #require(library.script(.boot(environment: name, once: true), subject(parameters)))
        return script.text.split(separator: "\n").first { $0.hasPrefix("imgargs ") }.map(String.init) ?? ""
    }

    @Test func debianArguments() throws {
        #expect(
            try kernelLine("debian-12", ["console": .string("ttyS0,115200n8")])
                == "imgargs kernel initrd=initrd0 auto=true priority=critical "
                + "url=${base}/b/52-54-00-12-34-56/a/preseed.cfg interface=auto "
                + "BOOTIF=01-${netX/mac:hexhyp} netcfg/no_default_route=true hostname=web1 DEBIAN_FRONTEND=text "
                + "console=ttyS0,115200n8 || goto broken")
        #expect(try kernelLine("debian-12-rescue").contains(" rescue/enable=true url=${base}/b/"))
        #expect(try !kernelLine("debian-12").contains("console="))
    }

    private func answer(
        _ name: String, _ parameters: Parameters = [:], bases: [String] = []
    ) throws -> [Substring] {
        let debian = try #require(library.environments["debian-12"])
        var subject = subject(parameters)
        subject.endpoint.bases = bases
        return try #require(try library.answer(name, environment: debian, subject)).split(separator: "\n")
    }

    /// Each base has its line, and the script goes on where one of them has the file.
    @Test func memtestFromAnyBase() throws {
        var subject = subject(["console": .string("ttyS0")])
        subject.endpoint.bases = ["http://a.example", "http://b.example"]
        let script = try #require(library.script(.boot(environment: "memtest", once: true), subject)).text
        #expect(
            script.contains(
                """
                kernel --name memtest --timeout 15000 http://a.example/memtest/${file} && goto loaded ||
                kernel --name memtest --timeout 15000 http://b.example/memtest/${file} && goto loaded ||
                goto failed
                :loaded
                imgargs memtest console=ttyS0 || goto failed
                boot || goto failed
                """))
    }

    @Test func preseedWithDefaults() throws {
        let lines = try answer("preseed.cfg")
        #expect(lines.first == "# debian-12 for web1")
        #expect(lines.contains("d-i passwd/root-login boolean false"))
        #expect(lines.contains("d-i passwd/user-password-crypted password !"))
        #expect(lines.contains("d-i mirror/http/hostname string deb.debian.org"))
        #expect(lines.contains { $0.contains("list-devices disk") })
        #expect(
            lines.contains("d-i preseed/late_command string (for base in http://10.64.0.1:8080; do \\"))
        #expect(
            lines.contains(
                "    wget -q -O /tmp/late.sh $base/b/52-54-00-12-34-56/a/late.sh && exec sh /tmp/late.sh; "
                    + "done; exit 1)"))
    }

    @Test func preseedWithParameters() throws {
        let lines = try answer(
            "preseed.cfg",
            ["disk": .string("/dev/vda"), "root-password-hash": .string("$6$salt$hash"), "user": .string("ops")])
        #expect(lines.contains("d-i partman-auto/disk string /dev/vda"))
        #expect(lines.contains("d-i grub-installer/bootdev string /dev/vda"))
        #expect(!lines.contains { $0.contains("list-devices disk") })
        #expect(lines.contains("d-i passwd/root-password-crypted password $6$salt$hash"))
        #expect(lines.contains("d-i passwd/username string ops"))
    }

    @Test func lateCommandEndsWithTheCallBack() throws {
        let lines = try answer(
            "late.sh", ["ssh-keys": .list([.string("ssh-ed25519 AAAA a"), .string("ssh-ed25519 BBBB b")])],
            bases: ["http://10.64.0.1:8080", "http://10.64.0.2:8080"])
        #expect(lines.first == "#!/bin/sh")
        #expect(lines.contains("ssh-ed25519 AAAA a"))
        #expect(lines.contains("ssh-ed25519 BBBB b"))
        #expect(lines.contains("    for base in http://10.64.0.1:8080 http://10.64.0.2:8080; do"))
        #expect(lines.contains("        wget -q -O /dev/null \"$base/b/52-54-00-12-34-56/done\" && exit 0"))
        #expect(lines.last == "exit 1")
    }

    @Test func theOperatorsOwnTakesTheirPlace() throws {
        var site = Site()
        site.templates["debian-12-preseed"] = Template(name: "debian-12-preseed", text: "mine\n")
        site.environments["shell"] = BootEnvironment(name: "shell", kind: .local)
        let own = BootLibrary(site: site)
        let debian = try #require(own.environments["debian-12"])
        #expect(try own.answer("preseed.cfg", environment: debian, subject()) == "mine\n")
        #expect(own.environments["shell"]?.kind == .local)
    }
}
