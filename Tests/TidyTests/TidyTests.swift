// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The house rules that a program can check. Each rule has a fixture that breaks it: a gate that cannot fail is none.
@Suite struct TidyTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func sources(_ folder: String) throws -> [SourceFile] {
        let base = root.appending(path: folder)
        let found =
            FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)?.allObjects as? [URL] ?? []
        return try found.filter { $0.pathExtension == "swift" }.map { url in
            let path = folder + url.path().dropFirst(base.path().count)
            return SourceFile(path: path, text: try String(contentsOf: url, encoding: .utf8))
        }
    }

    @Test func sourcesAreTidy() throws {
        let files = try Self.sources("Sources")
        #expect(files.count > 50)
        for finding in files.flatMap(Tidy.findings) { Issue.record("\(finding)") }
    }

    @Test func testsAreTidy() throws {
        let files = try Self.sources("Tests").filter { !$0.path.contains("TidyTests") }
        #expect(files.count > 10)
        for finding in files.flatMap(Tidy.findingsInTests) { Issue.record("\(finding)") }
    }

    @Test(arguments: [
        ("Sources/Wire/X.swift", "import Addresses\n", "licence"),
        ("Sources/Wire/X.swift", "// SPDX-License-Identifier: Apache-2.0\nimport Foundation\n", "may not import"),
        ("Sources/Decisions/X.swift", "// SPDX-License-Identifier: Apache-2.0\nimport Engine\n", "may not import"),
        (
            "Sources/TFTPService/X.swift", "// SPDX-License-Identifier: Apache-2.0\nimport DHCPService\n",
            "may not import"
        ),
        ("Sources/Model/X.swift", "// SPDX-License-Identifier: Apache-2.0\nfunc f() async {}\n", "async"),
        ("Sources/Engine/X.swift", "// SPDX-License-Identifier: Apache-2.0\nlet t = Task { 1 }\n", "bare Task"),
        ("Sources/Engine/X.swift", "// SPDX-License-Identifier: Apache-2.0\nlet t = try! f()\n", "try!"),
        ("Sources/Engine/X.swift", "// SPDX-License-Identifier: Apache-2.0\nlet t = x as! Y\n", "as!"),
        ("Sources/Engine/X.swift", "// SPDX-License-Identifier: Apache-2.0\n// TODO: later\n", "left over"),
        (
            "Sources/Engine/X.swift", "// SPDX-License-Identifier: Apache-2.0\n" + String(repeating: "x", count: 121),
            "columns"
        ),
        (
            "Sources/Engine/X.swift",
            "// SPDX-License-Identifier: Apache-2.0\nfunc f() {\n" + String(repeating: "a()\n", count: 70) + "}\n",
            "lines long"
        ),
        (
            "Sources/Engine/X.swift", "// SPDX-License-Identifier: Apache-2.0\n" + String(repeating: "a\n", count: 400),
            "file of"
        ),
    ])
    func eachRuleCanFail(path: String, text: String, finding: String) {
        let findings = Tidy.findings(SourceFile(path: path, text: text))
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }

    @Test func aSkippedTestIsFound() {
        let text = "// SPDX-License-Identifier: Apache-2.0\n@Test(" + ".disabled(\"later\")) func f() {}\n"
        #expect(!Tidy.findingsInTests(SourceFile(path: "Tests/X.swift", text: text)).isEmpty)
    }
}

struct SourceFile {
    var path: String
    var text: String
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    /// The folder under Sources.
    var room: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
}

enum Tidy {
    /// What each room may import of ours; ARCHITECTURE draws the same arrows.
    static let arrows: [String: Set<String>] = [
        "Addresses": [],
        "Wire": ["Addresses"],
        "Model": ["Addresses"],
        "CLinux": [],
        "Decisions": ["Addresses", "Wire", "Model"],
        "APITypes": ["Addresses", "Wire", "Model"],
        "Ports": ["Model"],
        "Simulation": ["Addresses", "Wire", "Model", "Decisions", "APITypes", "Ports", "Engine"],
        "ondeck-sim": ["Simulation"],
        "Engine": ["Addresses", "Wire", "Model", "Decisions", "APITypes", "Ports", "CLinux"],
        "DHCPService": ["Addresses", "Wire", "Model", "Decisions", "Engine", "CLinux"],
        "TFTPService": ["Addresses", "Wire", "Model", "Decisions", "Engine", "CLinux"],
        "HTTPService": ["Addresses", "Model", "Decisions", "APITypes", "Engine", "CLinux"],
        "PeerService": ["Addresses", "Model", "CLinux"],
        "DrillService": ["Addresses", "Wire", "Model", "Decisions", "APITypes", "CLinux"],
        "ContentService": ["Addresses", "Model", "Decisions", "APITypes", "Engine", "Ports", "CLinux"],
        "StoreSQLite": ["Model", "Ports"],
        "StoreEtcd": ["Model", "Ports"],
        "StoreConsul": ["Model", "Ports"],
        "CLI": ["Addresses", "Wire", "Model", "APITypes", "Ports"],
        "ondeck": [
            "Addresses", "Wire", "Model", "Decisions", "APITypes", "Ports", "Engine", "DHCPService", "TFTPService",
            "HTTPService", "PeerService", "ContentService", "DrillService", "StoreSQLite", "StoreEtcd", "StoreConsul",
            "CLI",
        ],
    ]
    /// Floors 0 and 1: the standard library only, no clock, no waiting.
    static let pure: Set<String> = ["Addresses", "Wire", "Model", "Decisions", "APITypes"]
    static let columnsMax = 120
    /// Packets and messages in tests are not broken in two.
    static let columnsInTestsMax = 140
    static let linesMax = 400
    static let functionLinesMax = 70

    static func findings(_ file: SourceFile) -> [String] {
        common(file, columnsMax: columnsMax) + imports(file) + banned(file) + functions(file)
    }

    static func findingsInTests(_ file: SourceFile) -> [String] {
        var found = common(file, columnsMax: columnsInTestsMax)
        for (number, line) in file.lines.enumerated() where line.contains(".disabled(") || line.contains("XCTSkip") {
            found.append("\(file.path):\(number + 1): a skipped test")
        }
        return found
    }

    private static func common(_ file: SourceFile, columnsMax: Int) -> [String] {
        var found: [String] = []
        if file.lines.first != "// SPDX-License-Identifier: Apache-2.0" {
            found.append("\(file.path):1: no licence line")
        }
        if file.lines.count > linesMax + 1 { found.append("\(file.path): a file of \(file.lines.count) lines") }
        for (number, line) in file.lines.enumerated() {
            let at = "\(file.path):\(number + 1)"
            if line.utf8.count > columnsMax, line.count > columnsMax { found.append("\(at): \(line.count) columns") }
            if hasWord(line, ["TODO", "FIXME", "XXX", "HACK"]) { found.append("\(at): something left over") }
        }
        return found
    }

    private static func imports(_ file: SourceFile) -> [String] {
        guard let allowed = arrows[file.room] else { return ["\(file.path): the room \(file.room) has no arrows"] }
        var found: [String] = []
        for (number, line) in file.lines.enumerated() where line.contains("import ") {
            guard
                let match = line.firstMatch(
                    of: #/^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:public |package |internal )?import (?:\w+ )?(\w+)/#)
            else { continue }
            let name = String(match.1)
            let isOurs = arrows[name] != nil
            if isOurs ? !allowed.contains(name) : pure.contains(file.room) {
                found.append("\(file.path):\(number + 1): \(file.room) may not import \(name)")
            }
        }
        return found
    }

    private static func banned(_ file: SourceFile) -> [String] {
        var found: [String] = []
        for (number, line) in file.lines.enumerated() {
            let at = "\(file.path):\(number + 1)"
            let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
            if code.contains("Task"), code.contains(#/\bTask(\.detached)?\s*\{/#) { found.append("\(at): a bare Task") }
            if ["try!", "as! ", "fatalError("].contains(where: code.contains) {
                found.append("\(at): try!, as! or fatalError")
            }
            if pure.contains(file.room), hasWord(code, ["async", "await"]) {
                found.append("\(at): async in a pure room")
            }
        }
        return found
    }

    /// Whether one of these stands in the line as a word of its own. (A Regex a line would take a minute here.)
    private static func hasWord(_ line: Substring, _ words: [String]) -> Bool {
        guard words.contains(where: line.contains) else { return false }
        return line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.contains { words.contains(String($0)) }
    }

    /// A function's lines, from its opening line to the brace that stands under it.
    private static func functions(_ file: SourceFile) -> [String] {
        var found: [String] = []
        var open: (indent: Int, line: Int)?
        for (number, line) in file.lines.enumerated() {
            let indent = line.prefix { $0 == " " }.count
            if open == nil, line.hasSuffix("{"), hasWord(line, ["func", "init", "subscript"]) {
                open = (indent, number)
            }
            if let start = open, number > start.line, line.dropFirst(indent).hasPrefix("}"), indent == start.indent {
                let length = number - start.line + 1
                if length > functionLinesMax {
                    found.append("\(file.path):\(start.line + 1): a function \(length) lines long")
                }
                open = nil
            }
        }
        return found
    }
}
