import Bundles
import Foundation
import GRDB
import Support
import SystemPackage
import TestSupport
import Testing

@testable import RestoreDrill

@Suite struct BundleDrillTests {
    @Test func goodBundlePassesWithItsCounts() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let before = try TreeFingerprint(fixture.home)
        let part = try await fixture.run(fixture.bundleSource(file))
        #expect(part.outcome == .passed, "\(part.checks)")
        #expect(part.counts.sessions == 12)
        #expect(part.counts.messages == 240)
        #expect(part.outcome("no-secrets") == .skipped)
        #expect(part.secretsToProvide.isEmpty)
        #expect(part.origins.first?.manifestSHA256.count == 64)
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        #expect(fixture.leftovers().isEmpty)
    }

    @Test func bothAgree() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        let file = try fixture.bundle()
        guard case .repository(let repository) = try fixture.repositorySource() else { return }
        let source = RestoreSource.both(repository, BundleOrigin(file: file, identities: [fixture.identity]))
        let part = try await fixture.run(source)
        #expect(part.outcome == .passed, "\(part.checks)")
        #expect(part.outcome("agreement") == .passed)
        #expect(part.outcome("no-secrets") == .passed)
        #expect(part.counts.messages == 240)
        #expect(part.origins.map(\.type) == ["repository", "file"])
    }

    /// A bundle is laid over the repository's part out of folders that may not be written to. Root may write to any: a process
    /// without its rights does it.
    @Test func overlaysTakeFromFoldersThatAreClosed() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("upper/closed/a", "new")
        try folder.write("lower/closed/a", "old")
        try folder.write("lower/closed/b", "stays")
        #expect(folder.path.pushing("upper/closed").withPlatformString { chmod($0, 0o500) } == 0)
        if geteuid() == 0 {
            try #expect(await Self.succeeds("chown", "-R", "65534:65534", folder.path.string))
        }
        await #expect(processExitsWith: .success) { [path = folder.path.string as String] in
            if geteuid() == 0 { #expect(setgid(65534) == 0 && setuid(65534) == 0) }
            let expectations = Expectations(
                instance: "vijay",
                entries: [
                    .init(path: Array("closed".utf8), kind: .directory, permissions: 0o500),
                    .init(path: Array("closed/a".utf8), kind: .file, permissions: 0o600, size: 3),
                ])
            try Overlay.lay(
                FilePath(path).appending("upper"), over: FilePath(path).appending("lower"), expectations,
                cancellation: CancellationFlag())
        }
        let lower = folder.path.pushing("lower/closed")
        #expect(try FileSystem.read(lower.appending("a"), limit: 10) == Array("new".utf8))
        #expect(try FileSystem.read(lower.appending("b"), limit: 10) == Array("stays".utf8))
        #expect(try FileStatus(at: lower).permissions == 0o500)
        #expect(lower.withPlatformString { chmod($0, 0o700) } == 0)
    }

    private static func succeeds(_ program: FilePath, _ arguments: String...) async throws -> Bool {
        try await SystemCommandRunner().run(
            program, arguments, environment: ["PATH": "/usr/bin:/bin"], deadline: .seconds(20)
        ).isSuccess
    }

    @Test func bothDisagreeWhereTimeCannotExplainIt() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        // Other bytes, but not touched since long before the commit.
        let soul = fixture.home.appending("SOUL.md")
        try FileSystem.replace(soul, with: Array("You are somebody else.\n".utf8))
        let old = [timespec(tv_sec: 1_700_000_000, tv_nsec: 0), timespec(tv_sec: 1_700_000_000, tv_nsec: 0)]
        #expect(soul.withPlatformString { utimensat(AT_FDCWD, $0, old, 0) } == 0)
        fixture.time.advance(by: .seconds(3600))
        let file = try fixture.bundle()
        guard case .repository(let repository) = try fixture.repositorySource() else { return }
        let part = try await fixture.run(
            .both(repository, BundleOrigin(file: file, identities: [fixture.identity])))
        #expect(part.failed == ["agreement"], "\(part.checks)")
        #expect(part.reason("agreement").contains("SOUL.md"))
        #expect(part.error?.exit == .damagedInput)
    }

    @Test(arguments: [0.05, 0.5, 0.95])
    func changedByteOfTheFileIsDamage(place: Double) async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        var bytes = try FileSystem.read(file, limit: 1 << 26)
        bytes[Int(Double(bytes.count) * place)] ^= 4
        try FileSystem.replace(file, with: bytes)
        let error = await #expect(throws: OperatorError.self) { _ = try await fixture.run(fixture.bundleSource(file)) }
        #expect(error?.exit == .damagedInput)
        #expect(fixture.leftovers().isEmpty)
    }

    @Test func truncatedBundleIsDamage() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let bytes = try FileSystem.read(file, limit: 1 << 26)
        try FileSystem.replace(file, with: Array(bytes.dropLast(100)))
        let error = await #expect(throws: OperatorError.self) { _ = try await fixture.run(fixture.bundleSource(file)) }
        #expect(error?.exit == .damagedInput)
        #expect(fixture.leftovers().isEmpty)
    }

    @Test func wrongIdentityIsAnErrorAndLeavesNothing() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let error = await #expect(throws: OperatorError.self) {
            _ = try await fixture.run(.bundle(BundleOrigin(file: file, identities: [AgeIdentity.generate()])))
        }
        #expect(error.map { Drill.saysDamage($0) } == false)
        #expect(fixture.leftovers().isEmpty)
    }

    @Test func badPageFailsDatabases() async throws {
        let fixture = try DrillFixture()
        let path = fixture.home.appending("state.db")
        var bytes = try FileSystem.read(path, limit: 1 << 26)
        // A page in the middle of the file; the first holds the schema.
        let page = bytes.count / 4096 / 2
        for index in (page * 4096)..<(page * 4096 + 2000) { bytes[index] = 0xA5 }
        try FileSystem.replace(path, with: bytes, permissions: 0o644)
        let file = try fixture.bundle()
        let part = try await fixture.run(fixture.bundleSource(file))
        #expect(part.failed == ["databases"], "\(part.checks)")
        #expect(part.error?.exit == .damagedInput)
    }

    /// Damaged in its first bytes, or emptied, a database is no database to whoever makes the bundle.
    @Test(arguments: ["", "hello\n", "SQL?"])
    func aStateThatIsNoDatabaseFails(_ head: String) async throws {
        let fixture = try DrillFixture()
        let path = fixture.home.appending("state.db")
        let bytes = try FileSystem.read(path, limit: 1 << 26)
        let isWhole = head == "SQL?"
        try FileSystem.replace(path, with: Array(head.utf8) + (isWhole ? Array(bytes.dropFirst(4)) : []))
        let part = try await fixture.run(fixture.bundleSource(try fixture.bundle()))
        #expect(part.failed == ["databases"], "\(part.checks)")
        #expect(part.reason("databases").contains("state.db is no SQLite database"))
    }

    /// What a link leads to outside of the home is this machine's, and in no backup.
    @Test func linksOutOfTheHomeProveNothing() async throws {
        let fixture = try DrillFixture()
        let elsewhere = fixture.folder.path.appending("elsewhere")
        try FileSystem.makeDirectory(elsewhere)
        for name in ["cron", "memories", "config.yaml", "state.db"] {
            try FileSystem.rename(fixture.home.appending(name), to: elsewhere.appending(name))
            #expect(symlink(elsewhere.appending(name).string, fixture.home.appending(name).string) == 0)
        }
        let part = try await fixture.run(fixture.bundleSource(try fixture.bundle()))
        #expect(part.failed.sorted() == ["config", "cron", "databases", "memories"], "\(part.checks)")
        #expect(part.reason("cron").contains("the link cron leads out of the home"))
        #expect(part.counts.cronJobs == 0)
    }

    /// A parser shows the line that it stumbled over, and secrets stand in such lines.
    @Test(arguments: ["m:\n\tpw: PLANT\n", "a: 1\nb: PLANT\nb: PLANT\n", "x: \"PLANT\n"])
    func aBrokenConfigurationIsNotQuoted(_ text: String) async throws {
        let fixture = try DrillFixture()
        let secret = "kx7Lm2" + "pQz9w"
        try fixture.fixture.write("config.yaml", Array(text.replacing("PLANT", with: secret).utf8))
        let part = try await fixture.run(fixture.bundleSource(try fixture.bundle()))
        #expect(part.failed == ["config"], "\(part.checks)")
        #expect(part.reason("config").contains("line "))
        #expect(!part.checks.contains { $0.reason?.contains(secret) == true })
    }

    @Test(arguments: ["DELETE FROM messages WHERE id = 17", "DELETE FROM messages_fts WHERE rowid = 17"])
    func lostRowFailsDatabases(statement: String) async throws {
        let fixture = try DrillFixture()
        let file = try await fixture.rebuild(try fixture.bundle()) { root in
            let queue = try DatabaseQueue(path: root.pushing("home/state.db").string)
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: statement)
                try db.execute(sql: "PRAGMA journal_mode=delete")
            }
            try queue.close()
        }
        let part = try await fixture.run(fixture.bundleSource(file))
        #expect(part.failed == ["databases"], "\(part.checks)")
        #expect(part.reason("databases").contains("239"))
    }

    @Test func wrongModeFailsModes() async throws {
        let fixture = try DrillFixture()
        #expect(fixture.home.appending(".env").withPlatformString { chmod($0, 0o644) } == 0)
        let part = try await fixture.run(fixture.bundleSource(try fixture.bundle()))
        #expect(part.failed == ["modes"])
        #expect(part.error?.exit == .failure)
    }

    @Test func bundleOfAnotherInstanceFailsTheManifest() async throws {
        let fixture = try DrillFixture()
        let part = try await fixture.run(fixture.bundleSource(try fixture.bundle(instance: "bheem")))
        #expect(part.failed == ["manifest"])
    }

    @Test func skillWithoutFrontMatterFailsSkills() async throws {
        let fixture = try DrillFixture()
        try fixture.fixture.write("skills/bare/SKILL.md", Array("Just text.\n".utf8))
        let part = try await fixture.run(fixture.bundleSource(try fixture.bundle()))
        #expect(part.failed == ["skills"])
    }

    @Test func keptFolderStaysAndTheSweepSparesIt() async throws {
        let fixture = try DrillFixture()
        let drill = try fixture.drill(gate: false)
        let restored = try await drill.restore(fixture.bundleSource(try fixture.bundle()))
        try restored.keep()
        _ = try await drill.verify(restored, hermes: HermesTrial(.off))
        try restored.remove()
        _ = try DrillFolder.sweep(below: fixture.drills, includingOwn: true)
        #expect(fixture.leftovers().count == 1)
        #expect(try FileStatus(at: restored.home.appending("state.db")).kind == .file)
    }

    @Test func cancelledDrillLeavesNothing() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let drill = try fixture.drill(gate: false)
        let source = fixture.bundleSource(file)
        let before = try TreeFingerprint(fixture.home)
        for delay in [0, 2, 5, 10, 20, 40] {
            let task = Task {
                let restored = try await drill.restore(source)
                return try await drill.verify(restored, hermes: HermesTrial(.off))
            }
            try await Task.sleep(for: .milliseconds(delay))
            task.cancel()
            _ = await task.result
            #expect(fixture.leftovers().isEmpty)
        }
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
    }
}
