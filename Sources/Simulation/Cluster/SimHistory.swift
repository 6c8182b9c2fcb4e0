// SPDX-License-Identifier: Apache-2.0

import Addresses

/// What a line of a history is about, so that a failure shows its own lines only.
struct SimSubject: Hashable {
    var network: String?
    var address: IPv4Address?
    var client: Int?

    static let everybody = SimSubject()
}

/// Everything that happened, as lines that are only made when somebody reads them, and as one number.
struct SimHistory {
    private struct Line {
        var at: SimTime
        var subject: SimSubject
        var text: () -> String
    }

    private var lines: [Line] = []
    private var next = 0
    private static let linesMax = 20_000
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    var isVerbose = false

    /// `facts` are what tells this line from others: they go into the digest.
    mutating func add(
        at: SimTime, _ subject: SimSubject, facts: [UInt64], _ text: @escaping @autoclosure () -> String
    ) {
        mix(UInt64(bitPattern: at))
        for fact in facts { mix(fact) }
        mix(UInt64(subject.address?.bits ?? 0))
        let line = Line(at: at, subject: subject, text: text)
        if isVerbose { print("\(Self.clock(at)) \(text())") }
        if lines.count < Self.linesMax {
            lines.append(line)
        } else {
            lines[next] = line
            next = (next + 1) % Self.linesMax
        }
    }

    /// What is too frequent for a line.
    mutating func mix(_ word: UInt64) {
        digest = (digest ^ word) &* 0x0000_0100_0000_01b3
        digest ^= digest >> 29
    }

    /// The last lines that concern the subject: its network, its address, its client, and everybody.
    func tail(_ subject: SimSubject, count: Int) -> [String] {
        let ordered = lines[next...] + lines[..<next]
        return ordered.filter { Self.concerns($0.subject, subject) }.suffix(count)
            .map { "\(Self.clock($0.at)) \($0.text())" }
    }

    private static func concerns(_ line: SimSubject, _ asked: SimSubject) -> Bool {
        if let address = line.address, address == asked.address { return true }
        if let client = line.client, client == asked.client { return true }
        guard line.address == nil, line.client == nil else { return asked == .everybody }
        return line.network == nil || asked.network == nil || line.network == asked.network
    }

    static func clock(_ at: SimTime) -> String {
        func padded(_ number: Int64, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(padded(at / 60_000, 3)):\(padded(at / 1000 % 60, 2)).\(padded(at % 1000, 3))"
    }
}
