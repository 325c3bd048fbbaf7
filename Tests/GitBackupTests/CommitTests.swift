import Foundation
import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

@Suite("Commit", .timeLimit(.minutes(3)))
struct CommitTests {
    @Test("A first commit of few files, and of many, is what stock git calls clean", arguments: [3, 120])
    func first(count: Int) async throws {
        let fixture = try await Fixture()
        let outcome = try await fixture.commit(Fixture.many(count))
        #expect(outcome.changed)
        #expect(outcome.counts.added == count)
        try await fixture.requireSound()
        #expect(try await fixture.git("rev-parse", "HEAD") == outcome.commit?.description)
        #expect(try await fixture.git("ls-files").split(separator: "\n").count == count)
        #expect(
            try await fixture.git("log", "-1", "--format=%an <%ae> %at %s")
                == "hermes-ops-runner <bheem@host.test> 1795000000 Back up: \(count) added")
        let packs = try await fixture.git("count-objects", "-v")
        #expect(packs.contains(count > 50 ? "count: 0\n" : "packs: 0"))
        #expect(packs.contains("garbage: 0"))
        // The index's stamps are right: git need not look into a single file.
        #expect(try await fixture.git("diff-files", "--quiet") == "")
    }

    @Test("The same tree again makes no commit")
    func unchanged() async throws {
        let fixture = try await Fixture()
        let first = try await fixture.commit(Fixture.many())
        let second = try await fixture.commit(Fixture.many())
        #expect(!second.changed)
        #expect(second.commit == first.commit)
        #expect(try await fixture.git("rev-list", "--count", "HEAD") == "1")
    }

    @Test("Additions, changes, removals, kinds and files that become folders arrive as such")
    func changes() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1", "b/c": "2", "b/d/e": "3", "f": "4", "g/h": "5"])
        let entries = [
            Fixture.entry("a", "1", .executable), Fixture.entry("b", "now a file"),
            Fixture.entry("f/i", "now a folder"),
            Fixture.entry("g/link", "../a", .symlink),
        ]
        let outcome = try await fixture.repository.commit(entries, at: Fixture.time) { _ in "Change" }
        #expect(outcome.counts == .init(added: 3, modified: 1, removed: 4, total: 4, previous: 5))
        try await fixture.requireSound()
        let listed = try await fixture.git("ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD")
        #expect(
            listed == """
                100755 hermes_persistent_backup/a
                100644 hermes_persistent_backup/b
                100644 hermes_persistent_backup/f/i
                120000 hermes_persistent_backup/g/link
                """)
        let back = try await fixture.commit(["a": "1", "b/c": "2", "b/d/e": "3", "f": "4", "g/h": "5"])
        #expect(back.changed)
        try await fixture.requireSound()
        let none = try await fixture.repository.commit([], at: Fixture.time) { _ in "Empty" }
        #expect(none.counts.removed == 5)
        try await fixture.requireSound()
        #expect(try await !fixture.repository.commit([], at: Fixture.time) { _ in "Empty" }.changed)
    }

    @Test("Names of any bytes are kept byte for byte")
    func names() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.repository.prepare(Fixture.access())
        let names: [[UInt8]] = [
            Array("with\nnewline".utf8), [0x66, 0xFF, 0xFE], Array("ünï/cödé 🙂".utf8), Array(" lead and trail ".utf8),
            Array("back\\slash".utf8), Array("-dash".utf8), Array(repeating: UInt8(ascii: "n"), count: 255),
            Array("a-b".utf8),
            Array("a/b".utf8), Array("a.b".utf8), Array(".gitignore".utf8), Array(".gitattributes".utf8),
            Array("sub/.gitignore".utf8), Array("...".utf8), Array(".github/x".utf8),
        ]
        let entries = names.map { name in
            Fixture.entry(
                name,
                name.last == UInt8(ascii: "e")
                    ? Array("*\n* text eol=crlf filter=x ident\n".utf8) : Array("x\ny\r\n$Id$\n".utf8))
        }
        let outcome = try await fixture.repository.commit(entries, at: Fixture.time) { _ in "Names" }
        #expect(outcome.counts.added == names.count)
        try await fixture.requireSound()
        let baseline = try await fixture.repository.baseline()
        for entry in entries { #expect(baseline.files[entry.path] == StoredFile(kind: .file, blob: entry.blob)) }
        // Even when every stamp is stale, git finds the files as they were stored, whatever their attributes say.
        try await Git.run(["ls-files", "-z"], in: fixture.work)
        for entry in entries {
            let path = fixture.work.appending("hermes_persistent_backup").pushing(FilePath(bytes: entry.path))
            #expect(path.withPlatformString { utimes($0, nil) } == 0)
        }
        #expect(try await fixture.git("status", "--porcelain") == "")
        #expect(try await !fixture.repository.commit(entries, at: Fixture.time) { _ in "Names" }.changed)
    }

    @Test(
        "Names that git cannot carry are refused by name",
        arguments: [
            ".git", "a/.git/config", ".GIT", "a/.Git", "git~1", ".git.", ".git ", ".gi\u{200C}t", "a/../b", "..", "./a",
            "a//b", "",
            "/a", ".gitmodules", "a/.GITMODULES", ".git::$INDEX_ALLOCATION",
        ])
    func forbidden(name: String) async throws {
        let fixture = try await Fixture()
        _ = try await fixture.repository.prepare(Fixture.access())
        let error = await Fixture.failure {
            _ = try await fixture.repository.commit([Fixture.entry(name, "x")], at: Fixture.time) { _ in "" }
        }
        #expect(error?.type == "git.path")
        #expect(try await fixture.repository.baseline().head == nil)
    }

    @Test("Names that no file can have are refused before anything moves")
    func longNames() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1"])
        let head = try await fixture.repository.baseline().head
        let error = await Fixture.failure {
            _ = try await fixture.repository.commit(
                [Fixture.entry("a", "1"), Fixture.entry("b/" + String(repeating: "q", count: 256), "x")],
                at: Fixture.time
            ) { _ in "" }
        }
        #expect(error?.type == "git.path" && error?.reason.contains("longer than 255 bytes") == true)
        #expect(try await fixture.repository.baseline().head == head)
        try await fixture.requireSound()
    }

    @Test(
        "A commit that cannot be checked out, as earlier versions made them, is taken back", arguments: [false, true])
    func takenBack(isFirst: Bool) async throws {
        let fixture = try await Fixture()
        if isFirst {
            _ = try await fixture.repository.prepare(Fixture.access())
        } else {
            try await fixture.commit(["a": "1"])
        }
        let old = try await fixture.repository.baseline().head
        func write(_ arguments: String..., input: String) async throws -> String {
            let file = try fixture.folder.write("input", input)
            let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
            let result = try await Git.run(
                ["-c", "alias.x=!f() { git \(quoted) < '\(file.string)'; }; f", "x"], in: fixture.work)
            return result.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let blob = try await write("hash-object", "-w", "--stdin", input: "x")
        let name = String(repeating: "q", count: 260)
        let inner = try await write("mktree", input: "100644 blob \(blob)\ta\n100644 blob \(blob)\t\(name)\n")
        let root = try await write("mktree", input: "040000 tree \(inner)\thermes_persistent_backup\n")
        let parent = old.map { ["-p", $0.description] } ?? []
        let identity = ["-c", "user.name=x", "-c", "user.email=x@host.test"]
        let commit = try await Git.run(identity + ["commit-tree", root, "-m", "x"] + parent, in: fixture.work)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        _ = try await fixture.git("update-ref", "refs/heads/main", commit)
        let new = try #require(ObjectID(hex: commit))
        try Journal(old: old, new: new).write(in: fixture.work.appending(".git").appending("hermes-ops"))

        let preparation = try await fixture.repository.prepare(Fixture.access())
        #expect(preparation.notes.contains { $0.hasPrefix("took back the commit \(commit)") })
        #expect(preparation.head == old)
        #expect(try await fixture.git("status", "--porcelain", "--ignored") == "")
        try await fixture.commit(["a": "2"])
        try await fixture.requireSound()
    }

    @Test("A path given twice, or as file and folder, is refused")
    func conflicts() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.repository.prepare(Fixture.access())
        for names in [["a", "a"], ["a", "a/b"], ["x/y/z", "x/y"]] {
            let entries = names.map { Fixture.entry($0, $0) }
            let error = await Fixture.failure {
                _ = try await fixture.repository.commit(entries, at: Fixture.time) { _ in "" }
            }
            #expect(error?.type == "git.path")
        }
    }

    @Test(
        "Content that is not what was announced, or is not there, stops the commit before it is one",
        arguments: [1, 80])
    func wrongContent(others: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["kept": "1"])
        var entries = Fixture.entries(Fixture.many(others))
        entries.append(BackupEntry(path: [97], kind: .file, blob: Fixture.blob([1]), source: .bytes([2])))
        let changed = await Fixture.failure {
            _ = try await fixture.repository.commit(entries, at: Fixture.time) { _ in "" }
        }
        #expect(changed?.type == "git.content")
        entries[others] = BackupEntry(path: [97], kind: .file, blob: Fixture.blob([3]), source: .unchanged)
        let absent = await Fixture.failure {
            _ = try await fixture.repository.commit(entries, at: Fixture.time) { _ in "" }
        }
        #expect(absent?.exit == .damagedInput)
        try await fixture.requireSound()
        #expect(try await fixture.git("rev-list", "--count", "HEAD") == "1")
    }

    @Test("Staged files and unchanged ones go in; large ones too")
    func sources() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["kept": "1"])
        let large = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 9)) }
        let staged = try fixture.folder.write("staged", large)
        let entries =
            [
                BackupEntry(
                    path: Array("kept".utf8), kind: .file, blob: Fixture.blob(Array("1".utf8)), source: .unchanged),
                BackupEntry(
                    path: Array("moved".utf8), kind: .file, blob: Fixture.blob(Array("1".utf8)), source: .unchanged),
                BackupEntry(path: Array("large".utf8), kind: .file, blob: Fixture.blob(large), source: .staged(staged)),
            ] + Fixture.entries(Fixture.many(60))
        try await #expect(fixture.repository.commit(entries, at: Fixture.time) { _ in "x" }.changed)
        try await fixture.requireSound()
        let stored = try FileSystem.read(fixture.work.appending("hermes_persistent_backup/large"), limit: 1 << 30)
        #expect(stored == large)
    }

    @Test("A large file goes into a pack from where it is staged, however few objects there are")
    func largeFile() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.repository.prepare(Fixture.access())
        let large = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 7)) }
        func entries(_ blob: ObjectID) throws -> [BackupEntry] {
            let staged = try fixture.folder.write("staged", large, permissions: 0o644)
            return [BackupEntry(path: Array("a/large".utf8), kind: .file, blob: blob, source: .staged(staged))]
        }
        let wrong = await Fixture.failure {
            let entries = try entries(Fixture.blob(Array(large.dropLast())))
            _ = try await fixture.repository.commit(entries, at: Fixture.time) { _ in "" }
        }
        #expect(wrong?.type == "git.content")
        let right = try entries(Fixture.blob(large))
        try await #expect(fixture.repository.commit(right, at: Fixture.time) { _ in "x" }.changed)
        try await fixture.requireSound()
        let counts = try await fixture.git("count-objects", "-v").split(separator: "\n")
        #expect(counts.contains("count: 0") && counts.contains("packs: 1"))
        let outcome = try await fixture.repository.push(Fixture.access()) { _ in }
        #expect(outcome.objects == 5)
        #expect(
            try await Git.run(["cat-file", "-s", "main:hermes_persistent_backup/a/large"], in: fixture.remote)
                == "5000000")
    }

    @Test("What stands outside the folder stays, staged and unstaged changes with it")
    func outside() async throws {
        let fixture = try await Fixture()
        try await Git.run(["init", "-q", "-b", "main", fixture.work.string])
        try fixture.folder.write("work/README", "one\n")
        try fixture.folder.write("work/src/code", "two\n")
        _ = try await fixture.git("add", "-A")
        _ = try await fixture.git("commit", "-qm", "theirs")
        try fixture.folder.write("work/README", "changed\n")
        try fixture.folder.write("work/src/new", "staged\n")
        _ = try await fixture.git("add", "src/new")
        try fixture.folder.write("work/untracked", "three\n")
        let before = try await fixture.git("status", "--porcelain")
        #expect(try await fixture.commit(Fixture.many()).changed)
        #expect(try await fixture.commit(Fixture.many(90, "again")).changed)
        #expect(try await fixture.git("status", "--porcelain") == before)
        #expect(try await fixture.git("show", "HEAD:README") == "one")
        #expect(
            try await fixture.git("diff", "--name-only", "HEAD~2", "HEAD", "--", ".", ":!hermes_persistent_backup")
                == "")
    }

    @Test("A cancelled commit is none")
    func cancelled() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["kept": "1"])
        let task = Task {
            try await fixture.repository.commit(Fixture.entries(Fixture.many()), at: Fixture.time) { _ in "" }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await fixture.requireSound()
        #expect(try await fixture.git("rev-list", "--count", "HEAD") == "1")
    }
}
