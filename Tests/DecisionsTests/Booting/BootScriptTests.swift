// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

private func files(_ kernel: String, _ initrds: [String] = [], _ arguments: String = "") throws
    -> BootScript.KernelFiles
{
    BootScript.KernelFiles(kernel: kernel, initrds: initrds, arguments: try LinuxArguments(arguments))
}

/// Golden scripts. Each has been run by Debian 12's iPXE, as option ROM on BIOS and as snponly.efi on UEFI.
@Suite struct BootScriptTests {
    @Test func kernelAndInitrd() throws {
        let script = BootScript.kernel(
            [.x64: try files("debian-12/linux", ["debian-12/initrd.gz"], "auto=true console=ttyS0")],
            title: "web1 boots debian-12", paths: webPaths)
        #expect(
            script == """
                #!ipxe
                set base http://10.64.0.1:8080
                set self http://10.64.0.1:8080/b/52-54-00-12-34-56
                echo OnDeck: web1 boots debian-12
                set wait:int32 2
                :start
                imgfree ||
                set step kernel
                kernel --name kernel ${base}/debian-12/linux initrd=initrd0 auto=true console=ttyS0 || goto failed
                set step initrd0
                initrd --name initrd0 ${base}/debian-12/initrd.gz || goto failed
                imgfetch --name report --timeout 2000 ${self}/p/booting ||
                imgfree report ||
                set step boot
                boot || goto failed
                exit
                :failed
                set error ${errno}
                echo OnDeck: web1 boots debian-12: ${step} failed: error ${error}
                imgfetch --name report --timeout 2000 ${self}/p/${step}-failed?error=${error} ||
                imgfree report ||
                prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||
                iseq ${wait} 32 && goto renew ||
                inc wait ${wait}
                goto start
                :renew
                chain --replace --autofree ${self}?again=1 ||
                prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||
                goto renew

                """)
    }

    @Test func severalInitrdsKeepTheirOrder() throws {
        let script = BootScript.kernel(
            [.x64: try files("os/linux", ["os/microcode", "os/initrd"], "quiet")], title: "t", paths: webPaths)
        let lines = script.split(separator: "\n")
        #expect(
            lines.contains("kernel --name kernel ${base}/os/linux initrd=initrd0 initrd=initrd1 quiet || goto failed"))
        #expect(
            lines.filter { $0.hasPrefix("initrd ") } == [
                "initrd --name initrd0 ${base}/os/microcode || goto failed",
                "initrd --name initrd1 ${base}/os/initrd || goto failed",
            ])
    }

    @Test func whoNamesTheInitrdNamesAllOfThem() throws {
        let script = BootScript.kernel(
            [.x64: try files("os/linux", ["os/initrd"], "initrd=initrd0 quiet")], title: "t", paths: webPaths)
        #expect(script.contains("kernel --name kernel ${base}/os/linux initrd=initrd0 quiet || goto failed\n"))
    }

    @Test func absoluteURLsStayAsTheyAre() throws {
        let script = BootScript.kernel([.x64: try files("http://mirror.example/linux")], title: "t", paths: webPaths)
        #expect(script.contains("kernel --name kernel http://mirror.example/linux || goto failed\n"))
    }

    @Test func theScriptChoosesAmongArchitectures() throws {
        let script = BootScript.kernel(
            [.x64: try files("os/x64"), .x86: try files("os/x86"), .arm64: try files("os/arm64")], title: "t",
            paths: webPaths)
        #expect(
            script.contains(
                """
                imgfree ||
                iseq ${buildarch} i386 && goto boot-x86 ||
                """) == false, "a 64-bit machine under BIOS must come first")
        #expect(
            script.contains(
                """
                imgfree ||
                iseq ${buildarch} x86_64 && goto boot-x64 ||
                iseq ${platform} pcbios && cpuid --ext 29 && goto boot-x64 ||
                iseq ${buildarch} i386 && goto boot-x86 ||
                iseq ${buildarch} arm64 && goto boot-arm64 ||
                set step choice-for-${buildarch}
                goto failed
                :boot-x64
                """))
        for name in ["x86", "x64", "arm64"] {
            #expect(
                script.contains(
                    ":boot-\(name)\nset step kernel\nkernel --name kernel ${base}/os/\(name) || goto failed\n"))
        }
    }

    @Test func local() {
        #expect(
            BootScript.local(title: "web1 from disk", paths: webPaths) == """
                #!ipxe
                set base http://10.64.0.1:8080
                set self http://10.64.0.1:8080/b/52-54-00-12-34-56
                echo OnDeck: web1 from disk
                iseq ${platform} efi && exit 1 ||
                exit 0

                """)
    }

    @Test func hold() {
        #expect(
            BootScript.hold(title: "web1 is on hold", notes: ["a ${secret} # ; || b"], paths: webPaths) == """
                #!ipxe
                set base http://10.64.0.1:8080
                set self http://10.64.0.1:8080/b/52-54-00-12-34-56
                echo OnDeck: web1 is on hold
                echo a $ {secret} ${}# ${}; ${}|| b
                :hold
                prompt --key s --timeout 30000 Waiting; press s for a shell && shell ||
                chain --replace --autofree ${self} || goto hold

                """)
    }

    @Test func shell() {
        #expect(BootScript.shell(title: "t", paths: webPaths).hasSuffix("echo OnDeck: t\nshell\nexit\n"))
    }

    @Test func firstStageNamesNoMachine() {
        let script = BootScript.firstStage(base: endpoint.base)
        #expect(script.hasPrefix("#!ipxe\nset base http://10.64.0.1:8080\n"))
        #expect(
            script.contains(
                "chain --replace --autofree ${base}/b/${netX/mac:hexhyp}?uuid=${uuid}&serial=${serial:uristring}&"))
        #expect(!script.contains(webMAC.hyphenated))
    }

    /// A name or a reason can hold anything; the script stays one.
    @Test(arguments: ["x\nshell", "x\r\nshell", "x || shell", "x ; shell", "x && shell", "# x", "\u{1b}[2J", "\0"])
    func titlesCannotBreakOut(title: String) {
        let script = BootScript.shell(title: title, paths: webPaths)
        let echo = script.split(separator: "\n").filter { $0.hasPrefix("echo ") }
        #expect(echo.count == 1)
        #expect(script.split(separator: "\n").count == 6)
        let words = echo.first.map { $0.split(separator: " ") } ?? []
        #expect(!words.contains { $0 == "||" || $0 == ";" || $0 == "&&" || $0.hasPrefix("#") })
        #expect(script.utf8.allSatisfy { $0 == 0x0a || (0x20..<0x7f).contains($0) })
    }
}

@Suite struct LinuxArgumentsTests {
    private func scriptLine(_ arguments: String) throws -> String {
        let script = BootScript.kernel([.x64: try files("k", [], arguments)], title: "t", paths: webPaths)
        return script.split(separator: "\n").first { $0.hasPrefix("kernel ") }.map(String.init) ?? ""
    }

    @Test func whiteSpaceOfAnyKindIsOneSpace() throws {
        #expect(try LinuxArguments("\n  auto=true\n\tquiet \r\n").text == "auto=true quiet")
        #expect(try LinuxArguments("").text.isEmpty)
    }

    @Test func semicolonsInsideWordsArePlain() throws {
        #expect(
            try scriptLine("ds=nocloud;s=http://x/ a")
                == "kernel --name kernel ${base}/k ds=nocloud;s=http://x/ a || goto failed")
    }

    @Test func whatWouldEndTheCommandIsDisarmed() throws {
        #expect(
            try scriptLine("a ; b || c && d #e f#g")
                == "kernel --name kernel ${base}/k a ${}; b ${}|| c ${}&& d ${}#e f#g || goto failed")
    }

    @Test func settingsOfIPXEPassThrough() throws {
        #expect(try scriptLine("ip=${net0/ip}") == "kernel --name kernel ${base}/k ip=${net0/ip} || goto failed")
    }

    @Test func refused() {
        #expect(throws: LinuxArguments.Refusal.controlCharacter) { try LinuxArguments("a\u{1b}b") }
        #expect(throws: Never.self) { try LinuxArguments(String(repeating: "x", count: 2_047)) }
        #expect(throws: LinuxArguments.Refusal.tooLong(bytes: 2_048)) {
            try LinuxArguments(String(repeating: "x", count: 2_048))
        }
    }
}
