// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Testing

@testable import CLI

/// Where the server is, how to be let in, and what is said when it does not work.
struct ConnectionTests {
    @Test func `no server`() async throws {
        let port = { FakeServer(FakeAnswer()).port }()
        let ran = await run(ExportCommand.self, [], at: port)
        #expect(
            ran.error == "cannot reach OnDeck at http://127.0.0.1:\(port): connection refused. "
                + "Is `ondeck serve` running?\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `a token that is not the server's`() async throws {
        let server = FakeServer(.json("{\"type\": \"x\", \"title\": \"unauthorized\", \"status\": 401}", status: 401))
        let ran = await run(ExportCommand.self, [], at: server.port)
        #expect(
            ran.error == "token refused by http://127.0.0.1:\(server.port). "
                + "Run as root on the server's machine, or set ONDECK_TOKEN.\n")
        #expect(ran.exitCode == 1)
    }

    @Test(arguments: [404, 500, 302])
    func `something else than OnDeck`(status: Int) async throws {
        let server = FakeServer(
            FakeAnswer(status: status, headers: ["Location": "http://127.0.0.1:1/"], body: "<html>"))
        let ran = await run(ExportCommand.self, [], at: server.port)
        #expect(ran.error.hasPrefix("http://127.0.0.1:\(server.port) answered \(status)"))
        #expect(ran.error.hasSuffix("Is it OnDeck's API?\n"))
        #expect(server.asked.count == 1)
    }

    /// As BoringSSL says it, with its source files.
    private struct Handshake: Error, CustomStringConvertible {
        var description: String
    }

    @Test(arguments: [
        ("WRONG_VERSION_NUMBER", "it speaks http there, not https"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted here"),
    ])
    func `a failed handshake in words`(error: String, words: String) {
        let handshake = Handshake(
            description: "handshakeFailed(BoringSSLError.sslError([OPENSSL_internal:\(error) at x.cc:1]))")
        let said = APIClient(base: "https://boot.example", token: "x").explained(handshake)
        #expect("\(said)" == "cannot reach OnDeck at https://boot.example: \(words). Is `ondeck serve` running?")
    }

    @Test(.enabled(if: !FileManager.default.fileExists(atPath: ConnectionOptions.defaultTokenFile)))
    func `where no server has started yet there is no token`() async throws {
        let ran = await run(ExportCommand.self, [], at: 9, environment: ["ONDECK_TOKEN": ""])
        #expect(ran.error.contains("`ondeck serve` makes it at its first start. Run as root") && ran.exitCode == 1)
    }

    @Test func `an answer that is none`() async throws {
        let server = FakeServer(FakeAnswer(body: "<html>"))
        let ran = await run(ExportCommand.self, [], at: server.port)
        #expect(ran.error == "the server's answer is not what this version of ondeck expects\n")
    }

    @Test func `an answer that is cut off`() async throws {
        let server = FakeServer(FakeAnswer(body: "{}", isBroken: true))
        let ran = await run(ExportCommand.self, [], at: server.port)
        #expect(ran.error == "http://127.0.0.1:\(server.port) closed the connection\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `the token comes from the command line, the environment or a file, in this order`() async throws {
        let server = FakeServer(.json("{}"))
        let named = try TemporaryFile("api-token", "from-option-file\n")
        let other = try TemporaryFile("api-token", "from-environment-file\n")
        _ = await run(
            ExportCommand.self, ["--token-file", named.path], at: server.port,
            environment: ["ONDECK_TOKEN": "from-environment", "ONDECK_TOKEN_FILE": other.path])
        _ = await run(
            ExportCommand.self, [], at: server.port,
            environment: ["ONDECK_TOKEN": "from-environment", "ONDECK_TOKEN_FILE": other.path])
        _ = await run(
            ExportCommand.self, [], at: server.port,
            environment: ["ONDECK_TOKEN": "", "ONDECK_TOKEN_FILE": other.path])
        #expect(
            server.asked.map { $0.headers["authorization"] } == [
                "Bearer from-option-file", "Bearer from-environment", "Bearer from-environment-file",
            ])
    }

    @Test func `a token file that cannot be read says what to do`() async throws {
        let ran = await run(ExportCommand.self, ["--token-file", "/nonexistent/token"], at: 9)
        #expect(
            ran.error == "token file /nonexistent/token: cannot be read: No such file or directory. "
                + "Run as root on the server's machine, or set ONDECK_TOKEN or --token-file.\n")
        let empty = try TemporaryFile("api-token", "\n")
        let ranEmpty = await run(ExportCommand.self, ["--token-file", empty.path], at: 9)
        #expect(ranEmpty.error == "token file \(empty.path): does not hold a token\n")
    }

    @Test func `the address comes from the command line or the environment`() throws {
        let token = ["ONDECK_TOKEN": "x"]
        let byDefault = try ConnectionOptions.parse([]).client(token)
        #expect(byDefault.base == "http://127.0.0.1:8081")
        let environment = ["ONDECK_TOKEN": "x", "ONDECK_API": "http://boot.example:81/"]
        #expect(try ConnectionOptions.parse([]).client(environment).base == "http://boot.example:81")
        #expect(try ConnectionOptions.parse(["--api", "https://a"]).client(environment).base == "https://a")
        for wrong in ["boot.example", "ftp://boot.example", "http://", ""] {
            #expect(throws: (any Error).self) { try ConnectionOptions.parse(["--api", wrong]).client(token) }
        }
    }
}

struct TableTests {
    @Test func `columns are as wide as they need to be, and lines end where the text does`() {
        var table = Table(["NAME", "X", "LAST"])
        table.rows = [["a", "long cell", ""], ["größer", "", "z"]]
        #expect(
            table.text(Screen().terminal()) == """
                NAME    X          LAST
                a       long cell  -
                größer  -          z

                """)
    }

    @Test func `no control character reaches the terminal`() {
        var table = Table(["NAME"])
        table.rows = [["a\u{1b}[2Jb\nc\u{7}"]]
        #expect(table.text(Screen().terminal()) == "NAME\na [2Jb c\n")
    }

    @Test func `colours are for terminals`() {
        let table = Table(["NAME"])
        #expect(table.text(Screen().terminal(hasColors: true)) == "\u{1b}[1mNAME\u{1b}[0m\n")
        #expect(table.text(Screen().terminal()) == "NAME\n")
    }
}

struct HelpTests {
    @Test(
        arguments: [
            ApplyCommand.self, DiffCommand.self, ExportCommand.self, GetCommand.self, SetCommand.self,
            DeleteCommand.self,
            LeaseListCommand.self, LeaseDeleteCommand.self, BootCommand.self, ExplainCommand.self, WatchCommand.self,
            CheckConfigCommand.self, ClusterCommand.self, ClusterShowCommand.self, ClusterReadyCommand.self,
            ClusterHandoverCommand.self, ClusterDrainCommand.self, ClusterAcceptRestoredCommand.self,
            WindowCommand.self,
        ] as [any ParsableCommand.Type])
    func `every command teaches by an example`(command: any ParsableCommand.Type) throws {
        let name = try #require(command.configuration.commandName)
        #expect(!command.configuration.abstract.isEmpty)
        let examples = command.configuration.discussion.split(separator: "\n").filter { $0.contains("ondeck ") }
        #expect(examples.contains { $0.contains(" \(name)") })
        #expect(examples.allSatisfy { $0.hasPrefix("  ") })
    }
}
