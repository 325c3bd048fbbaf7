import Bundles
import Foundation
import GRDB
import Glibc
import RestoreDrill
import Sanitizer
import Support
import SystemPackage
import TestSupport
import Testing

@Suite struct RestorerTests {
    private func request(
        _ fixture: DrillFixture, _ source: RestoreSource, into target: FilePath, live: FilePath? = nil,
        replaces: Bool = false, ownPlaces: [FilePath] = [], instance: String? = DrillFixture.instance
    ) throws -> RestoreRequest {
        RestoreRequest(
            source: source, target: target, liveHome: live ?? fixture.home, replaces: replaces, ownPlaces: ownPlaces,
            instance: instance,
            policy: try Policy.hermes(), time: fixture.time)
    }

    /// Names in a folder that a restore made and should not have left.
    private func leftovers(_ folder: FilePath) throws -> [String] {
        try DirectoryListing.names(at: folder).map { String(decoding: $0, as: UTF8.self) }.filter {
            $0.hasPrefix(".hermes-ops") || $0.hasSuffix(".partial")
        }
    }

    private func text(_ path: FilePath) throws -> String {
        String(decoding: try FileSystem.read(path, limit: 1 << 24), as: UTF8.self)
    }

    @Test(arguments: [false, true])
    func bundleIntoANewFolder(exists: Bool) async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let target = fixture.folder.path.appending("restored")
        if exists { try FileSystem.makeDirectory(target) }
        let report = try await Restorer(try request(fixture, fixture.bundleSource(file), into: target)).run()
        #expect(report.previousHome == nil)
        #expect(try text(target.appending("SOUL.md")) == text(fixture.home.appending("SOUL.md")))
        #expect(try text(target.appending(".env")) == text(fixture.home.appending(".env")))
        #expect(try FileStatus(at: target.appending(".env")).permissions == 0o600)
        #expect(try FileStatus(at: target).permissions == 0o700)
        #expect(report.absolutePaths.contains { $0.contains("/root/.hermes/sessions") })
        #expect((try? FileStatus(at: target.appending("state.db-wal"))) == nil)
        #expect(try leftovers(fixture.folder.path).isEmpty)
    }

    @Test func repositoryIntoANewFolder() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        let target = fixture.folder.path.appending("restored")
        let report = try await Restorer(try request(fixture, try fixture.repositorySource(), into: target)).run()
        #expect((try? FileStatus(at: target.appending(".env"))) == nil)
        #expect(try FileStatus(at: target.appending(".env.template")).kind == .file)
        #expect((try? FileStatus(at: target.appending("MANIFEST.json"))) == nil)
        #expect((try? FileStatus(at: target.appending("CANARY"))) == nil)
        #expect((try? FileStatus(at: target.appending(".git"))) == nil)
        #expect(try FileStatus(at: target.appending("config.yaml")).permissions == 0o600)
        #expect(report.secretsToProvide.contains { $0.name == "auth.json" })
        #expect(try leftovers(fixture.folder.path).isEmpty)
    }

    @Test func badTargetsAreRefused() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let before = try TreeFingerprint(fixture.home)
        let full = fixture.folder.path.appending("full")
        try FileSystem.makeDirectory(full)
        try FileSystem.replace(full.appending("a"), with: Array("a".utf8))
        let link = fixture.folder.path.appending("link")
        #expect(symlink(fixture.home.string, link.string) == 0)
        let dangling = fixture.folder.path.appending("dangling")
        #expect(symlink("/nowhere/at/all", dangling.string) == 0)
        for target in [
            full, fixture.home, fixture.home.appending("inner"), fixture.folder.path, link, link.appending("inner"),
            dangling, fixture.folder.path.pushing("profiles/x"), fixture.folder.path.pushing(".hermes/x"), "/",
        ] {
            let error = await #expect(throws: OperatorError.self, "\(target)") {
                _ = try await Restorer(try request(fixture, fixture.bundleSource(file), into: target)).run()
            }
            #expect(error?.exit == .usage, "\(target): \(error?.description ?? "")")
        }
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        #expect(try text(full.appending("a")) == "a")
    }

    @Test func replacingTheLiveHomeKeepsTheOldOneBeside() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        try FileSystem.replace(fixture.home.appending("SOUL.md"), with: Array("Changed since.\n".utf8))
        try FileSystem.replace(fixture.home.appending("state.db-wal"), with: Array("stale".utf8))
        try FileSystem.makeDirectory(fixture.home.pushing("hermes-agent/venv"))
        let live = fixture.folder.path.appending("link")
        #expect(symlink(fixture.home.string, live.string) == 0)
        let report = try await Restorer(
            try request(fixture, fixture.bundleSource(file), into: live, live: live, replaces: true)
        ).run()
        let kept = FilePath(try #require(report.previousHome))
        #expect(kept.removingLastComponent() == fixture.folder.path)
        #expect(kept.string.contains("home.before-"))
        #expect(try text(kept.appending("SOUL.md")) == "Changed since.\n")
        #expect(try text(fixture.home.appending("SOUL.md")) != "Changed since.\n")
        #expect((try? FileStatus(at: fixture.home.appending("state.db-wal"))) == nil)
        #expect(report.leftInPreviousHome.contains("hermes-agent/"))
        #expect(try FileStatus(at: live).kind == .symlink)
        #expect(try leftovers(fixture.folder.path).isEmpty)
    }

    @Test func aHeldGatewayLockRefuses() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let path = fixture.home.appending("gateway.lock")
        try FileSystem.replace(path, with: Array("{}".utf8))
        let before = try TreeFingerprint(fixture.home)
        let lock = try #require(try FileLock(fixture.folder.path.appending("other")))
        let raw = open(path.string, O_RDONLY)
        #expect(flock(raw, LOCK_EX | LOCK_NB) == 0)
        let request = try request(
            fixture, fixture.bundleSource(file), into: fixture.home, replaces: true)
        let error = await #expect(throws: OperatorError.self) { _ = try await Restorer(request).run() }
        #expect(error?.type == "gateway-alive")
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        #expect(try leftovers(fixture.folder.path).isEmpty)
        // A process that another test starts may hold a copy of the descriptor.
        #expect(flock(raw, LOCK_UN) == 0)
        close(raw)
        _ = try await Restorer(request).run()
        withExtendedLifetime(lock) {}
    }

    /// A profile has a gateway of its own.
    @Test func aProfilesGatewayRefusesToo() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        try fixture.fixture.write("profiles/work/gateway.lock", Array("{}".utf8))
        let raw = open(fixture.home.pushing("profiles/work/gateway.lock").string, O_RDONLY)
        #expect(flock(raw, LOCK_EX | LOCK_NB) == 0)
        let request = try request(fixture, fixture.bundleSource(file), into: fixture.home, replaces: true)
        let error = await #expect(throws: OperatorError.self) { _ = try await Restorer(request).run() }
        #expect(error?.type == "gateway-alive")
        #expect(flock(raw, LOCK_UN) == 0)
        close(raw)
    }

    /// State, stores and repository are no place for a home: the next run would sweep it, or commit it.
    @Test func theProgramsOwnFoldersAreRefused() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let state = fixture.folder.path.appending("state")
        try FileSystem.makeDirectory(state.appending("bundles"))
        let outer = fixture.folder.path.appending("outer")
        try FileSystem.makeDirectory(outer.appending("store"))
        let places = [state, outer.appending("store")]
        for target in [state, state.pushing("bundles/job"), outer, outer.appending("store")] {
            let request = try request(
                fixture, fixture.bundleSource(file), into: target, replaces: true, ownPlaces: places)
            let error = await #expect(throws: OperatorError.self, "\(target)") { _ = try await Restorer(request).run() }
            #expect(error?.type == "restore-target" && error?.exit == .usage)
        }
        #expect(try DirectoryListing.names(at: state).count == 1)
    }

    /// What the live database had already when the bundle was made is no reason to do without it.
    @Test func oldFaultsOfADatabaseAreTold() async throws {
        let fixture = try DrillFixture()
        let queue = try DatabaseQueue(path: fixture.home.appending("state.db").string)
        try await queue.writeWithoutTransaction { db in
            try db.execute(
                sql:
                    "PRAGMA foreign_keys = 0; DELETE FROM sessions WHERE id = 's3'; DELETE FROM messages_fts WHERE rowid = 17"
            )
        }
        try queue.close()
        let file = try fixture.bundle()
        let target = fixture.folder.path.appending("restored")
        let report = try await Restorer(try request(fixture, fixture.bundleSource(file), into: target)).run()
        #expect(report.warnings.contains { $0.contains("foreign key") }, "\(report.warnings)")
        #expect(report.warnings.contains { $0.contains("239 rows in messages_fts") }, "\(report.warnings)")
        // A drill is stricter.
        #expect(try await fixture.run(fixture.bundleSource(file)).failed == ["databases"])
    }

    /// A database that is reached by a link within the home comes back like any other.
    @Test func linkedDatabasesAreRestored() async throws {
        let fixture = try DrillFixture()
        try FileSystem.makeDirectory(fixture.home.appending("data"))
        try FileSystem.rename(fixture.home.appending("state.db"), to: fixture.home.pushing("data/state.db"))
        #expect(symlink("data/state.db", fixture.home.appending("state.db").string) == 0)
        let file = try fixture.bundle()
        #expect(try await fixture.run(fixture.bundleSource(file)).outcome == .passed)
        let target = fixture.folder.path.appending("restored")
        let report = try await Restorer(try request(fixture, fixture.bundleSource(file), into: target)).run()
        #expect(report.absolutePaths.contains { $0.contains("/root/.hermes/sessions") })
    }

    /// From the repository: what the backup left out for its size or as a link is taken over, the rest is listed wherever it stands, and
    /// a database with a journal is rolled back, not torn from it.
    @Test func whatTheRepositoryLeavesOutIsTakenOverOrListed() async throws {
        let fixture = try DrillFixture()
        let live = fixture.home
        try fixture.fixture.write("skills/big/model.txt", Array(String(repeating: "a line\n", count: 1_600_000).utf8))
        let elsewhere = fixture.folder.path.appending("dotfiles")
        try FileSystem.makeDirectory(elsewhere)
        #expect(symlink(elsewhere.string, live.appending("linked").string) == 0)
        try fixture.fixture.write("broken.db", Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0xA5, count: 8000))
        try await fixture.backUp()
        try fixture.fixture.write("skills/new/later.md", Array("made since\n".utf8))
        let report = try await Restorer(
            try request(fixture, try fixture.repositorySource(), into: live, replaces: true)
        ).run()
        #expect(report.carriedOver.contains("skills/big/model.txt"), "\(report.carriedOver)")
        #expect(try FileStatus(at: live.appending("linked")).kind == .symlink)
        #expect(report.leftInPreviousHome.contains("skills/new/"), "\(report.leftInPreviousHome)")
        #expect(report.warnings.contains { $0.contains("broken.db") }, "\(report.warnings)")
    }

    @Test func damagedBackupLeavesTheTargetAlone() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        try await fixture.tamper { try FileSystem.removeTree($0.appending("SOUL.md")) }
        let before = try TreeFingerprint(fixture.home)
        let source = try fixture.repositorySource()
        let error = await #expect(throws: OperatorError.self) {
            _ = try await Restorer(try request(fixture, source, into: fixture.home, replaces: true)).run()
        }
        #expect(error?.exit == .damagedInput)
        let stranger = try fixture.bundle("other.age", instance: "bheem")
        let other = await #expect(throws: OperatorError.self) {
            _ = try await Restorer(
                try request(fixture, fixture.bundleSource(stranger), into: fixture.home, replaces: true)
            ).run()
        }
        #expect(other?.exit == .damagedInput)
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        #expect(try leftovers(fixture.folder.path).isEmpty)
    }

    @Test func repositoryOverALiveHomeLosesNoSecret() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        let live = fixture.home
        let environment = try FileSystem.read(live.appending(".env"), limit: 1 << 20)
        let memory = try text(live.pushing("memories/MEMORY.md"))
        let config = try text(live.appending("config.yaml"))
        // One name less than the backup knows of, and a message that only the write-ahead log holds.
        let lines = String(decoding: environment, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
        let gone = try #require(lines.first { $0.first?.isLetter == true && $0.contains("=") })
        let name = String(gone.prefix { $0 != "=" })
        try FileSystem.replace(
            live.appending(".env"), with: Array(lines.filter { $0 != gone }.joined(separator: "\n").utf8))
        try FileSystem.replace(live.appending("SOUL.md"), with: Array("Spoilt.\n".utf8))
        let report = try await Restorer(
            try request(fixture, try fixture.repositorySource(), into: live, replaces: true)
        ).run()
        let merged = try text(live.appending(".env"))
        for line in lines where line != gone && !line.isEmpty { #expect(merged.contains(line)) }
        #expect(merged.contains("# \(name)="))
        #expect(!merged.contains("\n\(name)="))
        #expect(report.secretsToProvide.contains { $0.name == name })
        #expect(try text(live.appending("SOUL.md")) != "Spoilt.\n")
        #expect(try FileStatus(at: live.appending(".env")).permissions == 0o600)
        #expect(try text(live.appending("auth.json")).isEmpty == false)
        // Each inline value of the old config.yaml stands in .env under the variable that took its place.
        let restored = try text(live.appending("config.yaml"))
        #expect(restored.contains("${HERMES_OPS_"))
        for secret in fixture.fixture.secrets where config.contains("api_key: \(secret.value)") {
            #expect(merged.contains(secret.value))
        }
        // A file whose backup has markers stays as it was live, the backup's copy beside it.
        if !report.keptLive.isEmpty {
            #expect(!report.keptLive.contains { (try? text(live.pushing(FilePath($0))).contains("«redacted")) == true })
        }
        if report.keptLive.contains("memories/MEMORY.md") {
            #expect(try text(live.pushing("memories/MEMORY.md")) == memory)
            #expect(try text(live.pushing("memories/MEMORY.md.from-backup")).contains("«redacted"))
        }
        let queue = try DatabaseQueue(path: live.appending("state.db").string)
        let count = try await queue.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM messages") }
        #expect(count == 240)
        try queue.close()
        #expect(try leftovers(fixture.folder.path).isEmpty)
    }

    @Test func whatADeadRestoreLeftIsSwept() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let dead = fixture.folder.path.appending(".hermes-ops-restore-0011223344556677")
        try FileSystem.makeDirectory(dead.appending("home"))
        let identity = ProcessIdentity(pid: 1, startTime: 1, bootID: String(repeating: "0", count: 32))
        try FileSystem.replace(
            dead.appending(".hermes-ops-drill.json"), with: Array(try JSONEncoder().encode(identity)))
        let target = fixture.folder.path.appending("restored")
        _ = try await Restorer(try request(fixture, fixture.bundleSource(file), into: target)).run()
        #expect(try leftovers(fixture.folder.path).isEmpty)
    }
}
