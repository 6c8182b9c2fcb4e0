// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// The parser only says "unexpected argument" of a word that is no command.
public enum UnknownCommand {
    /// What is wrong, and what was meant; nil where the first word is one of `commands`, or is not for us to judge.
    /// `arguments` are those behind the program's name.
    public static func complaint(_ arguments: [String], commands: [String]) -> String? {
        guard let word = firstWord(arguments), word != "help", !commands.contains(word) else { return nil }
        return "there is no command '\(printable(word))' (\(hint(word.lowercased(), commands)))"
    }

    /// Behind the options that may stand before a command.
    private static func firstWord(_ arguments: [String]) -> String? {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else { return word }
            let name = word.split(separator: "=", maxSplits: 1).first.map(String.init) ?? word
            guard ["--api", "--token-file"].contains(name) else { return nil }
            if name == word { _ = rest.popFirst() }
        }
        return nil
    }

    private static func hint(_ word: String, _ commands: [String]) -> String {
        if word == "leases" { return "did you mean 'lease list'?" }
        if let kind = ObjectKind.allCases.first(where: { [$0.rawValue, $0.plural].contains(word) }) {
            return "did you mean 'get \(kind.plural)'?"
        }
        if word.hasPrefix("complet") { return "ondeck --generate-completion-script bash, zsh or fish" }
        return didYouMean(word, commands) ?? "ondeck --help has all of them"
    }
}
