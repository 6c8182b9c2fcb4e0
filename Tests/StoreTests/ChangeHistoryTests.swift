// SPDX-License-Identifier: Apache-2.0

import Ports
import StoreSQLite
import Testing

@Suite struct ChangeHistoryTests {
    private func change(_ number: Int64, bytes: Int = 10) -> StoreChange {
        StoreChange(revision: Revision(number), writes: [.put(key: "k", value: [UInt8](repeating: 0, count: bytes))])
    }

    @Test func itKnowsWhatFollowed() {
        var history = ChangeHistory(revision: Revision(5), bytesMax: 1_000_000)
        #expect(history.changes(after: Revision(4)) == nil)
        #expect(history.changes(after: Revision(5))?.map(\.revision.value) == [])
        #expect(history.changes(after: Revision(6)) == nil)
        // A restart leaves a revision out.
        for number: Int64 in [6, 7, 9, 10] { history.append(change(number)) }
        #expect(history.changes(after: Revision(4)) == nil)
        #expect(history.changes(after: Revision(5))?.map(\.revision.value) == [6, 7, 9, 10])
        #expect(history.changes(after: Revision(7))?.map(\.revision.value) == [9, 10])
        #expect(history.changes(after: Revision(8))?.map(\.revision.value) == [9, 10])
        #expect(history.changes(after: Revision(10))?.map(\.revision.value) == [])
        #expect(history.changes(after: Revision(11)) == nil)
    }

    @Test func itForgetsTheOldestFirst() {
        var history = ChangeHistory(revision: .none, bytesMax: 100_000)
        for number in 1...2_000 {
            history.append(change(Int64(number), bytes: 1_000))
            #expect(history.changes(after: Revision(Int64(number - 1)))?.map(\.revision.value) == [Int64(number)])
        }
        let first = (0...2_000).first { history.changes(after: Revision(Int64($0))) != nil } ?? 0
        let all = history.changes(after: Revision(Int64(first)))?.map(\.revision.value)
        #expect(all == (first + 1...2_000).map { Int64($0) })
        #expect(first > 1_900 && first < 1_920)
    }

    @Test func oneThatIsTooLargeLeavesNothing() {
        var history = ChangeHistory(revision: .none, bytesMax: 1_000)
        history.append(change(1))
        history.append(change(2, bytes: 5_000))
        #expect(history.changes(after: Revision(1)) == nil)
        #expect(history.changes(after: Revision(2))?.isEmpty == true)
        history.append(change(3))
        #expect(history.changes(after: Revision(2))?.map(\.revision.value) == [3])
    }
}
