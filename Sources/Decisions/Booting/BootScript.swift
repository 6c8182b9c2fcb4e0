// SPDX-License-Identifier: Apache-2.0

import Model

/// Builds iPXE scripts. They keep to what Debian 12's iPXE of 2019 has. Each names the bases that it may download from,
/// goes on to the next one when a download fails or stands still, tries again with growing delays, says on the console
/// what failed, and asks for a new script in the end: a machine never stops for good while one of the bases is there
/// and the operator can still change its mind.
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
    public static func kernel(_ files: [Architecture: KernelFiles], title: String, paths: BootPaths) -> String {
        var lines = BootScriptParts.head(title, paths)
        lines += [":start", "imgfree ||"]
        // x64 before x86: under BIOS both look like x86 until the processor is asked.
        let architectures = ([.x64] + Architecture.allCases.filter { $0 != .x64 }).filter { files[$0] != nil }
        if architectures.count > 1 {
            lines += architectures.flatMap(selection)
            lines += ["set step choice-for-${buildarch}", "goto broken"]
        }
        for architecture in architectures {
            guard let files = files[architecture] else { continue }
            if architectures.count > 1 { lines.append(":boot-\(architecture.rawValue)") }
            lines += boot(files, suffix: architectures.count > 1 ? "-\(architecture.rawValue)" : "")
        }
        return text(
            lines + BootScriptParts.failed(title) + BootScriptParts.renew
                + BootScriptParts.next(paths, whenAllFailed: "iseq ${step} renew && goto lost || goto failed"))
    }

    /// Gives the machine back to its firmware, for the next boot device: a UEFI firmware goes on after a failure.
    public static func local(title: String, paths: BootPaths) -> String {
        text(BootScriptParts.head(title, paths) + ["iseq ${platform} efi && exit 1 ||", "exit 0"])
    }

    /// An interactive shell.
    public static func shell(title: String, paths: BootPaths) -> String {
        text(BootScriptParts.head(title, paths) + ["shell", "exit"])
    }

    /// Waits, and asks again and again. `notes` are shown; no secrets belong into them.
    public static func hold(title: String, notes: [String] = [], paths: BootPaths) -> String {
        text(
            BootScriptParts.head(title, paths) + notes.map { "echo \(IPXEText.shown($0))" } + [
                ":hold",
                "prompt --key s --timeout \(holdMilliseconds) Waiting; press s for a shell && shell ||",
            ] + BootScriptParts.renew + BootScriptParts.next(paths, whenAllFailed: "goto lost"))
    }

    /// The first stage: the same for every machine and free of secrets. It finds the machine's own script, and tells
    /// who asks.
    public static func firstStage(endpoint: BootEndpoint) -> String {
        let query = [
            "uuid=${uuid}", "serial=${serial:uristring}", "product=${product:uristring}",
            "manufacturer=${manufacturer:uristring}", "asset=${asset:uristring}",
            "board=${board-serial:uristring}", "arch=${buildarch}", "platform=${platform}", "ip=${ip}",
        ].joined(separator: "&")
        let timeout = "--timeout \(Limits.scriptPatienceMilliseconds)"
        return text(
            ["#!ipxe"] + BootScriptParts.bases(endpoint) + [
                "set wait:int32 \(BootScriptParts.firstDelaySeconds)",
                ":ask",
                "chain --replace --autofree \(timeout) ${base}/b/${netX/mac:hexhyp}?\(query) ||",
                "echo OnDeck: ${base} has no script for ${netX/mac}: error ${errno}",
                "inc n",
                "isset ${base${n}} || set n:int32 1",
                "set base ${base${n}}",
                "iseq ${n} 1 || goto ask",
                "echo OnDeck: next try in ${wait} s",
                "prompt --key s --timeout ${wait}000 Press s for a shell && shell ||",
                "iseq ${wait} \(BootScriptParts.lastDelaySeconds) || inc wait ${wait}",
                "goto ask",
            ])
    }

    /// By TFTP, beside a loader: goes on by HTTP, and where it is refused there, by DHCP, which knows the machine.
    public static func autoexec(_ paths: BootPaths) -> String {
        let tries = paths.endpoint.allBases.map { "chain --replace --autofree \($0)/\(paths.scriptPath)" }
        return "#!ipxe\n" + (tries + ["autoboot"]).joined(separator: " || ") + "\n"
    }

    /// In the query of a script's URL: the same boot goes on after a fault of ours, and is not another attempt.
    public static let againQuery = "again"

    private static let holdMilliseconds = 30_000

    private static func text(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }

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

    /// Each download stands under a label of its own, so that `next` can come back to it. The arguments are set last:
    /// their URLs are then those of the base that all has come from in the end.
    ///
    /// `initrd=` is for UEFI, where the kernel itself asks iPXE for the file by its name; BIOS ignores it.
    private static func boot(_ files: KernelFiles, suffix: String) -> [String] {
        let names = files.initrds.indices.map { "initrd\($0)" }
        var lines = download("kernel", files.kernel, label: "kernel" + suffix)
        for (name, initrd) in zip(names, files.initrds) {
            lines += download("initrd", initrd, name: name, label: name + suffix)
        }
        let own = files.arguments.namesInitrd ? [] : names.map { "initrd=\($0)" }
        let words = own + [files.arguments.scriptText].filter { !$0.isEmpty }
        if !words.isEmpty { lines.append("imgargs kernel \(words.joined(separator: " ")) || goto broken") }
        // Everything is here: what comes after this is the kernel's own doing.
        return lines + BootScriptParts.report("booting") + ["set step boot", "boot || goto broken", "exit"]
    }

    private static func download(
        _ command: String, _ file: String, name: String? = nil, label: String
    ) -> [String] {
        let url = file.contains("://") ? file : "${base}/\(file)"
        return [
            ":\(label)", "set step \(label)",
            "\(command) --name \(name ?? command) --timeout ${patience} \(url) || goto next",
            "set tried:int32 0",
        ]
    }
}
