internal import Dispatch
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// A bundle that waits for its stores: what of an earlier run is gone on with, and what is swept.
@Suite struct PendingBundleTests {
    private let bench: BundleBench
    private let folder: FilePath
    private let time = ManualTime()
    private static let marker = "a line of plaintext that stands in the home alone"

    init() throws {
        bench = try BundleBench()
        try bench.folder.write("home/a", Self.marker)
        folder = bench.folder.path.appending("bundles")
    }

    private func names() throws -> [String] {
        try DirectoryListing.names(at: folder).map { String(decoding: $0, as: UTF8.self) }
    }

    private func take(
        _ request: BundleRequest? = nil, stores: Set<String> = ["near", "far"]
    ) throws -> (PendingBundle?, [String]) {
        var said: [String] = []
        let pending = try PendingBundle.takeUp(
            in: folder, for: try request ?? bench.request(), stores: stores, now: time.now, explain: { said.append($0) }
        )
        return (pending, said)
    }

    @discardableResult
    private func make(stores: Set<String> = ["near", "far"]) throws -> PendingBundle {
        try FileSystem.makeDirectory(folder)
        return try PendingBundle.make(in: folder, for: try bench.request(), stores: stores, run: "r1", time: time)
    }

    @Test func itWaitsUntilEveryStoreHasIt() async throws {
        #expect(try take().0 == nil)
        var made = try make()
        #expect(try names() == [made.name.description, "pending.json"])
        #expect(try FileStatus(at: folder.appending("pending.json")).permissions == 0o600)
        let sums = try await shell("cd bundles; sha256sum *.age; md5sum *.age", in: bench.folder.path)
        #expect(sums.hasPrefix(made.sha256) && sums.contains("\n\(made.md5) "))
        try made.noteHeld(by: "near")
        time.advance(by: PendingBundle.lifetime - .seconds(1))
        // The next run goes on with it, the same in every respect.
        var taken = try #require(try take().0)
        #expect(taken.sha256 == made.sha256 && taken.md5 == made.md5 && taken.size == made.size)
        #expect(taken.name == made.name && taken.run == "r1" && taken.files == made.files)
        #expect(try names().count == 2)
        try taken.noteHeld(by: "far")
        #expect(try names() == [])
        #expect(try take().0 == nil)
    }

    @Test func killedBetweenTheLastStoreAndTheRemovalNothingWaits() throws {
        try make(stores: ["near"])
        var pending = try #require(try take(stores: ["near"]).0)
        let file = try FileSystem.read(pending.path, limit: 1 << 20)
        // A second store is declared meanwhile: the bundle goes there too. Then it is no longer.
        pending = try #require(try take().0)
        try pending.noteHeld(by: "near")
        #expect(try FileSystem.read(pending.path, limit: 1 << 20) == file)
        let (left, said) = try take(stores: ["near"])
        #expect(left == nil && said.first?.contains("every store has it") == true)
        #expect(try names() == [])
    }

    @Test(arguments: [
        "recipient", "instance", "home", "selection", "old", "future", "damaged", "shorter", "gone", "link",
    ])
    func whatDoesNotFitIsSwept(what: String) throws {
        let made = try make()
        var request = try bench.request()
        var bytes = try FileSystem.read(made.path, limit: 1 << 20)
        switch what {
        case "recipient": request.recipients.append(try #require(try AgeIdentity.generate().recipient()))
        case "instance": request.instance = "vijay"
        case "home": request.home = bench.folder.path
        case "selection": request.selection = "other"
        case "old": time.advance(by: PendingBundle.lifetime)
        case "future": time.advance(by: .seconds(-3600))
        case "damaged":
            bytes[bytes.count / 2] ^= 1
            try FileSystem.replace(made.path, with: bytes)
        case "shorter": try FileSystem.replace(made.path, with: Array(bytes.dropLast()))
        case "gone": try FileSystem.removeTree(made.path)
        default:
            let other = bench.folder.path.appending("elsewhere")
            try FileSystem.rename(made.path, to: other)
            try #require(symlink(other.string, made.path.string) == 0)
        }
        let (pending, said) = try take(request)
        #expect(pending == nil)
        #expect(said.count == 1, "\(said)")
        #expect(try names() == [])
    }

    @Test func recipientsInAnotherOrderAreTheSame() throws {
        let two = try ["x", "y"].map { _ in try #require(try AgeIdentity.generate().recipient()) }
        var request = try bench.request()
        request.recipients = two
        try FileSystem.makeDirectory(folder)
        let made = try PendingBundle.make(in: folder, for: request, stores: ["near"], run: "r1", time: time)
        request.recipients = two.reversed()
        #expect(try take(request).0?.sha256 == made.sha256)
    }

    @Test(arguments: ["{", "{}", #"{"format":"hermes-ops-pending-bundle","version":2}"#, ""])
    func aRecordThatIsNoneIsSweptWithWhatLiesBesideIt(text: String) throws {
        try make()
        try FileSystem.replace(folder.appending("pending.json"), with: Array(text.utf8))
        try bench.folder.write("bundles/.bheem-x.tmp", "half")
        #expect(try take().0 == nil)
        #expect(try names() == [])
        // A name that leads elsewhere names no bundle.
        try bench.folder.write("kept", "x")
        let made = try make()
        let record = String(
            decoding: try FileSystem.read(folder.appending("pending.json"), limit: 1 << 20), as: UTF8.self)
        let evil = record.split(separator: made.name.description).joined(separator: "../kept")
        try FileSystem.replace(folder.appending("pending.json"), with: Array(evil.utf8))
        #expect(try take().0 == nil)
        #expect(try names() == [])
        #expect(try FileStatus(at: bench.folder.path.appending("kept")).size == 1)
    }

    /// A job without `upload`: the last bundle stays until the next one is whole.
    @Test func withoutStoresTheLastOneStays() throws {
        let first = try make(stores: [])
        #expect(first.staysHere)
        #expect(try names() == [first.name.description])
        time.advance(by: .seconds(60))
        #expect(try take(stores: []).0 == nil)
        #expect(try names() == [first.name.description])
        var failing = try bench.request()
        failing.home = bench.folder.path.appending("absent")
        #expect(
            failure { _ = try PendingBundle.make(in: folder, for: failing, stores: [], run: "r2", time: time) } != nil)
        #expect(try names() == [first.name.description])
        let second = try make(stores: [])
        #expect(try names() == [second.name.description])
        #expect(second.name != first.name)
        // Once a store is declared, what was made for none is made anew.
        #expect(try take().0 == nil)
        #expect(try names() == [])
    }

    /// Killed at any moment of making, noting and removing: one bundle at the most, nothing in the clear, and the next run goes on.
    @Test func killedAnywhereItLeavesOneBundleAtTheMost() async throws {
        var generator = SeededGenerator(8)
        try bench.folder.write("home/blob", generator.bytes(2_000_000))
        let root = bench.folder.path.string
        for round in 0..<(isStress ? 80 : 8) {
            await #expect(processExitsWith: .signal(SIGKILL)) { [root = root as String, round = round as Int] in
                let bench = BundleBench(reopening: FilePath(root))
                let folder = bench.folder.path.appending("bundles")
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(1 + round * 37 % 160)) {
                    kill(getpid(), SIGKILL)
                }
                while true {
                    let request = try bench.request()
                    var pending =
                        try PendingBundle.takeUp(
                            in: folder, for: request, stores: ["near", "far"], now: SystemTime().now)
                        ?? PendingBundle.make(in: folder, for: request, stores: ["near", "far"], run: "r")
                    for store in ["near", "far"] { try pending.noteHeld(by: store) }
                }
            }
            let left = (try? names()) ?? []
            #expect(left.filter { BundleName($0) != nil }.count <= 1, "round \(round): \(left)")
            for name in left {
                let bytes = try FileSystem.read(folder.appending(name), limit: 10 << 20)
                #expect(bytes.firstRange(of: Array(Self.marker.utf8)) == nil, "round \(round): \(name)")
                guard BundleName(name) != nil else { continue }
                _ = try BundleReader.inspect(MemorySource(bytes), identities: bench.keys())
            }
        }
        var last =
            try PendingBundle.takeUp(in: folder, for: bench.request(), stores: ["near"], now: SystemTime().now)
            ?? PendingBundle.make(in: folder, for: bench.request(), stores: ["near"], run: "r")
        try last.noteHeld(by: "near")
        #expect(try names() == [])
    }
}
