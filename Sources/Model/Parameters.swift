// SPDX-License-Identifier: Apache-2.0

/// A value that an operator gives to templates.
public enum ParameterValue: Hashable, Sendable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case list([ParameterValue])
    case map([String: ParameterValue])
}

public typealias Parameters = [String: ParameterValue]
