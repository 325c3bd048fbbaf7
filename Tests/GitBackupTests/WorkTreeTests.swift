import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

/// How files come into the work tree, and what becomes of them when the machine stops before they are on the disk.
@Suite("Work tree", .timeLimit(.minutes(3)))
struct WorkTreeTests {
    private func staged(_ fixture: Fixture, _ content: String, mode: UInt32 = 0o600) throws -> FilePath {
        let name = "staged-\(hex(randomBytes(4)))"
        let path = try fixture.folder.write(name, Array(content.utf8))
        try #require(path.withPlatformString { chmod($0, mode) } == 0)
        return path
    }

    private func entry(_ name: String, _ content: String, _ path: FilePath, _ kind: BackupEntry.Kind = .file)
        -> BackupEntry
    {
        BackupEntry(
            path: Array(name.utf8), kind: kind, blob: Fixture.blob(Array(content.utf8)), source: .staged(path))
    }

    private func commit(_ entries: [BackupEntry], _ fixture: Fixture) async throws {
        _ = try await fixture.repository.prepare(Fixture.access())
        try await #expect(fixture.repository.commit(entries, at: Fixture.time) { _ in "x" }.changed)
        try await fixture.requireSound()
    }

    private func status(_ name: String, _ fixture: Fixture) throws -> FileStatus {
        try FileStatus(at: fixture.work.appending("hermes_persistent_backup").appending(name))
    }

    @Test("Staged files are moved in, with the mode that git would give them", arguments: [1, 80])
    func moved(others: Int) async throws {
        let fixture = try await Fixture()
        let made = try FileDescriptor.open(
            fixture.folder.path.appending("usual"), .writeOnly, options: [.create],
            permissions: FilePermissions(rawValue: 0o777)
        )
        defer { try? made.close() }
        let usual = try FileStatus(of: made).permissions
        for round in ["first", "second"] {
            let plain = try staged(fixture, "plain \(round)")
            let program = try staged(fixture, "program \(round)", mode: 0o640)
            let link = try staged(fixture, "target/\(round)")
            let inodes = try [plain, program].map { try FileStatus(at: $0).inode }
            try await commit(
                [
                    entry("a/plain", "plain \(round)", plain),
                    entry("a/b/program", "program \(round)", program, .executable),
                    entry("link", "target/\(round)", link, .symlink),
                ] + Fixture.entries(Fixture.many(others, round)), fixture)
            #expect(try status("a/plain", fixture).inode == inodes[0])
            #expect(try status("a/b/program", fixture).inode == inodes[1])
            #expect(try status("a/plain", fixture).permissions == usual & 0o666)
            #expect(try status("a/b/program", fixture).permissions == usual)
            #expect(try status("link", fixture).kind == .symlink)
            #expect((try? FileStatus(at: plain)) == nil)
        }
    }

    @Test(
        "What cannot be moved is copied: a file with a second name, one on another file system, one for a group's folder"
    )
    func copied() async throws {
        let fixture = try await Fixture()
        let twice = try staged(fixture, "two names")
        let second = fixture.folder.path.appending("second")
        try #require(twice.withPlatformString { one in second.withPlatformString { Glibc.link(one, $0) } } == 0)
        let elsewhere = FilePath("/dev/shm/hermes-ops-test-\(hex(randomBytes(8)))")
        defer { try? FileSystem.removeTree(elsewhere) }
        try FileSystem.replace(elsewhere, with: Array("elsewhere".utf8))
        try await commit([entry("twice", "two names", twice), entry("d/far", "elsewhere", elsewhere)], fixture)
        #expect(try status("twice", fixture).inode != FileStatus(at: second).inode)
        #expect(try status("twice", fixture).links == 1)
        #expect(try FileSystem.read(second, limit: 100) == Array("two names".utf8))

        let folder = fixture.work.appending("hermes_persistent_backup")
        try #require(folder.withPlatformString { chmod($0, 0o2755) } == 0)
        let shared = try staged(fixture, "shared")
        let inode = try FileStatus(at: shared).inode
        try await commit([entry("shared", "shared", shared)], fixture)
        #expect(try status("shared", fixture).inode != inode)
    }

    @Test("After the machine's next start, files that the disk never got are written again", arguments: [5, 120])
    func powerCut(count: Int) async throws {
        let fixture = try await Fixture()
        let files = Fixture.many(count)
        try await fixture.commit(files)
        try fixture.lose("d0/file0", after: 0)
        try fixture.lose("d1/file1", after: 4)
        try fixture.lose("d2/file2", after: 3, zeros: 5)
        try FileSystem.removeTree(fixture.work.appending("hermes_persistent_backup/d3"))
        try fixture.restart()
        // Only a look: it does not complain of what the next run heals.
        _ = try await fixture.repository.inspect()
        let notes = try await fixture.repository.prepare(Fixture.access()).notes
        let lost = 3 + files.keys.count { $0.hasPrefix("d3/") }
        #expect(notes == ["wrote \(lost) files again that were lost when the machine stopped"])
        try await fixture.requireSound()
        #expect(try await fixture.git("diff-files", "--quiet") == "")
        #expect(try await !fixture.commit(files).changed)
        // Looked through and whole: the next start has nothing to look for.
        try fixture.restart()
        #expect(try await fixture.repository.prepare(Fixture.access()).notes == [])
        #expect((try? FileStatus(at: fixture.work.appending(".git/hermes-ops/written"))) == nil)
    }

    @Test("A first folder that was lost as a whole, its index with it, comes back")
    func lostFolder() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(Fixture.many())
        try FileSystem.removeTree(fixture.work.appending("hermes_persistent_backup"))
        try FileSystem.removeTree(fixture.work.appending(".git/index"))
        try fixture.restart()
        try await #expect(!fixture.commit(Fixture.many()).changed)
        try await fixture.requireSound()
    }

    @Test("What a person wrote is no loss of the machine's: it is kept and reported")
    func editBeforeRestart() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(Fixture.many())
        try fixture.lose("d0/file0", after: 0)
        try fixture.folder.write("work/hermes_persistent_backup/d1/file1", "mine\0\0")
        try fixture.restart()
        let error = await Fixture.failure { try await fixture.commit(Fixture.many()) }
        #expect(error?.type == "git.dirty")
        #expect(error?.reason.contains("d1/file1") == true)
        let path = fixture.work.appending("hermes_persistent_backup/d1/file1")
        #expect(try FileSystem.read(path, limit: 100) == Array("mine\0\0".utf8))
        try fixture.folder.write("work/hermes_persistent_backup/d1/file1", "content 1 \n")
        try await #expect(!fixture.commit(Fixture.many()).changed)
        try await fixture.requireSound()
    }

    @Test("While the machine runs on, an emptied file is a person's doing")
    func emptiedByHand() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(Fixture.many())
        try fixture.lose("d0/file0", after: 0)
        let error = await Fixture.failure { try await fixture.commit(Fixture.many()) }
        #expect(error?.type == "git.dirty")
        #expect(try status("d0/file0", fixture).size == 0)
    }

    @Test("A clone's files, too, are looked through after the next start")
    func clone() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(Fixture.many())
        _ = try await fixture.repository.push(Fixture.access()) { _ in }
        try FileSystem.removeTree(fixture.work)
        _ = try await fixture.repository.prepare(Fixture.access())
        try fixture.lose("d0/file0", after: 2)
        try fixture.restart()
        try await #expect(!fixture.commit(Fixture.many()).changed)
        try await fixture.requireSound()
    }

    @Test("A folder for staging is inside the repository, and nowhere without one")
    func stagingFolder() async throws {
        let fixture = try await Fixture()
        #expect(BackupRepository.stagingFolder(in: fixture.work, named: "x") == nil)
        _ = try await fixture.repository.prepare(Fixture.access())
        #expect(
            BackupRepository.stagingFolder(in: fixture.work, named: "x")
                == fixture.work.appending(".git/hermes-ops/staging-x"))
    }
}
