// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import CLI

/// A root command as the executable has it: with the connection's options itself.
private struct Root: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ondeck",
        subcommands: [GetCommand.self, ApplyCommand.self, LeaseCommand.self, ClusterCommand.self, WindowCommand.self])
    @OptionGroup var connection: ConnectionOptions
}

struct RootOptionsTests {
    private func connection(_ arguments: String) throws -> ConnectionOptions {
        let words = arguments.split(separator: " ").map(String.init)
        return try #require(try Root.parseAsRoot(words) as? any ServerCommand).connection
    }

    @Test(arguments: [
        "--api http://x get machine", "get --api http://x machine", "get machine --api http://x",
        "--api=http://x lease", "lease --api http://x", "lease --api=http://x list", "lease list --api http://x",
        "--api http://x cluster", "cluster --api http://x", "cluster --api http://x ready",
        "cluster ready --api http://x",
        "--api http://x cluster drain b --wait", "window --outage 4h --api http://x",
        "--api http://x window --outage 4h",
    ])
    func `the address may stand before the subcommand and behind it`(arguments: String) throws {
        #expect(try connection(arguments).api == "http://x")
        #expect(try connection(arguments).tokenFile == nil)
    }

    @Test(arguments: [
        "--api http://x --token-file /t get machine -o json", "--api http://x get machine --token-file /t",
        "--token-file /t apply -f site.yaml --api http://x", "apply -f site.yaml --api http://x --token-file /t",
    ])
    func `each option has its own place`(arguments: String) throws {
        #expect(try connection(arguments).api == "http://x")
        #expect(try connection(arguments).tokenFile == "/t")
    }

    @Test func `of two, the last counts`() throws {
        #expect(try connection("--api http://a get machine --api http://b").api == "http://b")
    }

    @Test func `nothing said is nothing set`() throws {
        #expect(try connection("get machine").api == nil)
        #expect(throws: (any Error).self) { try connection("get machine --apj http://x") }
        #expect(throws: (any Error).self) { try connection("--api") }
    }

    @Test(arguments: [
        ("gett machines", "gett", "did you mean 'get'?"), ("leases", "leases", "did you mean 'lease list'?"),
        ("--api http://x networks", "networks", "did you mean 'get networks'?"),
        ("--token-file=/t aply -f x", "aply", "did you mean 'apply'?"),
        ("completion bash", "completion", "ondeck --generate-completion-script bash, zsh or fish"),
        ("status", "status", "ondeck --help has all of them"),
    ])
    func `a word that is no command, and what was meant`(arguments: String, word: String, hint: String) {
        let words = arguments.split(separator: " ").map(String.init)
        let said = UnknownCommand.complaint(words, commands: ["get", "apply", "lease"])
        #expect(said == "there is no command '\(word)' (\(hint))")
    }

    @Test(arguments: [
        "", "get x", "help", "--api http://x get", "--api", "--version", "-h get", "--apj x y", "--api=x lease",
    ])
    func `other mistakes are left to the parser`(arguments: String) {
        let words = arguments.split(separator: " ").map(String.init)
        #expect(UnknownCommand.complaint(words, commands: ["get", "apply", "lease"]) == nil)
    }
}
