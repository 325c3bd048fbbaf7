import Stores
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite("Prune")
struct PruneTests {
    static let now = Timestamp(seconds: 1_800_000_000)

    static func item(_ id: String, daysAgo: Int64, instance: String = "bheem", verified: Bool = true) -> StoredItem {
        let properties = BundleProperties(
            instance: instance, run: nil, created: now - .seconds(daysAgo * 86_400), size: 10, sha256: "aa\(id)",
            md5: "bb")
        return StoredItem(
            id: id, name: id, size: 10, checksums: Checksums(sha256: verified ? "aa\(id)" : "cc"),
            properties: properties)
    }

    private func plan(_ items: [StoredItem], _ rules: [String: String], gap: OperatorError? = nil) throws -> PrunePlan {
        try PrunePlan(
            StoreListing(items: items, gaps: gap.map { [$0] } ?? []), instance: "bheem",
            rules: KeepRules(parsing: rules),
            now: Self.now)
    }

    @Test("An incomplete list deletes nothing")
    func incomplete() throws {
        let gap = OperatorError("a-gap", doing: "listing", reason: "one is missing", exit: .damagedInput)
        let error = try #require(throws: OperatorError.self) {
            try plan([Self.item("a", daysAgo: 1), Self.item("b", daysAgo: 2)], ["last": "1"], gap: gap)
        }
        #expect(error.type == "a-gap" && error.exit == .damagedInput && error.reason.contains("nothing is deleted"))
    }

    @Test("Others' bundles and damaged ones neither go nor count")
    func foreign() throws {
        let items = [
            Self.item("damaged", daysAgo: 0, verified: false), Self.item("other", daysAgo: 1, instance: "vijay"),
            Self.item("new", daysAgo: 2), Self.item("old", daysAgo: 3),
        ]
        let plan = try plan(items, ["last": "1"])
        #expect(plan.decisions.map(\.action) == [.ignore, .ignore, .keep, .delete])
        #expect(plan.decisions[0].reason.contains("not verified"))
        #expect(plan.decisions[1].reason.contains("vijay"))
        #expect(plan.decisions[2].reason == "last, newest verified")
        #expect(plan.decisions[3].reason == "no rule keeps it")
    }

    @Test("A store without checksums verifies nothing")
    func unknownChecksums() {
        var item = Self.item("a", daysAgo: 0)
        item.checksums = Checksums()
        #expect(!item.isVerified)
        item.checksums = Checksums(md5: "BB")
        #expect(item.isVerified)
        item.checksums = Checksums(md5: "bb", sha256: "ff")
        #expect(!item.isVerified)
    }

    @Test("The order of deletion does not depend on the store's order")
    func order() throws {
        let items = (0..<6).map { Self.item("\($0)", daysAgo: Int64($0)) }
        #expect(try plan(items.shuffled(), ["last": "2"]).deletions.map(\.id) == ["2", "3", "4", "5"])
    }

    @Test("A bundle of the future counts for nothing and is left alone")
    func future() throws {
        let items = [Self.item("future", daysAgo: -400)] + (0..<4).map { Self.item("\($0)", daysAgo: Int64($0) + 1) }
        for rules in [["last": "1"], ["daily": "1"], ["yearly": "1"], ["within": "12h"]] {
            let plan = try plan(items, rules)
            #expect(plan.decisions.first?.action == .ignore && plan.decisions.first?.reason.contains("future") == true)
            #expect(plan.deletions.map(\.id) == ["1", "2", "3"], "\(rules) \(plan.decisions.map(\.reason))")
        }
    }

    @Test("Copies of one bundle count once, and stay or go together")
    func copies() throws {
        var items = (0..<4).map { Self.item("\($0)", daysAgo: Int64($0)) }
        for original in [items[0], items[3]] {
            var copy = original
            (copy.id, copy.name) = (original.id + "-2", original.name + "-2")
            items.append(copy)
        }
        #expect(try plan(items, ["last": "2"]).deletions.map(\.id).sorted() == ["2", "3", "3-2"])
    }

    @Test("A dry run deletes nothing, a real one what it said")
    func dryRun() async throws {
        let store = MemoryStore((0..<4).map { Self.item("\($0)", daysAgo: Int64($0)) })
        let rules = try KeepRules(parsing: ["last": "2"])
        let dry = try await store.prune(instance: "bheem", rules: rules, now: Self.now, dryRun: true)
        #expect(store.ids == ["0", "1", "2", "3"])
        let real = try await store.prune(instance: "bheem", rules: rules, now: Self.now, dryRun: false)
        #expect(real == dry)
        #expect(store.ids == ["0", "1"])
    }

    @Test("Nothing is deleted when a bundle that is kept cannot be confirmed", arguments: ["0", "1"])
    func unconfirmed(_ vanished: String) async throws {
        let store = MemoryStore((0..<4).map { Self.item("\($0)", daysAgo: Int64($0)) }, vanished: vanished)
        let rules = try KeepRules(parsing: ["last": "2"])
        await #expect(throws: OperatorError.self) {
            try await store.prune(instance: "bheem", rules: rules, now: Self.now, dryRun: false)
        }
        #expect(store.ids == ["0", "1", "2", "3"])
    }
}

/// Items without bytes.
private final class MemoryStore: Store {
    let label = "memory"
    private let items: Mutex<[StoredItem]>
    private let vanished: String?

    init(_ items: [StoredItem], vanished: String? = nil) {
        self.items = Mutex(items)
        self.vanished = vanished
    }

    var ids: [String] { items.withLock { $0.map(\.id) } }

    func put(_ bundle: OutgoingBundle, progress: any ProgressReporter) async throws -> StoredItem {
        throw OperatorError.cancelled(doing: "putting")
    }

    func list(instance: String?) async throws -> StoreListing {
        StoreListing(items: items.withLock { $0 })
    }

    func item(_ id: String) async throws -> StoredItem? {
        id == vanished ? nil : items.withLock { $0.first { $0.id == id } }
    }

    func get(_ item: StoredItem, into path: FilePath, progress: any ProgressReporter) async throws {}

    func delete(_ item: StoredItem) async throws { items.withLock { $0.removeAll { $0.id == item.id } } }
}
