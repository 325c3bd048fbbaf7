import HTTP
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

/// A store of either kind, with what a test needs to look behind it.
struct StoreUnderTest: Sendable {
    enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case folder, drive
        var testDescription: String { rawValue }
    }

    let store: any Store
    let temporary: TemporaryDirectory
    let drive: FakeDrive?

    init(_ kind: Kind) throws {
        switch kind {
        case .folder:
            temporary = try TemporaryDirectory()
            store = DirectoryStore(temporary.path.appending("store"))
            drive = nil
        case .drive:
            let fake = try FakeDrive()
            temporary = fake.temporary
            store = try fake.store()
            drive = fake
        }
    }

    func bundle(_ bytes: [UInt8], _ name: String, instance: String = "bheem", created: Int64 = 1_790_000_000)
        async throws -> OutgoingBundle
    {
        let file = try temporary.write("out/\(name)", bytes)
        return try await .measuring(
            file, name: name, instance: instance, run: "00ff", created: Timestamp(seconds: created))
    }
}

@Suite("What every store does", .timeLimit(.minutes(5)))
struct StoreConformanceTests {
    @Test("What is put comes back, byte for byte", arguments: StoreUnderTest.Kind.allCases, [0, 1, 700_000])
    func roundTrip(kind: StoreUnderTest.Kind, size: Int) async throws {
        let test = try StoreUnderTest(kind)
        let bytes = randomBytes(size)
        let bundle = try await test.bundle(bytes, "b.age")
        let item = try await test.store.put(bundle, progress: NoProgress())
        #expect(item.isVerified)
        #expect(item.name == "b.age")
        #expect(item.properties == bundle.properties)
        #expect(try await test.store.item(item.id) == item)
        let listing = try await test.store.list(instance: "bheem")
        #expect(listing.items == [item] && listing.gaps.isEmpty)
        let target = test.temporary.path.appending("back.age")
        let progress = ProgressSum()
        try await test.store.get(item, into: target, progress: progress)
        #expect(try FileSystem.read(target, limit: 1 << 20) == bytes)
        #expect(try FileStatus(at: target).permissions == 0o600)
        #expect(progress.total == Int64(size))
        // A second file of that name is not overwritten.
        await #expect(throws: OperatorError.self) {
            try await test.store.get(item, into: target, progress: NoProgress())
        }
    }

    @Test("The same bundle put again is the same item", arguments: StoreUnderTest.Kind.allCases)
    func twice(_ kind: StoreUnderTest.Kind) async throws {
        let test = try StoreUnderTest(kind)
        let bundle = try await test.bundle(randomBytes(1000), "b.age")
        let first = try await test.store.put(bundle, progress: NoProgress())
        #expect(try await test.store.put(bundle, progress: NoProgress()) == first)
        // Also where nothing is remembered of the first time.
        try FileSystem.removeTree(test.temporary.path.appending("state"))
        #expect(try await test.store.put(bundle, progress: NoProgress()) == first)
        #expect(try await test.store.list(instance: nil).items == [first])
    }

    @Test("The list is by instance, newest first", arguments: StoreUnderTest.Kind.allCases)
    func list(_ kind: StoreUnderTest.Kind) async throws {
        let test = try StoreUnderTest(kind)
        let listing = try await test.store.list(instance: nil)
        #expect(listing.items.isEmpty && listing.gaps.isEmpty)
        for (index, instance) in ["bheem", "vijay", "bheem"].enumerated() {
            let bundle = try await test.bundle(
                [UInt8(index)], "\(index).age", instance: instance, created: 1_790_000_000 + Int64(index))
            _ = try await test.store.put(bundle, progress: NoProgress())
        }
        #expect(try await test.store.list(instance: "bheem").items.map(\.name) == ["2.age", "0.age"])
        #expect(try await test.store.list(instance: nil).items.map(\.name) == ["2.age", "1.age", "0.age"])
        #expect(try await test.store.list(instance: "it's \\").items.isEmpty)
    }

    @Test("Deleting deletes, twice is fine, and another's is refused", arguments: StoreUnderTest.Kind.allCases)
    func delete(_ kind: StoreUnderTest.Kind) async throws {
        let test = try StoreUnderTest(kind)
        let item = try await test.store.put(try await test.bundle([1], "a.age"), progress: NoProgress())
        let other = try await test.store.put(
            try await test.bundle([2], "b.age", instance: "vijay"), progress: NoProgress())
        var disguised = other
        disguised.properties.instance = "bheem"
        await #expect(throws: OperatorError.self) { try await test.store.delete(disguised) }
        try await test.store.delete(item)
        try await test.store.delete(item)
        #expect(try await test.store.item(item.id) == nil)
        #expect(try await test.store.list(instance: nil).items == [other])
        // And may be put again.
        #expect(try await test.store.put(try await test.bundle([1], "a.age"), progress: NoProgress()).isVerified)
    }

    @Test("Prune keeps what the rules keep", arguments: StoreUnderTest.Kind.allCases)
    func prune(_ kind: StoreUnderTest.Kind) async throws {
        let test = try StoreUnderTest(kind)
        for index in 0..<5 {
            let bundle = try await test.bundle(
                [UInt8(index)], "\(index).age", created: 1_790_000_000 + Int64(index) * 86_400)
            _ = try await test.store.put(bundle, progress: NoProgress())
        }
        _ = try await test.store.put(
            try await test.bundle([9], "other.age", instance: "vijay", created: 1_000_000_000), progress: NoProgress())
        let rules = try KeepRules(parsing: ["last": "2"])
        let now = Timestamp(seconds: 1_800_000_000)
        let plan = try await test.store.prune(instance: "bheem", rules: rules, now: now, dryRun: true)
        #expect(plan.deletions.map(\.name) == ["2.age", "1.age", "0.age"])
        #expect(try await test.store.list(instance: "bheem").items.count == 5)
        try await test.store.prune(instance: "bheem", rules: rules, now: now, dryRun: false)
        #expect(try await test.store.list(instance: nil).items.map(\.name) == ["4.age", "3.age", "other.age"])
    }

    @Test("A file that changed since it was measured is refused", arguments: StoreUnderTest.Kind.allCases)
    func changed(_ kind: StoreUnderTest.Kind) async throws {
        let test = try StoreUnderTest(kind)
        for replacement in [randomBytes(600_000), randomBytes(700)] {
            let bundle = try await test.bundle(randomBytes(600_000), "b.age")
            try FileSystem.replace(bundle.file, with: replacement)
            let error = try await #require(throws: OperatorError.self) {
                try await test.store.put(bundle, progress: NoProgress())
            }
            #expect(error.exit == .damagedInput)
            #expect(try await test.store.list(instance: nil).items.filter(\.isVerified).isEmpty)
        }
    }

    @Test(
        "What an interrupted get left is used if it is right and thrown away if not",
        arguments: StoreUnderTest.Kind.allCases)
    func resumedGet(_ kind: StoreUnderTest.Kind) async throws {
        let test = try StoreUnderTest(kind)
        let bytes = randomBytes(700_000)
        let item = try await test.store.put(try await test.bundle(bytes, "b.age"), progress: NoProgress())
        let target = test.temporary.path.appending("back.age")
        for left in [Array(bytes[..<500_000]), [UInt8](repeating: 1, count: 500_000)] {
            do {
                let part = try PartialDownload(of: item, into: target)
                try left.withUnsafeBytes { try part.write($0) }
            }
            try await test.store.get(item, into: target, progress: NoProgress())
            #expect(try FileSystem.read(target, limit: 1 << 20) == bytes)
            try FileSystem.removeTree(target)
        }
        let left = try DirectoryListing.names(at: test.temporary.path).filter { $0.first == UInt8(ascii: ".") }
        #expect(left.isEmpty)
    }
}
