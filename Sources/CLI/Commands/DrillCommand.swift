// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import ArgumentParser
import Foundation
import Model

public struct DrillCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Rehearse a failure, and measure how long clients feel it.",
        discussion: """
            Made-up clients ask for leases on the network's own link, without a pause, while the node up to bat hands \
            over, is killed, or stands still. What is measured is what they see: the longest time in which nobody got \
            an address. Run it as root on a machine on that link; a node will do.

              ondeck drill lab --kind handover
              ondeck drill lab --kind kill --interface eth1
              ondeck drill lab --kind silence --pause 5 --yes -o json

            handover   a successor is named, and later the network is handed back   promised: \
            \(Limits.handoverPromiseMilliseconds) ms
            kill       the process ends as by SIGKILL; systemd starts it again      promised: \
            \(Limits.killPromiseMilliseconds) ms
            silence    the process stands still as by SIGSTOP, and then goes on     promised: \
            \(Limits.silencePromiseMilliseconds) ms

            kill and silence need the line "drill: allowed" in the ondeck.yaml of the node. It is felt by real \
            clients as a real failure is, in every network that the node is up to bat for, and transfers of files from \
            it break off. The clients take one address each (--clients), and give it back; the network must lease \
            addresses to unknown machines. Exits with 0 when the promise was kept, with 1 when it was not, or when \
            nothing can be said, and with 2 when nothing was rehearsed.
            """)

    @Argument(help: "The network.")
    var network: String

    @Option(help: "What happens to the node up to bat.")
    var kind: DrillKind

    @Option(
        help: ArgumentHelp(
            "Where the clients are. (default: the interface with an address in one of the network's subnets)",
            valueName: "name"))
    var interface: String?

    @Option(help: "How many clients there are: so many addresses are taken at most.")
    var clients = Limits.drillClientsDefault

    @Option(help: "New leases that they ask for in a second.")
    var rate = Limits.drillRateDefault

    @Option(help: "How long they ask, in all.")
    var seconds = Limits.drillSecondsDefault

    @Option(help: "silence: for how many seconds the node stands still.")
    var pause = Limits.drillSilenceMillisecondsDefault / 1_000

    @Flag(help: "Ask nothing first.")
    var yes = false

    @Flag(help: "Also when `ondeck cluster ready` says that a failure now would be felt.")
    var force = false

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    static var failureCode: ExitCode { ExitCode(2) }

    public func validate() throws {
        func check(_ option: String, _ value: Int64, _ allowed: ClosedRange<Int64>) throws {
            guard !allowed.contains(value) else { return }
            throw ValidationError("--\(option) takes a number from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        try check("clients", Int64(clients), Int64(Limits.drillWaitingMin)...Int64(Limits.drillClientsMax))
        try check("rate", Int64(rate), Int64(Limits.drillRateMin)...Int64(Limits.drillRateMax))
        try check("seconds", Int64(seconds), Int64(Limits.drillSecondsMin)...Int64(Limits.drillSecondsMax))
        let pauses = Limits.drillSilenceMillisecondsMin / 1_000...Limits.drillSilenceMillisecondsMax / 1_000
        try check("pause", pause, pauses)
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        guard let access = DrillAccess.current else {
            throw CommandError("this program was built without made-up clients")
        }
        let name = if let interface { interface } else { try await ownInterface(client, access) }
        let rehearsal = DrillRehearsal(
            network: network, kind: kind, load: .init(interface: name, clients: clients, perSecond: rate),
            seconds: seconds, pauseMilliseconds: pause * 1_000, force: force, client: client, access: access,
            terminal: terminal)
        let order = try await rehearsal.ask()
        if !yes { try confirm(order, terminal) }
        let report = try await rehearsal.run(order)
        switch show.output {
        case .json: try terminal.show(report: report, as: .json)
        case .yaml: try terminal.show(report: report, as: .yaml)
        case .table: terminal.lines(DrillText(report: report, terminal: terminal).lines)
        }
        if report.outcome != .kept { throw ExitCode.failure }
    }

    /// The one with an address in the network.
    private func ownInterface(_ client: APIClient, _ access: DrillAccess) async throws -> String {
        let objects = try await client.send(.get, ["api", "v1", "networks", network]).objects()
        let subnets = (objects.first?.fields.asMap?["subnets"]?.asList ?? [])
            .compactMap { $0.asMap?["subnet"]?.asString.flatMap { IPv4Subnet($0) } }
        let found = try Self.sentence { try access.interfaces() }.filter { interface in
            interface.addresses.contains { address in subnets.contains { $0.contains(address) } }
        }
        guard found.count == 1 else {
            let names = found.map(\.name).joined(separator: " and ")
            throw CommandError(
                found.isEmpty
                    ? "no interface of this machine has an address in \(network)"
                    : "\(names) have addresses in \(network)",
                hint: "Name the one that is on its link: --interface eth1")
        }
        return found[0].name
    }

    /// What is not a failure of the command's own becomes one.
    static func sentence<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as CommandError { throw error } catch {
            throw CommandError("\(error)")
        }
    }

    private func confirm(_ order: DrillOrderReport, _ terminal: Terminal) throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandError("nobody is there to be asked", hint: "With --yes it is done without a question.")
        }
        terminal.error(printable("\(DrillText.question(order)) [y/N] "))
        let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased()
        guard answer == "y" || answer == "yes" else { throw CommandError("nothing was done") }
    }
}

extension DrillKind: ExpressibleByArgument {}
