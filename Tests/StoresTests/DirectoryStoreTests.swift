import Glibc
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@Suite("A folder as a store")
struct DirectoryStoreTests {
    private let temporary: TemporaryDirectory
    private let folder: FilePath
    private var store: DirectoryStore { DirectoryStore(folder) }

    init() throws {
        temporary = try TemporaryDirectory()
        folder = temporary.path.appending("store")
    }

    private func bundle(_ name: String, _ bytes: [UInt8]) async throws -> OutgoingBundle {
        let file = try temporary.write("out/\(hex(Digest.of(bytes, .sha256)))", bytes)
        return try await .measuring(
            file, name: name, instance: "bheem", run: nil, created: Timestamp(seconds: 1_790_000_000))
    }

    private func names() throws -> [String] {
        try DirectoryListing.names(at: folder).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("A missing parent is not made: the disk may not be mounted")
    func unmounted() async throws {
        let store = DirectoryStore(temporary.path.appending("nowhere").appending("store"))
        let outgoing = try await bundle("b.age", [1])
        let error = try await #require(throws: OperatorError.self) {
            try await store.put(outgoing, progress: NoProgress())
        }
        #expect(error.exit == .configuration)
        await #expect(throws: OperatorError.self) { try await store.list(instance: nil) }
        #expect((try? FileStatus(at: temporary.path.appending("nowhere"))) == nil)
    }

    @Test("A folder that held bundles and is gone is not begun anew")
    func gone() async throws {
        let mark = temporary.path.pushing("state/stores/a")
        let store = DirectoryStore(folder, mark: mark)
        #expect(try await store.list(instance: nil).items.isEmpty)
        let outgoing = try await bundle("b.age", [1])
        _ = try await store.put(outgoing, progress: NoProgress())
        try FileSystem.rename(folder, to: temporary.path.appending("elsewhere"))
        for _ in 0..<2 {
            let error = await #expect(throws: OperatorError.self) {
                try await store.put(outgoing, progress: NoProgress())
            }
            #expect(error?.type == "store-gone" && error?.exit == .configuration)
            await #expect(throws: OperatorError.self) { try await store.list(instance: nil) }
        }
        try FileSystem.makeDirectory(folder)
        _ = try await store.put(outgoing, progress: NoProgress())
        #expect(try await store.list(instance: nil).items.count == 1)
    }

    @Test("A bundle stands under its name with its record, both for this user alone")
    func layout() async throws {
        let outgoing = try await bundle("b.age", [1, 2, 3])
        let item = try await store.put(outgoing, progress: NoProgress())
        #expect(try names() == ["b.age", "b.age.json"])
        #expect(try FileStatus(at: folder.appending("b.age")).permissions == 0o600)
        #expect(try FileStatus(at: folder.appending("b.age.json")).permissions == 0o600)
        #expect(try FileStatus(at: folder).permissions == 0o700)
        #expect(item.properties == outgoing.properties)
    }

    @Test("Two bundles of one name both have a place, and each only one")
    func sameName() async throws {
        let first = try await bundle("b-20261129T000000Z.tar.zst.age", [1, 2, 3])
        let second = try await bundle("b-20261129T000000Z.tar.zst.age", [4, 5, 6])
        let third = try await bundle("b-20261129T000000Z.tar.zst.age", [7])
        let items = [
            try await store.put(first, progress: NoProgress()), try await store.put(second, progress: NoProgress()),
            try await store.put(third, progress: NoProgress()),
        ]
        #expect(items.map(\.name) == ["", "-2", "-3"].map { "b-20261129T000000Z\($0).tar.zst.age" })
        #expect(try await store.put(second, progress: NoProgress()) == items[1])
        #expect(try await store.list(instance: "bheem").items.map(\.name) == items.reversed().map(\.name))
        for (item, outgoing) in zip(items, [first, second, third]) {
            #expect(item.properties == outgoing.properties)
            let copy = temporary.path.appending("copy-\(item.name)")
            try await store.get(item, into: copy, progress: NoProgress())
        }
    }

    @Test("A copy that was killed is gone on with, and its bytes are checked")
    func resumes() async throws {
        let bytes = randomBytes(3 << 20)
        let outgoing = try await bundle("b.age", bytes)
        try FileSystem.makeDirectory(folder)
        try FileSystem.replace(folder.appending(".b.age.partial"), with: Array(bytes[..<(2 << 20)]))
        let item = try await store.put(outgoing, progress: NoProgress())
        #expect(item.isVerified)
        #expect(try FileSystem.read(folder.appending("b.age"), limit: 4 << 20) == bytes)

        // What was left is of another bundle: it is thrown away.
        let second = try await bundle("c.age", bytes)
        try FileSystem.replace(folder.appending(".c.age.partial"), with: [UInt8](repeating: 7, count: 1 << 20))
        #expect(try await store.put(second, progress: NoProgress()).isVerified)
        #expect(try FileSystem.read(folder.appending("c.age"), limit: 4 << 20) == bytes)
        #expect(try names() == ["b.age", "b.age.json", "c.age", "c.age.json"])
    }

    @Test("What dead processes left is swept, what live ones write is not")
    func sweeps() async throws {
        let first = try await bundle("a.age", [1])
        _ = try await store.put(first, progress: NoProgress())
        try FileSystem.replace(folder.appending(".old.age.partial"), with: [1, 2])
        try FileSystem.replace(folder.appending(".live.age.partial"), with: [1, 2])
        let live = try FileDescriptor.open(folder.appending(".live.age.partial"), .readOnly)
        defer { try? live.close() }
        #expect(flock(live.rawValue, LOCK_EX | LOCK_NB) == 0)
        // A record whose bundle never came.
        let record = try FileSystem.read(folder.appending("a.age.json"), limit: 10_000)
        try FileSystem.replace(folder.appending("gone.age.json"), with: record)
        try FileSystem.replace(folder.appending("live.age.json"), with: record)
        try FileSystem.replace(folder.appending("notes.json"), with: Array("{}".utf8))
        _ = try await store.put(try await bundle("b.age", [2]), progress: NoProgress())
        #expect(
            try names() == [
                ".live.age.partial", "a.age", "a.age.json", "b.age", "b.age.json", "live.age.json", "notes.json",
            ])
        #expect(try await store.list(instance: nil).items.map(\.name).sorted() == ["a.age", "b.age"])
    }

    @Test("A damaged record makes the list incomplete, and a later version's too")
    func damagedRecord() async throws {
        _ = try await store.put(try await bundle("a.age", [1]), progress: NoProgress())
        #expect(try await store.list(instance: nil).gaps.isEmpty)
        for text in [
            #"{"format":"hermes-ops-bundle","version":1}"#, #"{"format":"hermes-ops-bundle","version":2}"#, "{", "[]",
            "",
            String(repeating: " ", count: 70_000),
        ] {
            try FileSystem.replace(folder.appending("b.age"), with: [1])
            try FileSystem.replace(folder.appending("b.age.json"), with: Array(text.utf8))
            let listing = try await store.list(instance: nil)
            #expect(listing.gaps.map(\.type) == [text.contains("2}") ? "newer-record" : "damaged-record"])
            #expect(listing.gaps.first?.subject?.contains("b.age.json") == true)
            #expect(listing.items.map(\.name) == ["a.age"])
            let error = await #expect(throws: OperatorError.self) {
                try await store.prune(
                    instance: "bheem", rules: try KeepRules(parsing: ["last": "1"]), now: PruneTests.now, dryRun: false)
            }
            #expect(error?.exit == .damagedInput && error?.isTemporary == false)
        }
        // The same bundle once more mends it.
        _ = try await store.put(try await bundle("b.age", [1]), progress: NoProgress())
        #expect(try await store.list(instance: nil).items.map(\.name).sorted() == ["a.age", "b.age"])
    }

    @Test("Other programs' files are neither records nor leftovers")
    func foreignFiles() async throws {
        try FileSystem.makeDirectory(folder)
        let others = [
            ".film.mp4.partial": "half", "list.json": "[1, 2]", "list": "x", "text.json": "not JSON", "text": "x",
            "large.json": String(repeating: " ", count: 70_000), "large": "x", ".notes.json.12.tmp": "x",
        ]
        for (name, text) in others { try FileSystem.replace(folder.appending(name), with: Array(text.utf8)) }
        let old = [timespec](repeating: timespec(tv_sec: 1_000_000_000, tv_nsec: 0), count: 2)
        for name in others.keys { #expect(utimensat(AT_FDCWD, folder.appending(name).string, old, 0) == 0) }
        _ = try await store.put(try await bundle("a.age", [1]), progress: NoProgress())
        let listing = try await store.list(instance: nil)
        #expect(listing.gaps.isEmpty && listing.items.map(\.name) == ["a.age"])
        #expect(try names().sorted() == (others.keys + ["a.age", "a.age.json"]).sorted())
    }

    @Test("What cannot be looked at is not taken for missing")
    func unreadable() async throws {
        guard getuid() != 0 else { return }
        _ = try await store.put(try await bundle("a.age", [1]), progress: NoProgress())
        #expect(chmod(folder.string, 0o600) == 0)
        defer { chmod(folder.string, 0o700) }
        #expect(try await store.list(instance: nil).gaps.isEmpty == false)
        let outgoing = try await bundle("b.age", [2])
        await #expect(throws: OperatorError.self) { try await store.put(outgoing, progress: NoProgress()) }
    }

    @Test("A stored bundle that lost bytes is listed as not verified, and does not come back")
    func truncated() async throws {
        let item = try await store.put(try await bundle("a.age", randomBytes(1000)), progress: NoProgress())
        #expect(truncate(folder.appending("a.age").string, 999) == 0)
        #expect(try await store.list(instance: nil).items.map(\.isVerified) == [false])
        let target = temporary.path.appending("back")
        let error = try await #require(throws: OperatorError.self) {
            try await store.get(item, into: target, progress: NoProgress())
        }
        #expect(error.exit == .damagedInput)
        #expect((try? FileStatus(at: target)) == nil)
    }

    @Test("Nothing is pruned while the newest bundle is damaged on the disk")
    func rot() async throws {
        var bundles: [OutgoingBundle] = []
        for day in 0..<3 {
            let file = try temporary.write("out/\(day)", randomBytes(1000))
            bundles.append(
                try await .measuring(
                    file, name: "\(day).age", instance: "bheem", run: nil,
                    created: Timestamp(seconds: 1_790_000_000 + Int64(day) * 86_400)))
            _ = try await store.put(bundles[day], progress: NoProgress())
        }
        let newest = folder.appending("2.age")
        let good = try FileSystem.read(newest, limit: 1000)
        try FileSystem.replace(newest, with: good.dropLast() + [good[999] ^ 1])
        let rules = try KeepRules(parsing: ["last": "1"])
        let error = await #expect(throws: OperatorError.self) {
            try await store.prune(instance: "bheem", rules: rules, now: PruneTests.now, dryRun: false)
        }
        #expect(error?.type == "kept-damaged" && error?.exit == .damagedInput)
        #expect(try await store.list(instance: nil).items.count == 3)
        try FileSystem.replace(newest, with: good)
        try await store.prune(instance: "bheem", rules: rules, now: PruneTests.now, dryRun: false)
        #expect(try await store.list(instance: nil).items.map(\.name) == ["2.age"])
    }

    @Test("Another file of the same name is not overwritten")
    func collision() async throws {
        _ = try await store.put(try await bundle("a.age", [1]), progress: NoProgress())
        try FileSystem.replace(folder.appending("a-2.age"), with: [7])
        try FileSystem.makeDirectory(folder.appending("a-3.age"))
        let item = try await store.put(try await bundle("a.age", [2]), progress: NoProgress())
        #expect(item.name == "a-4.age")
        #expect(try FileSystem.read(folder.appending("a.age"), limit: 10) == [1])
        #expect(try FileSystem.read(folder.appending("a-2.age"), limit: 10) == [7])
    }

    @Test("A bundle that changed after it was measured is refused and leaves nothing")
    func changed() async throws {
        let outgoing = try await bundle("a.age", [1, 2, 3])
        try FileSystem.replace(outgoing.file, with: [1, 2, 4])
        let error = try await #require(throws: OperatorError.self) {
            try await store.put(outgoing, progress: NoProgress())
        }
        #expect(error.type == "changed")
        #expect(try names() == [])
    }

    @Test(
        "Names that could leave the folder are refused",
        arguments: ["../x", "a/b", ".hidden", "", "a\nb", "ü", String(repeating: "a", count: 201)])
    func names(_ name: String) async throws {
        #expect(throws: OperatorError.self) {
            try OutgoingBundle(
                file: "/dev/null", name: name,
                properties: BundleProperties(
                    instance: "bheem", run: nil, created: Timestamp(seconds: 0), size: 0, sha256: "", md5: ""))
        }
        #expect(try await store.item(name) == nil)
    }

    @Test("A full disk exits 73 and gives its space back", .enabled(if: geteuid() == 0))
    func fullDisk() async throws {
        try FileSystem.makeDirectory(folder)
        guard mount("tmpfs", folder.string, "tmpfs", 0, "size=1m") == 0 else { return }
        defer { umount2(folder.string, Int32(MNT_DETACH)) }
        let outgoing = try await bundle("big.age", randomBytes(2 << 20))
        let error = try await #require(throws: OperatorError.self) {
            try await store.put(outgoing, progress: NoProgress())
        }
        #expect(error.exit == .cannotWrite)
        #expect(try names() == [])
        #expect(try await store.put(try await bundle("small.age", [1]), progress: NoProgress()).isVerified)
    }
}
