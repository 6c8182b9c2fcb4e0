// SPDX-License-Identifier: Apache-2.0

import Model

/// Environments and templates that come with OnDeck. An object of the operator's with the same name takes the place
/// of one of these.
public enum ShippedSite {
    public static let environments: [String: BootEnvironment] = Dictionary(
        uniqueKeysWithValues: [debian, debianRescue, memtest, local, shell].map { ($0.name, $0) })

    /// Texts by name.
    public static let templates: [String: String] = [
        "debian-12-preseed": DebianTemplates.preseed,
        "debian-12-late": DebianTemplates.late,
        "debian-12-rescue": DebianTemplates.rescue,
        "memtest": memtestScript,
    ]

    // Parameters that are "" or [] by default are there so that a machine, profile or network can set them.

    /// What Debian's installer needs to come up without questions.
    private static let debianParameters: Parameters = [
        "console": .string(""),
        "frontend": .string("text"),
        "locale": .string("en_US.UTF-8"),
        "keymap": .string("us"),
        "mirror": .string("deb.debian.org"),
        "mirror-directory": .string("/debian"),
        "proxy": .string(""),
        "extra-arguments": .string(""),
    ]

    /// `BOOTIF` names the card that the machine booted from; iPXE puts its address in. A network without a router is
    /// no reason to stop and ask: the mirror may be near. There the installer's DHCP script ends before it comes to the
    /// name servers (bookworm's /etc/udhcpc/default.script), so one is named.
    private static func debianFiles(answer: String, mode: String = "") -> BootEnvironment.Kind {
        var files = BootEnvironment.Files(kernel: "debian-12/linux")
        files.initrds = ["debian-12/initrd.gz"]
        files.arguments = """
            auto=true priority=critical \(mode) url={{url.answers}}/\(answer)
            interface=auto BOOTIF=01-${netX/mac:hexhyp} netcfg/no_default_route=true
            {{#machine.hostname}}hostname={{machine.hostname}}{{/machine.hostname}}
            {{#network.nameserver}}netcfg/get_nameservers={{network.nameserver}}{{/network.nameserver}}
            {{#network.domain}}domain={{network.domain}}{{/network.domain}}
            DEBIAN_FRONTEND={{frontend}} {{#console}}console={{console}}{{/console}}
            {{extra-arguments}}
            """
        return .kernel([.x64: files])
    }

    private static let debian: BootEnvironment = {
        var environment = BootEnvironment(name: "debian-12", kind: debianFiles(answer: "preseed.cfg"))
        environment.summary = "installs Debian 12 without questions; whatever is on the disk is lost"
        environment.answers = ["preseed.cfg": "debian-12-preseed", "late.sh": "debian-12-late"]
        environment.parameters = debianParameters.merging([
            "disk": .string(""),
            "timezone": .string("UTC"),
            "user": .string("admin"),
            "user-password-hash": .string(""),
            "root-password-hash": .string(""),
            "ssh-keys": .list([]),
            "tasks": .string("standard, ssh-server"),
            "packages": .string(""),
            "late-command": .string(""),
        ]) { $1 }
        return environment
    }()

    private static let debianRescue: BootEnvironment = {
        let kind = debianFiles(answer: "rescue.cfg", mode: "rescue/enable=true")
        var environment = BootEnvironment(name: "debian-12-rescue", kind: kind)
        environment.summary = "Debian 12's rescue mode, on the machine's console"
        environment.answers = ["rescue.cfg": "debian-12-rescue"]
        environment.parameters = debianParameters
        return environment
    }()

    private static let memtest: BootEnvironment = {
        var environment = BootEnvironment(name: "memtest", kind: .script(template: "memtest"))
        environment.summary = "tests the memory until it is stopped; cannot boot where Secure Boot is on"
        environment.parameters = ["console": .string("")]
        return environment
    }()

    private static let local: BootEnvironment = {
        var environment = BootEnvironment(name: "local", kind: .local)
        environment.summary = "boots from the machine's disk"
        return environment
    }()

    private static let shell: BootEnvironment = {
        var environment = BootEnvironment(name: "shell", kind: .shell)
        environment.summary = "an iPXE shell on the machine's console"
        return environment
    }()

    /// A script, because BIOS and UEFI take different files. `cpuid --ext 29`: a 64-bit processor.
    private static let memtestScript = """
        #!ipxe
        set file memtest86+ia32
        iseq ${buildarch} x86_64 && set file memtest86+x64 ||
        cpuid --ext 29 && set file memtest86+x64 ||
        iseq ${platform} efi && iseq ${buildarch} i386 && set file memtest86+ia32 ||
        iseq ${platform} efi && set file ${file}.efi || set file ${file}.bin
        echo OnDeck: {{environment.name}}
        {{#url.bases}}
        kernel --name memtest --timeout 15000 {{.}}/memtest/${file} && goto loaded ||
        {{/url.bases}}
        goto failed
        :loaded
        {{#console}}
        imgargs memtest console={{console}} || goto failed
        {{/console}}
        boot || goto failed
        exit
        :failed
        echo OnDeck: {{environment.name}}: ${file} failed: error ${errno}
        prompt --key s --timeout 30000 Next try in 30 s; press s for a shell && shell ||
        {{#url.bases}}
        chain --replace --autofree --timeout 15000 {{.}}/{{url.scriptPath}} ||
        {{/url.bases}}
        goto failed

        """
}
