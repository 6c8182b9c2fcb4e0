// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension Machine {
    private static let keys = ["macs", "uuid", "profiles", "intent", "parameters"]
    private static let advice = [
        "mac": "did you mean 'macs'? A machine can have several",
        "profile": "did you mean 'profiles'?", "boot": "did you mean 'intent'?",
        "environment": "write intent: install ENVIRONMENT",
        "address": "a fixed address is a reservation: a section of its own",
    ]

    init(name: String, _ reader: FieldReader) {
        self.init(name: name)
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return }
        fields.read("macs", into: &macs) { $0.macs() }
        fields.read("uuid", into: &uuid) { $0.uuid() }
        fields.read("profiles", into: &profiles) { $0.distinct { $0.name() } }
        fields.read("intent", into: &intent) { $0.intent() }
        fields.read("parameters", into: &parameters) { $0.parameters() }
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("macs", list: macs)
        map.write("uuid", uuid)
        map.write("profiles", list: profiles)
        if intent != .local { map.write("intent", intent) }
        map.write("parameters", map: FieldMap(parameters))
        return .map(map)
    }
}

extension Profile {
    init(name: String, _ reader: FieldReader) {
        self.init(name: name)
        guard let fields = reader.fields(["parameters"]) else { return }
        fields.read("parameters", into: &parameters) { $0.parameters() }
    }

    var fields: FieldValue {
        var map = FieldMap()
        map.write("parameters", map: FieldMap(parameters))
        return .map(map)
    }
}

extension FieldReader {
    fileprivate func macs() -> [MACAddress]? {
        guard let macs = distinct({ $0.mac() }) else { return nil }
        guard macs.count <= Limits.macsPerMachineMax else {
            fail("has \(macs.count) MAC addresses; at most \(Limits.macsPerMachineMax) are allowed")
            return nil
        }
        return macs
    }

    /// A list in which nothing may be twice.
    func distinct<T: Hashable>(_ parse: (FieldReader) -> T?) -> [T]? {
        var seen: Set<T> = []
        return list { element in
            guard let value = parse(element) else { return nil }
            guard seen.insert(value).inserted else { element.fail("\(value) is in the list twice"); return nil }
            return value
        }
    }

    /// "install ENVIRONMENT", "always ENVIRONMENT", "local", "hold".
    public func intent() -> BootIntent? {
        let forms = "'install ENVIRONMENT', 'always ENVIRONMENT', 'local' or 'hold'"
        guard case .string(let text) = value.content else { failExpected(forms); return nil }
        guard let intent = BootIntent(text) else {
            let isName = !text.contains(" ") && ObjectNames.isValid(text) && text != "install" && text != "always"
            let near = nearest(to: text, in: ["local", "hold"]).map { "did you mean '\($0)'?" }
            failExpected(forms, hint: near ?? (isName ? "write 'install \(text)' to boot it once" : nil))
            return nil
        }
        if let environment = intent.environment, !ObjectNames.isValid(environment) {
            fail("\(quoted(environment)) is not a name", hint: ObjectNames.rule)
            return nil
        }
        return intent
    }
}
