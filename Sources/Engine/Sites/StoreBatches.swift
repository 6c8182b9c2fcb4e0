// SPDX-License-Identifier: Apache-2.0

import Ports

extension StoreWrite {
    /// What it takes of a batch's room.
    var byteCount: Int {
        switch self {
        case .put(let key, let value): key.utf8.count + value.count
        case .delete(let key): key.utf8.count
        }
    }
}

extension StoreBatch {
    var byteCount: Int { writes.reduce(0) { $0 + $1.byteCount } }

    /// The writes in their order, in groups that a batch has room for. A write that is too large by itself is alone.
    static func groups(_ writes: [StoreWrite], writesMax: Int, bytesMax: Int) -> [[StoreWrite]] {
        var groups: [[StoreWrite]] = []
        var group: [StoreWrite] = []
        var bytes = 0
        for write in writes {
            let size = write.byteCount
            if !group.isEmpty, group.count >= writesMax || bytes + size > bytesMax {
                groups.append(group)
                (group, bytes) = ([], 0)
            }
            group.append(write)
            bytes += size
        }
        return group.isEmpty ? groups : groups + [group]
    }
}

extension [StoreRecord] {
    /// What they are after these writes, in the order of their keys. New values keep the revision of the old ones.
    func applying(_ writes: [StoreWrite]) -> [StoreRecord] {
        guard !writes.isEmpty else { return self }
        var byKey = Dictionary(map { ($0.key, $0) }, uniquingKeysWith: { _, last in last })
        for write in writes {
            switch write {
            case .put(let key, let value):
                byKey[key] = StoreRecord(key: key, value: value, revision: byKey[key]?.revision ?? .none)
            case .delete(let key): byKey[key] = nil
            }
        }
        return byKey.values.sorted { $0.key < $1.key }
    }
}
