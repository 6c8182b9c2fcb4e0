// SPDX-License-Identifier: Apache-2.0

import Ports

/// What stands at the head of each answer.
struct EtcdHeader: Hashable, Sendable {
    var cluster: UInt64 = 0
    var member: UInt64 = 0
    var revision = Revision.none
}

struct EtcdRecord: Sendable {
    var key: [UInt8] = []
    var value: [UInt8] = []
    var revision = Revision.none
}

struct EtcdPage: Sendable {
    var header = EtcdHeader()
    var records: [EtcdRecord] = []
    var hasMore = false
}

struct EtcdTransaction: Sendable {
    var header = EtcdHeader()
    var isDone = false
    /// When it was not done: the revision of each guarded key, in their order.
    var guarded: [Revision] = []
}

struct EtcdMemberStatus: Sendable {
    var header = EtcdHeader()
    var version = ""
    var leader: UInt64 = 0
    var sizeBytes: Int64 = 0
    var errors: [String] = []
}

struct EtcdMember: Sendable {
    var id: UInt64 = 0
    var name = ""
    var clientURLs: [String] = []
    /// It follows, and has no vote.
    var isLearner = false
}

struct EtcdAlarm: Sendable {
    var member: UInt64 = 0
    var kind = ""
}

/// Why etcd did not do what it was asked for, in its own words.
struct EtcdRefusal: Hashable, Sendable {
    /// gRPC's number.
    var code: Int64 = 0
    var message = ""
}

/// One message of a watch.
struct EtcdWatchMessage: Sendable {
    struct Event: Sendable {
        var isDelete = false
        var record = EtcdRecord()
    }

    var header = EtcdHeader()
    var isCreated = false
    var isCanceled = false
    /// Set when the revision asked for is forgotten.
    var compacted: Int64 = 0
    var reason = ""
    var events: [Event] = []
    var refusal: EtcdRefusal?
}

// MARK: Reading them

extension JSONScanner {
    typealias Reading<Value> = (inout Value, String, inout JSONScanner) throws(Fault) -> Void

    /// One object: `member` reads what it knows into the value, and skips the rest.
    fileprivate mutating func value<Value>(_ empty: Value, _ member: Reading<Value>) throws(Fault) -> Value {
        var value = empty
        try object { (name, scanner) throws(Fault) in try member(&value, name, &scanner) }
        return value
    }

    fileprivate mutating func values<Value>(
        _ read: (inout JSONScanner) throws(Fault) -> Value
    ) throws(Fault) -> [Value] {
        var values: [Value] = []
        try array { (scanner) throws(Fault) in values.append(try read(&scanner)) }
        return values
    }

    fileprivate mutating func header() throws(Fault) -> EtcdHeader {
        try value(EtcdHeader()) { (header, name, scanner) throws(Fault) in
            switch name {
            case "cluster_id": header.cluster = try scanner.identifier()
            case "member_id": header.member = try scanner.identifier()
            case "revision": header.revision = Revision(try scanner.integer())
            default: try scanner.skip()
            }
        }
    }

    fileprivate mutating func record() throws(Fault) -> EtcdRecord {
        try value(EtcdRecord()) { (record, name, scanner) throws(Fault) in
            switch name {
            case "key": record.key = try scanner.data()
            case "value": record.value = try scanner.data()
            case "mod_revision": record.revision = Revision(try scanner.integer())
            default: try scanner.skip()
            }
        }
    }

    mutating func page() throws(Fault) -> EtcdPage {
        try value(EtcdPage()) { (page, name, scanner) throws(Fault) in
            switch name {
            case "header": page.header = try scanner.header()
            case "kvs": page.records = try scanner.values { (each) throws(Fault) in try each.record() }
            case "more": page.hasMore = try scanner.bool()
            default: try scanner.skip()
            }
        }
    }

    mutating func transaction() throws(Fault) -> EtcdTransaction {
        try value(EtcdTransaction()) { (transaction, name, scanner) throws(Fault) in
            switch name {
            case "header": transaction.header = try scanner.header()
            case "succeeded": transaction.isDone = try scanner.bool()
            case "responses" where !transaction.isDone:
                transaction.guarded = try scanner.values { (each) throws(Fault) in
                    try each.value(Revision.none) { (found, name, scanner) throws(Fault) in
                        guard name == "response_range" else { return try scanner.skip() }
                        found = try scanner.page().records.first?.revision ?? .none
                    }
                }
            default: try scanner.skip()
            }
        }
    }

    mutating func memberStatus() throws(Fault) -> EtcdMemberStatus {
        try value(EtcdMemberStatus()) { (status, name, scanner) throws(Fault) in
            switch name {
            case "header": status.header = try scanner.header()
            case "version": status.version = try scanner.string()
            case "leader": status.leader = try scanner.identifier()
            case "dbSize": status.sizeBytes = try scanner.integer()
            case "errors": status.errors = try scanner.values { (each) throws(Fault) in try each.string() }
            default: try scanner.skip()
            }
        }
    }

    mutating func members() throws(Fault) -> [EtcdMember] {
        try value([]) { (members, name, scanner) throws(Fault) in
            guard name == "members" else { return try scanner.skip() }
            members = try scanner.values { (each) throws(Fault) in
                try each.value(EtcdMember()) { (member, name, scanner) throws(Fault) in
                    switch name {
                    case "ID": member.id = try scanner.identifier()
                    case "name": member.name = try scanner.string()
                    case "isLearner": member.isLearner = try scanner.bool()
                    case "clientURLs":
                        member.clientURLs = try scanner.values { (url) throws(Fault) in try url.string() }
                    default: try scanner.skip()
                    }
                }
            }
        }
    }

    mutating func alarms() throws(Fault) -> [EtcdAlarm] {
        try value([]) { (alarms, name, scanner) throws(Fault) in
            guard name == "alarms" else { return try scanner.skip() }
            alarms = try scanner.values { (each) throws(Fault) in
                try each.value(EtcdAlarm()) { (alarm, name, scanner) throws(Fault) in
                    switch name {
                    case "memberID": alarm.member = try scanner.identifier()
                    case "alarm": alarm.kind = try scanner.string()
                    default: try scanner.skip()
                    }
                }
            }
        }
    }

    mutating func token() throws(Fault) -> String {
        try value("") { (token, name, scanner) throws(Fault) in
            if name == "token" { token = try scanner.string() } else { try scanner.skip() }
        }
    }

    /// Of 3.4 and 3.5 ("error", "message", "code"), of 3.6 ("message", "code"), and of a watch ("grpc_code").
    mutating func refusal() throws(Fault) -> EtcdRefusal {
        try value(EtcdRefusal()) { (refusal, name, scanner) throws(Fault) in
            switch name {
            case "code", "grpc_code": refusal.code = try scanner.integer()
            case "message": refusal.message = try scanner.string()
            case "error" where refusal.message.isEmpty: refusal.message = try scanner.string()
            default: try scanner.skip()
            }
        }
    }

    /// A line of a watch: `{"result": ...}` or `{"error": ...}`.
    mutating func watchMessage() throws(Fault) -> EtcdWatchMessage {
        try value(EtcdWatchMessage()) { (message, name, scanner) throws(Fault) in
            switch name {
            case "result": message = try scanner.watchResult()
            case "error": message.refusal = try scanner.refusal()
            default: try scanner.skip()
            }
        }
    }

    private mutating func watchResult() throws(Fault) -> EtcdWatchMessage {
        try value(EtcdWatchMessage()) { (message, name, scanner) throws(Fault) in
            switch name {
            case "header": message.header = try scanner.header()
            case "created": message.isCreated = try scanner.bool()
            case "canceled": message.isCanceled = try scanner.bool()
            case "compact_revision": message.compacted = try scanner.integer()
            case "cancel_reason": message.reason = try scanner.string()
            case "events":
                message.events = try scanner.values { (each) throws(Fault) in
                    try each.value(EtcdWatchMessage.Event()) { (event, name, scanner) throws(Fault) in
                        switch name {
                        case "type": event.isDelete = try scanner.string() == "DELETE"
                        case "kv": event.record = try scanner.record()
                        default: try scanner.skip()
                        }
                    }
                }
            default: try scanner.skip()
            }
        }
    }
}
