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
        return script.text.split(separator: "\n").first { $0.hasPrefix("kernel ") }.map(String.init) ?? ""
    }

    @Test func debianArguments() throws {
        #expect(
            try kernelLine("debian-12", ["console": .string("ttyS0,115200n8")])
                == "kernel --name kernel ${base}/debian-12/linux initrd=initrd0 auto=true priority=critical "
                + "url=http://10.64.0.1:8080/b/52-54-00-12-34-56/a/preseed.cfg interface=auto "
                + "BOOTIF=01-${netX/mac:hexhyp} netcfg/no_default_route=true hostname=web1 DEBIAN_FRONTEND=text "
                + "console=ttyS0,115200n8 || goto failed")
        #expect(try kernelLine("debian-12-rescue").contains(" rescue/enable=true url=http://10.64.0.1:8080/b/"))
        #expect(try !kernelLine("debian-12").contains("console="))
    }

    private func answer(_ name: String, _ parameters: Parameters = [:]) throws -> [Substring] {
        let debian = try #require(library.environments["debian-12"])
        return try #require(try library.answer(name, environment: debian, subject(parameters))).split(separator: "\n")
    }

    @Test func preseedWithDefaults() throws {
        let lines = try answer("preseed.cfg")
        #expect(lines.first == "# debian-12 for web1")
        #expect(lines.contains("d-i passwd/root-login boolean false"))
        #expect(lines.contains("d-i passwd/user-password-crypted password !"))
        #expect(lines.contains("d-i mirror/http/hostname string deb.debian.org"))
        #expect(lines.contains { $0.contains("list-devices disk") })
        #expect(
            lines.contains(
                "d-i preseed/late_command string wget -q -O /tmp/late.sh "
                    + "http://10.64.0.1:8080/b/52-54-00-12-34-56/a/late.sh && sh /tmp/late.sh"))
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
            "late.sh", ["ssh-keys": .list([.string("ssh-ed25519 AAAA a"), .string("ssh-ed25519 BBBB b")])])
        #expect(lines.first == "#!/bin/sh")
        #expect(lines.contains("ssh-ed25519 AAAA a"))
        #expect(lines.contains("ssh-ed25519 BBBB b"))
        #expect(lines.contains("    wget -q -O /dev/null http://10.64.0.1:8080/b/52-54-00-12-34-56/done && exit 0"))
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
