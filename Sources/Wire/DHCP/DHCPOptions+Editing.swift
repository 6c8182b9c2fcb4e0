// SPDX-License-Identifier: Apache-2.0

extension DHCPOptions {
    /// The same options without this one.
    public func removing(_ code: DHCPOptionCode) -> DHCPOptions {
        guard let range = range(of: code) else { return self }
        var copy = self
        copy.storage.removeSubrange((range.lowerBound - 3)..<range.upperBound)
        return copy
    }
}
