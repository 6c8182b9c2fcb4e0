// SPDX-License-Identifier: Apache-2.0

extension FieldValue {
    /// What changed between two canonical forms, field by field, in the order of the new one.
    static func differences(from old: FieldValue, to new: FieldValue) -> [ChangeReport.Field] {
        var changes: [ChangeReport.Field] = []
        collect(old, new, "", &changes)
        return changes
    }

    private static func collect(
        _ old: FieldValue?, _ new: FieldValue?, _ path: String, _ changes: inout [ChangeReport.Field]
    ) {
        if old == new { return }
        if let old = old?.asMap, let new = new?.asMap {
            let added = new.keys.filter { old[$0] == nil }
            for key in old.keys + added {
                collect(old[key], new[key], path.isEmpty ? key : "\(path).\(key)", &changes)
            }
        } else if let old = old?.asList, let new = new?.asList, (old + new).contains(where: { $0.asMap != nil }) {
            for index in 0..<max(old.count, new.count) {
                let before = index < old.count ? old[index] : nil
                collect(before, index < new.count ? new[index] : nil, "\(path)[\(index)]", &changes)
            }
        } else {
            // Lists of plain values change as a whole: half of an address list says nothing.
            changes.append(ChangeReport.Field(field: path, old: old, new: new))
        }
    }
}
