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

private let twoBases: BootPaths = {
    let bases = ["http://10.64.0.1:8080", "http://10.64.0.2:8080"]
    let endpoint = BootEndpoint(address: IPv4Address(10, 64, 0, 1), httpPort: 8080, bases: bases)
    return BootPaths(endpoint: endpoint, mac: webMAC, token: "boottokenboottk", stageToken: "stagetokenstage")
}()

/// Golden scripts. Each has been run by Debian 12's iPXE, as option ROM on BIOS and as snponly.efi on UEFI.
@Suite struct BootScriptTests {
    /// Of a script with a kernel, an initrd and two bases: what begins with one line and ends before another.
    private static func part(from first: String = "#!ipxe", to last: String = "") throws -> String {
        let script = BootScript.kernel(
            [.x64: try files("debian-12/linux", ["debian-12/initrd.gz"], "auto=true url=${base}/x")],
            title: "web1 boots debian-12", paths: twoBases)
        let lines = script.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex { $0 == first })
        let end = try #require(lines.firstIndex { $0 == last })
        return lines[begin..<end].map { $0 + "\n" }.joined()
    }

    @Test func kernelAndInitrd() throws {
        #expect(
            try Self.part(to: ":broken") == """
                #!ipxe
                set base1 http://10.64.0.1:8080
                set base2 http://10.64.0.2:8080
                clear base3 ||
                set n:int32 1
                set base ${base1}
                set self ${base}/b/52-54-00-12-34-56.boottokenboottk
                set patience 1250
                set tried:int32 0
                set wait:int32 2
                echo OnDeck: web1 boots debian-12
                :start
                imgfree ||
                :kernel
                set step kernel
                kernel --name kernel --timeout ${patience} ${base}/debian-12/linux || goto next
                set tried:int32 0
                :initrd0
                set step initrd0
                initrd --name initrd0 --timeout ${patience} ${base}/debian-12/initrd.gz || goto next
                set tried:int32 0
                imgargs kernel initrd=initrd0 auto=true url=${base}/x || goto broken
                imgfetch --name report --timeout 1000 ${self}/p/booting ||
                imgfree report ||
                set step boot
                boot || goto broken
                exit

                """)
    }

    @Test func whatFailsIsSaidAndTriedAgainLater() throws {
        #expect(
            try Self.part(from: ":broken", to: ":renew") == """
                :broken
                set error ${errno}
                :failed
                echo OnDeck: web1 boots debian-12: ${step} failed: error ${error}
                imgfetch --name report --timeout 1000 ${self}/p/${step}-failed?error=${error} ||
                imgfree report ||
                prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||
                iseq ${wait} 32 && goto renew ||
                inc wait ${wait}
                goto start

                """)
    }

    @Test func aScriptThatIsLongInVainIsFetchedAnew() throws {
        #expect(
            try Self.part(from: ":renew", to: ":next") == """
                :renew
                set step renew
                chain --replace --autofree --timeout ${patience} ${self}?again=1 || goto next
                :lost
                echo OnDeck: no script from anywhere
                set wait:int32 32
                prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||
                isset ${netX/ifname} && set card ${netX/ifname} ||
                isset ${card} && dhcp ${card} || dhcp ||
                isset ${filename} && chain --replace --autofree --timeout ${patience} ${filename}?again=1 ||
                goto renew

                """)
    }

    @Test func theNextBaseIsTriedForTheSameStep() throws {
        #expect(
            try Self.part(from: ":next") == """
                :next
                set error ${errno}
                echo OnDeck: ${base}: ${step} failed: error ${error}
                inc tried
                inc n
                isset ${base${n}} || set n:int32 1
                set base ${base${n}}
                set self ${base}/b/52-54-00-12-34-56.boottokenboottk
                iseq ${patience} 15000 || set patience 4000
                iseq ${tried} 2 && goto all-failed ||
                imgfetch --name report --timeout 1000 ${base}/probe || goto next
                imgfree report ||
                imgfetch --name report --timeout 1000 ${self}/p/${step}-failed?error=${error} ||
                imgfree report ||
                goto ${step}
                :all-failed
                set tried:int32 0
                set patience 15000
                iseq ${step} renew && goto lost || goto failed

                """)
    }

    /// With nowhere else to go, patience is better than a new start.
    @Test func withOneBaseTheScriptIsPatient() throws {
        let script = BootScript.kernel([.x64: try files("os/linux")], title: "t", paths: webPaths)
        #expect(script.contains("\nset patience 15000\nset tried:int32 0\n"))
        #expect(script.contains("\ninc tried\niseq ${tried} 1 && goto all-failed ||\n"))
        #expect(!script.contains("inc n"))
        #expect(script.contains("\nset self ${base}/b/52-54-00-12-34-56\n"))
    }

    /// `goto` goes to a label that exists, each label stands once, and no line ends a script that a download broke.
    @Test func everyGotoHasItsLabel() throws {
        let several: [Architecture: BootScript.KernelFiles] = [
            .x64: try files("os/x64", ["a", "b"]), .x86: try files("os/x86", ["a"]), .arm64: try files("os/arm64"),
        ]
        for script in [
            BootScript.kernel(several, title: "t", paths: twoBases), BootScript.hold(title: "t", paths: twoBases),
            BootScript.firstStage(endpoint: twoBases.endpoint),
        ] {
            let lines = script.split(separator: "\n")
            let labels = lines.filter { $0.hasPrefix(":") }.map { $0.dropFirst() }
            #expect(Set(labels).count == labels.count)
            let steps = lines.filter { $0.hasPrefix("set step ") }.map { $0.split(separator: " ")[2] }
            for line in lines {
                let words = line.split(separator: " ")
                for (word, target) in zip(words, words.dropFirst()) where word == "goto" {
                    if target == "${step}" {
                        // What `next` may be reached from.
                        #expect(steps.filter { $0 != "boot" && !$0.hasPrefix("choice-") }.allSatisfy(labels.contains))
                    } else {
                        #expect(labels.contains(target), "no :\(target)")
                    }
                }
            }
        }
    }

    @Test func severalInitrdsKeepTheirOrder() throws {
        let script = BootScript.kernel(
            [.x64: try files("os/linux", ["os/microcode", "os/initrd"], "quiet")], title: "t", paths: webPaths)
        let lines = script.split(separator: "\n")
        #expect(lines.contains("imgargs kernel initrd=initrd0 initrd=initrd1 quiet || goto broken"))
        #expect(
            lines.filter { $0.hasPrefix("initrd ") } == [
                "initrd --name initrd0 --timeout ${patience} ${base}/os/microcode || goto next",
                "initrd --name initrd1 --timeout ${patience} ${base}/os/initrd || goto next",
            ])
    }

    @Test func whoNamesTheInitrdNamesAllOfThem() throws {
        let script = BootScript.kernel(
            [.x64: try files("os/linux", ["os/initrd"], "initrd=initrd0 quiet")], title: "t", paths: webPaths)
        #expect(script.contains("\nimgargs kernel initrd=initrd0 quiet || goto broken\n"))
    }

    @Test func absoluteURLsStayAsTheyAre() throws {
        let script = BootScript.kernel([.x64: try files("http://mirror.example/linux")], title: "t", paths: webPaths)
        #expect(
            script.contains("kernel --name kernel --timeout ${patience} http://mirror.example/linux || goto next\n"))
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
                goto broken
                :boot-x64
                :kernel-x64
                """))
        for name in ["x86", "x64", "arm64"] {
            #expect(
                script.contains(
                    ":boot-\(name)\n:kernel-\(name)\nset step kernel-\(name)\n"
                        + "kernel --name kernel --timeout ${patience} ${base}/os/\(name) || goto next\n"))
        }
    }

    @Test func local() {
        #expect(
            BootScript.local(title: "web1 from disk", paths: webPaths) == """
                #!ipxe
                set base1 http://10.64.0.1:8080
                clear base2 ||
                set n:int32 1
                set base ${base1}
                set self ${base}/b/52-54-00-12-34-56
                set patience 15000
                set tried:int32 0
                set wait:int32 2
                echo OnDeck: web1 from disk
                iseq ${platform} efi && exit 1 ||
                exit 0

                """)
    }

    @Test func hold() {
        #expect(
            BootScript.hold(title: "web1 is on hold", notes: ["a ${secret} # ; || b"], paths: webPaths) == """
                #!ipxe
                set base1 http://10.64.0.1:8080
                clear base2 ||
                set n:int32 1
                set base ${base1}
                set self ${base}/b/52-54-00-12-34-56
                set patience 15000
                set tried:int32 0
                set wait:int32 2
                echo OnDeck: web1 is on hold
                echo a $ {secret} ${}# ${}; ${}|| b
                :hold
                prompt --key s --timeout 30000 Waiting; press s for a shell && shell ||
                :renew
                set step renew
                chain --replace --autofree --timeout ${patience} ${self}?again=1 || goto next
                :lost
                echo OnDeck: no script from anywhere
                set wait:int32 32
                prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||
                isset ${netX/ifname} && set card ${netX/ifname} ||
                isset ${card} && dhcp ${card} || dhcp ||
                isset ${filename} && chain --replace --autofree --timeout ${patience} ${filename}?again=1 ||
                goto renew
                :next
                set error ${errno}
                echo OnDeck: ${base}: ${step} failed: error ${error}
                inc tried
                iseq ${tried} 1 && goto all-failed ||
                imgfetch --name report --timeout 1000 ${self}/p/${step}-failed?error=${error} ||
                imgfree report ||
                goto ${step}
                :all-failed
                set tried:int32 0
                set patience 15000
                goto lost

                """)
    }

    @Test func shell() {
        #expect(BootScript.shell(title: "t", paths: webPaths).hasSuffix("echo OnDeck: t\nshell\nexit\n"))
    }

    @Test func firstStageNamesNoMachine() {
        let script = BootScript.firstStage(endpoint: twoBases.endpoint)
        #expect(script.hasPrefix("#!ipxe\nset base1 http://10.64.0.1:8080\nset base2 http://10.64.0.2:8080\n"))
        #expect(
            script.contains(
                "chain --replace --autofree --timeout 15000 ${base}/b/${netX/mac:hexhyp}?uuid=${uuid}&serial="))
        #expect(!script.contains(webMAC.hyphenated))
    }

    @Test func besideALoaderOneLineLeadsOn() {
        let url = "/b/52-54-00-12-34-56.boottokenboottk"
        #expect(
            BootScript.autoexec(twoBases)
                == "#!ipxe\nchain --replace --autofree http://10.64.0.1:8080\(url) || "
                + "chain --replace --autofree http://10.64.0.2:8080\(url) || autoboot\n")
    }

    /// A name or a reason can hold anything; the script stays one.
    @Test(arguments: ["x\nshell", "x\r\nshell", "x || shell", "x ; shell", "x && shell", "# x", "\u{1b}[2J", "\0"])
    func titlesCannotBreakOut(title: String) {
        let script = BootScript.shell(title: title, paths: webPaths)
        let echo = script.split(separator: "\n").filter { $0.hasPrefix("echo ") }
        #expect(echo.count == 1)
        #expect(script.split(separator: "\n").count == 12)
        let words = echo.first.map { $0.split(separator: " ") } ?? []
        #expect(!words.contains { $0 == "||" || $0 == ";" || $0 == "&&" || $0.hasPrefix("#") })
        #expect(script.utf8.allSatisfy { $0 == 0x0a || (0x20..<0x7f).contains($0) })
    }
}

@Suite struct LinuxArgumentsTests {
    private func scriptLine(_ arguments: String) throws -> String {
        let script = BootScript.kernel([.x64: try files("k", [], arguments)], title: "t", paths: webPaths)
        return script.split(separator: "\n").first { $0.hasPrefix("imgargs ") }.map(String.init) ?? ""
    }

    @Test func whiteSpaceOfAnyKindIsOneSpace() throws {
        #expect(try LinuxArguments("\n  auto=true\n\tquiet \r\n").text == "auto=true quiet")
        #expect(try LinuxArguments("").text.isEmpty)
    }

    @Test func semicolonsInsideWordsArePlain() throws {
        #expect(
            try scriptLine("ds=nocloud;s=http://x/ a")
                == "imgargs kernel ds=nocloud;s=http://x/ a || goto broken")
    }

    @Test func whatWouldEndTheCommandIsDisarmed() throws {
        #expect(
            try scriptLine("a ; b || c && d #e f#g")
                == "imgargs kernel a ${}; b ${}|| c ${}&& d ${}#e f#g || goto broken")
    }

    @Test func settingsOfIPXEPassThrough() throws {
        #expect(try scriptLine("ip=${net0/ip}") == "imgargs kernel ip=${net0/ip} || goto broken")
    }

    @Test func refused() {
        #expect(throws: LinuxArguments.Refusal.controlCharacter) { try LinuxArguments("a\u{1b}b") }
        #expect(throws: Never.self) { try LinuxArguments(String(repeating: "x", count: 2_047)) }
        // What counts is what the kernel gets: the longest base in place of the setting's name.
        #expect(throws: LinuxArguments.Refusal.tooLong(bytes: 2_048)) {
            try LinuxArguments(
                "${base}" + String(repeating: "x", count: 2_048 - 15), bases: ["http://a", "http://10.6.0.1"])
        }
        #expect(throws: LinuxArguments.Refusal.tooLong(bytes: 2_048)) {
            try LinuxArguments(String(repeating: "x", count: 2_048))
        }
    }
}
