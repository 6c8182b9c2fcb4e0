// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import HTTPService

struct APITokenTests {
    @Test func `the first start makes a token for its owner alone, the second one finds it`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("api-token")
        _ = try APIToken.loadOrCreate(path: path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.count == 65 && text.hasSuffix("\n"))
        #expect(text.dropLast().allSatisfy { $0.isHexDigit })
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let again = try APIToken.loadOrCreate(path: path)
        #expect(again.matches(text.dropLast()))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["api-token"])
    }

    @Test func `tokens differ`() throws {
        let directory = try TemporaryDirectory()
        let texts = try (0..<20).map { number in
            _ = try APIToken.loadOrCreate(path: directory.file("\(number)"))
            return try String(contentsOfFile: directory.file("\(number)"), encoding: .utf8)
        }
        #expect(Set(texts).count == 20)
    }

    @Test func `only the whole token opens`() {
        let token = APIToken("0123456789abcdef")
        #expect(token.matches("0123456789abcdef"))
        for wrong in [
            "", "0", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcdef0123456789abcdef",
        ] {
            #expect(!token.matches(wrong))
        }
        #expect(!APIToken("").matches(""))
    }

    @Test func `a token shows itself nowhere`() {
        let token = APIToken("0123456789abcdef")
        var dumped = ""
        dump(token, to: &dumped)
        for text in ["\(token)", String(reflecting: token), dumped] { #expect(!text.contains("0123")) }
    }

    @Test(arguments: [0o644, 0o604, 0o660, 0o602])
    func `a token that others may use is refused`(mode: Int) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("api-token")
        _ = try APIToken.loadOrCreate(path: path)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let error = #expect(throws: TokenError.self) { try APIToken.loadOrCreate(path: path) }
        #expect(
            error?.description == "API token file \(path): others than its owner may use it; run: chmod 600 \(path)")
    }

    @Test func `a group may read it`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("api-token")
        _ = try APIToken.loadOrCreate(path: path)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        _ = try APIToken.loadOrCreate(path: path)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: ["", "\n", "short\n", String(repeating: "x", count: 600)])
    func `a file without a token is refused, not replaced`(content: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write("api-token", Array(content.utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: directory.file("api-token"))
        #expect(throws: TokenError.self) { try APIToken.loadOrCreate(path: directory.file("api-token")) }
        #expect(try String(contentsOfFile: directory.file("api-token"), encoding: .utf8) == content)
    }

    @Test func `a directory is not a token file, and one that is missing is said so`() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: TokenError.self) { try APIToken.loadOrCreate(path: directory.path) }
        let error = #expect(throws: TokenError.self) {
            try APIToken.loadOrCreate(path: directory.file("none/api-token"))
        }
        #expect(error?.reason == "No such file or directory")
    }

    @Test func `nodes that start at once agree on one token`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("api-token")
        let tokens = try await withThrowingTaskGroup(of: APIToken.self) { group in
            for _ in 0..<8 { group.addTask { try await onThread { try APIToken.loadOrCreate(path: path) } } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let text = try String(contentsOfFile: path, encoding: .utf8).dropLast()
        #expect(tokens.count == 8)
        #expect(tokens.allSatisfy { $0.matches(text) })
    }
}
