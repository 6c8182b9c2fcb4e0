// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Model

/// Where the server is and how to be let in: for every command that asks it.
public struct ConnectionOptions: ParsableArguments {
    public static let defaultAPI = "http://127.0.0.1:8081"
    public static let defaultTokenFile = "/var/lib/ondeck/api-token"

    @Option(help: ArgumentHelp("The server's API. (default: $ONDECK_API, or \(defaultAPI))", valueName: "url"))
    public var api: String?

    @Option(
        help: ArgumentHelp(
            "The file that holds the API token. (default: $ONDECK_TOKEN_FILE, or \(defaultTokenFile)) $ONDECK_TOKEN "
                + "holds the token itself, and counts before it.", valueName: "file"),
        completion: .file())
    public var tokenFile: String?

    public init() {}

    func client(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> APIClient {
        try APIClient(base: base(environment), token: token(environment))
    }

    private func base(_ environment: [String: String]) throws -> String {
        var text = api ?? environment["ONDECK_API"] ?? Self.defaultAPI
        while text.hasSuffix("/") { text.removeLast() }
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host?.isEmpty == false else {
            throw ValidationError("\"\(text)\" is not an URL such as \(Self.defaultAPI)")
        }
        return text
    }

    /// What was named on the command line counts before the environment.
    private func token(_ environment: [String: String]) throws -> String {
        if tokenFile == nil, let token = environment["ONDECK_TOKEN"], !token.isEmpty { return token }
        let path = tokenFile ?? environment["ONDECK_TOKEN_FILE"] ?? Self.defaultTokenFile
        let text: String
        do throws(FileErrors) {
            text = try TextFile.read(path: path)
        } catch {
            let isYetToCome = path == Self.defaultTokenFile && !FileManager.default.fileExists(atPath: path)
            let first = isYetToCome ? "`ondeck serve` makes it at its first start. " : ""
            throw CommandError(
                "token file \(error)",
                hint: first + "Run as root on the server's machine, or set ONDECK_TOKEN or --token-file.")
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw CommandError("token file \(path): does not hold a token")
        }
        return token
    }
}
