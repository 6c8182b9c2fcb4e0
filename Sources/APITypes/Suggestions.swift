// SPDX-License-Identifier: Apache-2.0

/// "did you mean 'lease-max'?", where one of the words is near enough to what was written.
public func didYouMean(_ text: String, _ words: [String]) -> String? {
    nearest(to: text, in: words).map { "did you mean '\($0)'?" }
}

/// The word most like `text`; nil where none is. Case and separators do not count: leaseMax is near lease-max.
func nearest(to text: String, in words: [String]) -> String? {
    let wanted = plainLetters(text)
    guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
    let allowed = max(1, min(3, wanted.count / 3))
    var best: (word: String, distance: Int)?
    for word in words {
        let distance = editDistance(wanted, plainLetters(word))
        guard distance <= allowed, distance < best?.distance ?? .max else { continue }
        best = (word, distance)
    }
    return best?.word
}

private func plainLetters(_ text: String) -> [UInt8] {
    text.lowercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: " ") }
}

/// How many letters to add, drop, change or swap with their neighbour to get from one word to the other.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}

/// "static, dynamic or proxy"
func spokenList(_ words: [String], last conjunction: String = "or") -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
    return "\(words.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
}
