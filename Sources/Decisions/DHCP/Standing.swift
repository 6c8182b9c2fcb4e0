// SPDX-License-Identifier: Apache-2.0

/// How a node stands to a network's dynamic clients at the moment. Bindings are answered in every standing.
public enum Standing: Hashable, Sendable {
    /// It holds the term, and the store answers: everything, commit first.
    case upToBat
    /// The store answers, and somebody else has the term: renewals inside their window, no more.
    case onDeck
    /// The store does not answer: what is known may be confirmed inside its window, with what is left of it.
    case cutOff
    /// Nothing for dynamic clients: the records are too old, the clock has jumped, or an operator must say first that
    /// a store that was restored from a backup is the right one.
    case benched

    /// Why a dynamic client is met with silence; nil when it is not.
    var silence: DropReason? {
        switch self {
        case .upToBat: nil
        case .onDeck: .notUpToBat
        case .cutOff: .storeDown
        case .benched: .benched
        }
    }
}
