// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Foundation

/// The connection, and how to show what came.
struct ShowOptions: ParsableArguments {
    @OptionGroup var connection: ConnectionOptions

    @Option(name: [.short, .long], help: "How to show it.")
    var output: OutputFormat = .table
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case table, json, yaml }
enum DocumentFormat: String, ExpressibleByArgument, CaseIterable { case yaml, json }

extension Terminal {
    /// What came: as it came, or as what `table` makes of it.
    func show<Report: Decodable>(
        _ answer: APIClient.Answer, as format: OutputFormat, table: (Report) throws -> [String]
    ) throws {
        switch format {
        case .json: try show(answer, as: .json)
        case .yaml: try show(answer, as: .yaml)
        case .table: lines(try table(try answer.decode(Report.self)))
        }
    }

    /// The same of what was decoded, and perhaps cut down.
    func show<Report: Encodable>(_ report: Report, as format: OutputFormat, table: (Report) -> [String]) throws {
        switch format {
        case .json: try show(report: report, as: .json)
        case .yaml: try show(report: report, as: .yaml)
        case .table: lines(table(report))
        }
    }

    /// What came, as YAML or as JSON for people.
    func show(_ body: APIClient.Answer, as format: DocumentFormat) throws { show(try body.value(), as: format) }

    /// Not inlined: the optimizer of Swift 6.3.1 crashes on asynchronous functions that this has become a part of.
    @inline(never)
    func show(report: some Encodable, as format: DocumentFormat) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        show(try JSONText.parse(Array(encoder.encode(report))), as: format)
    }

    func show(_ value: FieldValue, as format: DocumentFormat) {
        switch format {
        case .yaml: out(YAMLWriter.text(value))
        case .json: line(String(decoding: JSONText.bytes(value, indented: true), as: UTF8.self))
        }
    }
}
