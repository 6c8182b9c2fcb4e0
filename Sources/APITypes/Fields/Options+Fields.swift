// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

extension FieldReader {
    /// A map of option names or numbers to values; ascending by number.
    func options() -> [OptionSetting]? {
        guard let map = value.asMap else {
            failExpected("a map of option names or numbers to values")
            return nil
        }
        var settings: [UInt8: OptionSetting] = [:]
        for entry in map.entries {
            guard let definition = optionDefinition(entry), let value = child(entry).option(definition) else {
                continue
            }
            let code = definition.code.rawValue
            if settings.updateValue(OptionSetting(code: code, value: value), forKey: code) != nil {
                failAtKey(entry, "option \(code) is set twice, by name and by number", hint: nil)
            }
        }
        return settings.values.sorted { $0.code < $1.code }
    }

    private func optionDefinition(_ entry: FieldMap.Entry) -> OptionDefinition? {
        do {
            let definition = try OptionDefinition.setting(entry.key)
            guard definition.code == .subnetMask else { return definition }
            failAtKey(entry, "option 1 (subnet-mask) cannot be set", hint: "the mask is that of the 'subnet'")
        } catch {
            failAtKey(entry, error.message, hint: error.hint)
        }
        return nil
    }

    private func option(_ definition: OptionDefinition) -> [UInt8]? {
        guard let items = optionItems() else { return nil }
        do {
            return try definition.encode(items)
        } catch {
            fail(error.message, hint: error.hint)
            return nil
        }
    }

    private func optionItems() -> [String]? {
        guard case .list(let values) = value.content else { return optionItem().map { [$0] } }
        let items = values.enumerated().map { FieldReader($1, at: "\(path)[\($0)]", log: log).optionItem() }
        return items.contains(nil) ? nil : items.compactMap { $0 }
    }

    private func optionItem() -> String? {
        switch value.content {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .boolean(let value): return String(value)
        case .null, .list, .map, .number:
            failExpected("a value or a list of values")
            return nil
        }
    }
}

extension FieldMap {
    /// Options by name, or by number where they have none.
    init(options: [OptionSetting]) {
        let entries = options.sorted { $0.code < $1.code }.map { setting in
            let definition = OptionDefinition.of(DHCPOptionCode(rawValue: setting.code))
            let key = definition.kind == .unknown ? String(setting.code) : definition.name
            return Entry(key, Self.value(setting, definition))
        }
        self.init(unique: entries)
    }

    /// As the option's kind is written, where that reads back as the same octets; else in hex.
    private static func value(_ setting: OptionSetting, _ definition: OptionDefinition) -> FieldValue {
        let items = definition.format(setting.value)
        guard !items.isEmpty, (try? definition.encode(items)) == setting.value else {
            return .string("hex:\(hexText(setting.value))")
        }
        let isHex = items.count == 1 && items[0].hasPrefix("hex:")
        if definition.kind.isList, !isHex { return .list(items.map { .string($0) }) }
        return .string(items.joined(separator: ", "))
    }
}

extension OptionKind {
    /// Whether the value is written as a list.
    fileprivate var isList: Bool {
        switch self {
        case .ipv4List, .ipv4Pairs, .uint8List, .uint16List, .encodedDomainNames, .searchList, .classlessRoutes: true
        case .ipv4, .uint8, .uint16, .uint32, .int32, .boolean, .text, .domainName, .encodedDomainName, .bytes,
            .unknown:
            false
        }
    }
}
