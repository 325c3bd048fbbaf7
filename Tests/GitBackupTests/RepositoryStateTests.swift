import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

@Suite("Repository states", .timeLimit(.minutes(3)))
struct RepositoryStateTests {
    private func made() async throws -> Fixture {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1", "b/c": "2"])
        return fixture
    }

    private func refusal(_ fixture: Fixture) async -> OperatorError? {
        let inspected = await Fixture.failure { _ = try await fixture.repository.inspect() }
        let committed = await Fixture.failure { try await fixture.commit(["a": "other"]) }
        #expect(inspected?.type == committed?.type)
        return committed
    }

    @Test("Missing and empty: made, with the remote's content where it has some")
    func missing() async throws {
        let fixture = try await made()
        _ = try await fixture.repository.push(Fixture.access()) { _ in }
        var settings = fixture.settings
        settings.path = fixture.folder.path.appending("other/place")
        let other = try BackupRepository(settings)
        #expect(try await other.inspect() == nil)
        let preparation = try await other.prepare(Fixture.access())
        #expect(preparation.origin == .cloned)
        #expect(preparation.head?.description == (try await fixture.git("rev-parse", "HEAD")))
        #expect(try await Git.run(["status", "--porcelain"], in: settings.path) == "")
        #expect(try await other.prepare(Fixture.access()).origin == .existing)
        #expect(try await other.inspect()?.files.count == 2)
    }

    @Test("The oldest commit that waits is known, not the last one")
    func oldestUnpushed() async throws {
        let fixture = try await made()
        #expect(try await fixture.repository.look()?.oldestUnpushed == Fixture.time)
        _ = try await fixture.repository.push(Fixture.access()) { _ in }
        var state = try await fixture.repository.look()
        #expect(state?.unpushedCommits == 0 && state?.oldestUnpushed == nil)
        for age in 1...3 {
            let entries = Fixture.entries(["a": "later \(age)"])
            _ = try await fixture.repository.commit(entries, at: Fixture.time + .seconds(age * 1000)) { _ in "Later" }
        }
        state = try await fixture.repository.look()
        #expect(state?.unpushedCommits == 3 && state?.oldestUnpushed == Fixture.time + .seconds(1000))
        #expect(state?.committedAt == Fixture.time + .seconds(3000))
    }

    @Test("Several first runs at once: one makes it, all go on", arguments: 0..<8)
    func firstRunsAtOnce(round: Int) async throws {
        let fixture = try await Fixture()
        let path = fixture.work.appending("new")
        var settings = fixture.settings
        settings.path = path
        let repositories = try (0..<4).map { _ in try BackupRepository(settings) }
        let origins = try await withThrowingTaskGroup { group in
            for repository in repositories { group.addTask { try await repository.prepare(Fixture.access()).origin } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(origins.count { $0 == .initialised } == 1 && origins.count { $0 == .existing } == 3)
        #expect(try await Git.run(["status", "--porcelain"], in: path) == "")
        #expect(try DirectoryListing.names(at: path) == [Array(".git".utf8)])
    }

    @Test("A folder with other content is not taken, nor a file")
    func notARepository() async throws {
        let fixture = try await Fixture()
        try fixture.folder.write("work/thing", "x")
        #expect(await refusal(fixture)?.type == "git.not-a-repository")
        #expect(await refusal(fixture)?.exit == .configuration)
        let file = try await Fixture()
        try file.folder.write("work", "x")
        #expect(await refusal(file)?.type == "git.not-a-repository")
    }

    @Test("A first run that was killed within init is begun anew")
    func halfInitialised() async throws {
        let fixture = try await Fixture()
        try FileSystem.makeDirectory(fixture.work.appending(".git/objects"))
        #expect(try await fixture.commit(["a": "1"]).changed)
        try await fixture.requireSound()
    }

    @Test("A clone that was killed while it wrote the work tree is finished; what is somebody's own stays and is told")
    func halfCheckedOut() async throws {
        let fixture = try await made()
        _ = try await fixture.repository.push(Fixture.access()) { _ in }
        func forget() throws {
            for name in ["index", "refs/heads/main"] {
                try FileSystem.removeTree(fixture.work.appending(".git/" + name))
            }
        }
        for left in ["", "\0"] {
            try forget()
            try fixture.folder.write("work/hermes_persistent_backup/b/c", left)
            #expect(try await fixture.repository.prepare(Fixture.access()).origin == .cloned)
            try await fixture.requireSound()
        }
        try forget()
        try fixture.folder.write("work/hermes_persistent_backup/b/c", "mine")
        let error = await Fixture.failure { _ = try await fixture.repository.prepare(Fixture.access()) }
        #expect(error?.type == "git.dirty")
        #expect(error?.reason == "hermes_persistent_backup/b/c is in the way")
        #expect(
            try FileSystem.read(fixture.work.appending("hermes_persistent_backup/b/c"), limit: 10) == Array("mine".utf8)
        )
    }

    @Test("A bare repository, another branch, a detached HEAD and a shallow clone are refused")
    func refused() async throws {
        let bare = try await Fixture()
        try await Git.run(["init", "-q", "--bare", "-b", "main", bare.work.string])
        #expect(await refusal(bare)?.type == "git.bare")
        let branch = try await made()
        _ = try await branch.git("checkout", "-qb", "elsewhere")
        #expect(await refusal(branch)?.type == "git.branch")
        let detached = try await made()
        _ = try await detached.git("checkout", "-q", "--detach")
        #expect(await refusal(detached)?.type == "git.detached")
        let source = try await made()
        try await source.commit(["a": "2"])
        let shallow = try await Fixture()
        try await Git.run(["clone", "-q", "--depth", "1", "file://\(source.work.string)", shallow.work.string])
        #expect(await refusal(shallow)?.type == "git.shallow")
    }

    @Test("What libgit2 cannot read is called unsupported, not damaged, and the advice helps")
    func unsupported() async throws {
        let other = try await Fixture()
        try await Git.run(["init", "-q", "--object-format=sha256", "-b", "main", other.work.string])
        let sha256 = await refusal(other)
        #expect(sha256?.type == "git.unsupported" && sha256?.exit == .configuration)
        #expect(sha256?.reason.contains("SHA-256") == true)
        let setting = try await made()
        _ = try await setting.git("config", "core.repositoryFormatVersion", "1")
        _ = try await setting.git("config", "extensions.worktreeConfig", "true")
        let worktree = await refusal(setting)
        #expect(worktree?.type == "git.unsupported" && worktree?.exit == .configuration)
        #expect(worktree?.advice?.contains("git config --unset extensions.worktreeConfig") == true)
        _ = try await setting.git("config", "--unset", "extensions.worktreeConfig")
        #expect(try await setting.commit(["a": "2"]).changed)
        let index = try await made()
        _ = try await index.git("update-index", "--split-index")
        let split = await refusal(index)
        #expect(split?.type == "git.unsupported" && split?.exit == .configuration)
        #expect(split?.advice?.contains("git update-index --no-split-index") == true)
        _ = try await index.git("update-index", "--no-split-index")
        #expect(try await index.commit(["a": "2"]).changed)
    }

    @Test("A full disk is told as such, in libgit2's words too; a branch or HEAD that a power cut took has advice")
    func damage() async throws {
        let full = GitLibrary.error(
            "git.damaged", doing: "writing", exit: .damagedInput, reason: "failed to write: \(errorText(ENOSPC))")
        #expect(full.exit == .cannotWrite && full.advice?.contains("free some space") == true)
        #expect(GitLibrary.error(doing: "writing", reason: "failed to write: \(errorText(EIO))").exit == .failure)

        let fixture = try await Fixture()
        try await fixture.commit(["a": "1"])
        let git = fixture.work.appending(".git")
        for (name, word) in [("refs/heads/main", "logs/refs/heads/main"), ("HEAD", "ref: refs/heads/")] {
            let path = git.pushing(FilePath(name))
            let whole = try FileSystem.read(path, limit: 4096)
            try FileSystem.replace(path, with: Array(whole.prefix(name == "HEAD" ? 0 : 20)))
            let error = await Fixture.failure { _ = try await fixture.repository.prepare(Fixture.access()) }
            #expect(
                error?.exit == .damagedInput && error?.advice?.contains(word) == true, "\(String(describing: error))")
            try FileSystem.replace(path, with: whole)
        }
        try await fixture.requireSound()
    }

    @Test("Another run in the repository is waited for; one that stays is a temporary failure")
    func busy() async throws {
        let fixture = try await made()
        let path = fixture.work.appending(".git/hermes-ops/lock")
        var lock = try FileLock(path)
        #expect(lock != nil)
        let hasty = try BackupRepository(fixture.settings, patience: .milliseconds(60), reached: { _ in })
        let error = await Fixture.failure { try await fixture.commit(["a": "2"], in: hasty) }
        #expect(error?.type == "git.busy")
        #expect(error?.exit == .skipped)
        #expect(error?.isTemporary == true)
        async let commit = fixture.repository.commit(Fixture.entries(["a": "2"]), at: Fixture.time) { _ in "Back up" }
        try await Task.sleep(for: .milliseconds(200))
        #expect(try await fixture.git("rev-list", "--count", "HEAD") == "1")
        lock = nil
        #expect(try await commit.changed)
        try await fixture.requireSound()
    }

    @Test("In the middle of a merge or a rebase")
    func inProgress() async throws {
        let fixture = try await made()
        let head = try await fixture.git("rev-parse", "HEAD")
        try fixture.folder.write("work/.git/MERGE_HEAD", head + "\n")
        #expect(await refusal(fixture)?.reason.contains("a merge") == true)
        try FileSystem.removeTree(fixture.work.appending(".git/MERGE_HEAD"))
        try FileSystem.makeDirectory(fixture.work.appending(".git/rebase-merge"))
        #expect(await refusal(fixture)?.type == "git.in-progress")
    }

    @Test("Owned by another", .enabled(if: geteuid() == 0, "needs root"))
    func owner() async throws {
        let fixture = try await made()
        for path in ["work", "work/.git"] {
            #expect(fixture.folder.path.appending(path).withPlatformString { chown($0, 12345, 12345) } == 0)
        }
        let error = await refusal(fixture)
        #expect(error?.type == "git.owner", "\(String(describing: error))")
    }

    @Test(
        "Every change in the folder is reported by name and kept",
        arguments: [
            "changed", "same size", "untracked", "removed", "mode", "staged", "symlink", "folder gone", "folder a file",
        ])
    func dirty(how: String) async throws {
        let fixture = try await made()
        let backup = "work/hermes_persistent_backup"
        let path = fixture.folder.path.appending(backup)
        switch how {
        case "changed": try fixture.folder.write(backup + "/a", "mine and longer")
        case "same size": try fixture.folder.write(backup + "/a", "X")
        case "untracked": try fixture.folder.write(backup + "/b/mine", "x")
        case "removed": try FileSystem.removeTree(path.appending("a"))
        case "mode": #expect(path.appending("a").withPlatformString { chmod($0, 0o755) } == 0)
        case "staged":
            try fixture.folder.write(backup + "/a", "X")
            _ = try await fixture.git("add", "-A")
        case "symlink":
            try FileSystem.removeTree(path.appending("a"))
            #expect(symlink("/etc/passwd", path.appending("a").string) == 0)
        case "folder gone": try FileSystem.removeTree(path)
        default:
            try FileSystem.removeTree(path)
            try fixture.folder.write(backup, "x")
        }
        let before = try await fixture.git("status", "--porcelain")
        #expect(!before.isEmpty)
        let error = await refusal(fixture)
        #expect(error?.type == "git.dirty")
        #expect(error?.exit == .failure)
        #expect(try await fixture.git("status", "--porcelain") == before)
        #expect(try await fixture.git("rev-list", "--count", "HEAD") == "1")
    }

    @Test("A file that was only touched is clean")
    func touched() async throws {
        let fixture = try await made()
        let path = fixture.work.appending("hermes_persistent_backup/a")
        #expect(path.withPlatformString { utimes($0, nil) } == 0)
        #expect(try await fixture.commit(["a": "2"]).changed)
        try await fixture.requireSound()
    }

    @Test("Locks of dead processes are healed and told, those of living ones respected")
    func locks() async throws {
        let fixture = try await made()
        let locks = [
            "index.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock", "packed-refs.lock",
            "refs/remotes/origin/main.lock", "objects/pack/pack-0123.idx.lock",
        ]
        for lock in locks + ["objects/pack/pack_git2_9f"] { try fixture.folder.write("work/.git/" + lock, "") }
        let preparation = try await fixture.repository.prepare(Fixture.access())
        #expect(preparation.notes.count == locks.count)
        #expect((try? FileStatus(at: fixture.work.appending(".git/objects/pack/pack_git2_9f"))) == nil)
        #expect(try await fixture.commit(["a": "2"]).changed)
        // What a push that was killed after it had landed leaves.
        try fixture.folder.write("work/.git/refs/remotes/origin/main.lock", "")
        #expect(try await fixture.repository.push(Fixture.access()) { _ in }.result == .pushed)
        try await fixture.requireSound()
    }

    @Test("Diverged from the remote: nothing is pushed, nothing is forced")
    func diverged() async throws {
        let fixture = try await made()
        _ = try await fixture.repository.push(Fixture.access()) { _ in }
        let other = fixture.folder.path.appending("other")
        try await Git.run(["clone", "-q", fixture.remote.string, other.string])
        try await Git.run(["commit", "-q", "--allow-empty", "-m", "theirs"], in: other)
        try await Git.run(["push", "-q"], in: other)
        let theirs = try await Git.run(["rev-parse", "main"], in: fixture.remote)
        try await fixture.commit(["a": "3"])
        let error = await Fixture.failure { _ = try await fixture.repository.push(Fixture.access()) { _ in } }
        #expect(error?.type == "git.diverged")
        #expect(error?.exit == .failure)
        #expect(error?.isTemporary == false)
        #expect(try await Git.run(["rev-parse", "main"], in: fixture.remote) == theirs)
    }

    @Test("Addresses that are no https URL or absolute path are refused, credentials not repeated")
    func addresses() throws {
        for text in [
            "git@github.com:o/r.git", "ssh://h/r", "relative", "~/r", "https://u:hunter2@h/r", "https://h/r?x", "",
            "file://h/r",
        ] {
            let error = #expect(throws: OperatorError.self) { try RemoteAddress(text) }
            #expect(error?.exit == .configuration)
            #expect(error?.description.contains("hunter2") == false)
        }
    }
}
