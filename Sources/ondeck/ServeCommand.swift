// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CLI
import Foundation
import Logging
import ServiceLifecycle

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server.",
        discussion: """
            Reads ondeck.yaml, opens the store, and serves what the store says until it gets SIGTERM or SIGINT. With no
            network configured it is silent on the wire: describe one with `ondeck apply`.
            """)

    @Option(name: [.short, .long], help: "The configuration file; without it the defaults count.")
    var config: String?

    func run() async throws {
        let configuration: ServerConfiguration
        do throws(FileErrors) { configuration = try Self.load(config) } catch { throw Self.fail("\(error)") }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        Self.raiseDescriptorLimit()
        var logger = Logger(label: "ondeck")
        logger.logLevel = configuration.log.level
        do throws(StartFault) {
            try await Composition.make(configuration, logger: logger).run()
        } catch { throw Self.fail("ondeck: \(error.sentence)") }
    }

    /// The file that was named must be there; the usual one need not.
    private static func load(_ path: String?) throws(FileErrors) -> ServerConfiguration {
        if let path { return try ServerConfiguration.load(path: path) }
        guard FileManager.default.fileExists(atPath: ServerConfiguration.defaultPath) else {
            return ServerConfiguration()
        }
        return try ServerConfiguration.load(path: ServerConfiguration.defaultPath)
    }

    /// As many open files as this process may have: each running transfer uses two.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    private static func fail(_ message: String) -> ExitCode {
        FileHandle.standardError.write(Data((message + "\n").utf8))
        return .failure
    }
}

/// Why the server could not start, in one sentence.
struct StartFault: Error, CustomStringConvertible {
    var sentence: String
    var description: String { sentence }
}

extension ServerConfiguration.LogLevel {
    var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
