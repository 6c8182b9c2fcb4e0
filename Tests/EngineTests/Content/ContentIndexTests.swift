// SPDX-License-Identifier: Apache-2.0

import Logging
import Model
import Ports
import Testing

@testable import Engine

/// Records of content that cannot be read are told of, once each.
@Suite struct ContentIndexTests {
    private let timeline: Timeline = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return Timeline(clock: Clock(), logger: logger)
    }()

    private var told: [String] { timeline.events(after: 0).map(\.text) }

    private static let key = StoreKeys.contentPrefix + "debian-12"

    @Test func anUnreadableRecordIsOnTheTimelineOnce() {
        let index = ContentIndex(timeline: timeline)
        let bad = StoreRecord(key: Self.key, value: Array("9 from the future".utf8), revision: Revision(1))
        index.replace([bad])
        index.replace([bad])
        index.take(StoreChange(revision: Revision(2), writes: [.put(key: Self.key, value: Array("8 again".utf8))]))
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix("site-content/debian-12 cannot be read: ") == true)
        #expect(timeline.events(after: 0).first?.level == .error)
        index.take(StoreChange(revision: Revision(3), writes: [.delete(key: Self.key)]))
        #expect(told.count == 2)
        #expect(told.last == "site-content/debian-12 can be read again, or is gone")
    }

    @Test func readableRecordsAreNotMentioned() {
        let index = ContentIndex(timeline: timeline)
        index.take(
            StoreChange(revision: Revision(1), writes: [.put(key: StoreKeys.targetPrefix + "n1", value: [])]))
        #expect(told.isEmpty)
    }
}
