// SPDX-License-Identifier: Apache-2.0

import Model

/// Builds iPXE scripts. They keep to what Debian 12's iPXE of 2019 has, name absolute URLs over one `base`, try again
/// with growing delays, say on the console what failed, and ask for a new script in the end: a machine never stops
/// for good while the operator can still change its mind.
public enum BootScript {
    /// What a kernel boots with, ready for the script.
    public struct KernelFiles: Hashable, Sendable {
        /// A content name or an absolute URL.
        public var kernel: String
        public var initrds: [String]
        public var arguments: LinuxArguments

        public init(kernel: String, initrds: [String], arguments: LinuxArguments) {
            self.kernel = kernel
            self.initrds = initrds
            self.arguments = arguments
        }
    }

    /// Boots a kernel. With files for several architectures the script chooses: only iPXE itself knows where it runs.
    public static func kernel(
        _ files: [Architecture: KernelFiles], title: String, paths: BootPaths
    ) -> String {
        var lines = head(title, paths) + ["set wait:int32 \(firstDelaySeconds)", ":start", "imgfree ||"]
        // x64 before x86: under BIOS both look like x86 until the processor is asked.
        let architectures = ([.x64] + Architecture.allCases.filter { $0 != .x64 }).filter { files[$0] != nil }
        if architectures.count > 1 {
            lines += architectures.flatMap(selection)
            lines += ["set step choice-for-${buildarch}", "goto failed"]
        }
        for architecture in architectures {
            guard let files = files[architecture] else { continue }
            if architectures.count > 1 { lines.append(":boot-\(architecture.rawValue)") }
            lines += boot(files)
        }
        return text(lines + failure(title))
    }

    /// Gives the machine back to its firmware, for the next boot device: a UEFI firmware goes on after a failure.
    public static func local(title: String, paths: BootPaths) -> String {
        text(head(title, paths) + ["iseq ${platform} efi && exit 1 ||", "exit 0"])
    }

    /// An interactive shell.
    public static func shell(title: String, paths: BootPaths) -> String {
        text(head(title, paths) + ["shell", "exit"])
    }

    /// Waits, and asks again and again. `notes` are shown; no secrets belong into them.
    public static func hold(title: String, notes: [String] = [], paths: BootPaths) -> String {
        text(
            head(title, paths) + notes.map { "echo \(IPXEText.shown($0))" } + [
                ":hold",
                "prompt --key s --timeout \(holdMilliseconds) Waiting; press s for a shell && shell ||",
                "chain --replace --autofree ${self} || goto hold",
            ])
    }

    /// The first stage: the same for every machine and free of secrets. It finds the machine's own script, and tells
    /// who asks.
    public static func firstStage(base: String) -> String {
        let query = [
            "uuid=${uuid}", "serial=${serial:uristring}", "product=${product:uristring}",
            "manufacturer=${manufacturer:uristring}", "asset=${asset:uristring}",
            "board=${board-serial:uristring}", "arch=${buildarch}", "platform=${platform}", "ip=${ip}",
        ].joined(separator: "&")
        return text([
            "#!ipxe",
            "set base \(base)",
            "set wait:int32 \(firstDelaySeconds)",
            ":ask",
            "chain --replace --autofree ${base}/b/${netX/mac:hexhyp}?\(query) ||",
            "echo OnDeck: no script for ${netX/mac}: error ${errno}, next try in ${wait} s",
            "prompt --key s --timeout ${wait}000 Press s for a shell && shell ||",
            "iseq ${wait} \(lastDelaySeconds) || inc wait ${wait}",
            "goto ask",
        ])
    }

    /// In the query of a script's URL: the same boot goes on after a fault of ours, and is not another attempt.
    public static let againQuery = "again"

    private static let firstDelaySeconds = 2
    /// A power of two times the first delay: the delay doubles until it is reached.
    private static let lastDelaySeconds = 32
    private static let holdMilliseconds = 30_000
    /// A lost progress report must not hold up a boot.
    private static let progressMilliseconds = 2_000

    private static func text(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }

    private static func head(_ title: String, _ paths: BootPaths) -> [String] {
        [
            "#!ipxe", "set base \(paths.endpoint.base)", "set self \(paths.scriptURL)",
            "echo OnDeck: \(IPXEText.shown(title))",
        ]
    }

    /// `cpuid --ext 29`: long mode. A BIOS build of iPXE is a 32-bit program on any machine.
    private static func selection(_ architecture: Architecture) -> [String] {
        let here = "goto boot-\(architecture.rawValue) ||"
        return switch architecture {
        case .x64:
            [
                "iseq ${buildarch} x86_64 && \(here)",
                "iseq ${platform} pcbios && cpuid --ext 29 && \(here)",
            ]
        case .x86: ["iseq ${buildarch} i386 && \(here)"]
        case .loongarch64: ["iseq ${buildarch} loong64 && \(here)"]
        case .arm32, .arm64, .riscv64: ["iseq ${buildarch} \(architecture.rawValue) && \(here)"]
        }
    }

    /// `initrd=` is for UEFI, where the kernel itself asks iPXE for the file by its name; BIOS ignores it.
    private static func boot(_ files: KernelFiles) -> [String] {
        let names = files.initrds.indices.map { "initrd\($0)" }
        let own = files.arguments.namesInitrd ? [] : names.map { "initrd=\($0)" }
        let words = ["kernel --name kernel", url(files.kernel)] + own + [files.arguments.scriptText]
        var lines = ["set step kernel", words.filter { !$0.isEmpty }.joined(separator: " ") + " || goto failed"]
        for (name, initrd) in zip(names, files.initrds) {
            lines += ["set step \(name)", "initrd --name \(name) \(url(initrd)) || goto failed"]
        }
        // Everything is here: what comes after this is the kernel's own doing.
        return lines + report("booting") + ["set step boot", "boot || goto failed", "exit"]
    }

    private static func url(_ name: String) -> String { name.contains("://") ? name : "${base}/\(name)" }

    /// The report's empty answer must not stay: on BIOS every loaded image becomes a part of the initrd.
    private static func report(_ step: String) -> [String] {
        [
            "imgfetch --name report --timeout \(progressMilliseconds) ${self}/p/\(step) ||",
            "imgfree report ||",
        ]
    }

    private static func failure(_ title: String) -> [String] {
        [
            ":failed",
            "set error ${errno}",
            "echo OnDeck: \(IPXEText.shown(title)): ${step} failed: error ${error}",
        ] + report("${step}-failed?error=${error}") + [
            "prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||",
            "iseq ${wait} \(lastDelaySeconds) && goto renew ||",
            "inc wait ${wait}",
            "goto start",
            ":renew",
            "chain --replace --autofree ${self}?\(againQuery)=1 ||",
            "prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||",
            "goto renew",
        ]
    }
}
