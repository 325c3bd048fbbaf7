internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// `run backup` from outside: what stays behind in repository, remote, records and logs.
@Suite struct BackupTests {
    @Test func leavesNoPlantedSecretAnywhere() async throws {
        let runner = try RunnerProgram()
        let fixture = try HermesHomeFixture(at: runner.home, seed: 7)
        try await runner.makeRemote()
        try runner.configure()
        let before = try TreeFingerprint(runner.home)
        let result = try await runner("run", "backup", "--verbose")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try TreeFingerprint(runner.home).differences(from: before) == [])
        let status = try await runner("status", "--json")
        #expect(status.status == 0)
        for (name, bytes) in fixture.forbidden where bytes.count >= 8 {
            for text in [result.output, result.errors, status.output] {
                #expect(!text.utf8.contains(bytes), "\(name) in what was printed")
            }
        }
        #expect(try places(holding: fixture.forbidden, below: [runner.repository, runner.remote, runner.state]) == [])
        let objects = try await runner.tool(
            "git", "-C", runner.repository.string, "cat-file", "--batch", "--batch-all-objects", "--unordered")
        for (name, bytes) in fixture.forbidden where bytes.count >= 8 {
            #expect(!objects.output.utf8.contains(bytes), "\(name) in a git object")
        }
        let check = try await runner.tool("git", "-C", runner.repository.string, "fsck", "--full", "--strict")
        #expect(check.status == 0, "\(check.errors)")
        let dirt = try await runner.tool("git", "-C", runner.repository.string, "status", "--porcelain")
        #expect(dirt.output == "")
        let tips = try await runner.tool("git", "-C", runner.remote.string, "rev-parse", "main")
        #expect(tips.output.trimmingCharacters(in: .newlines) == (try await runner.head()))
    }

    @Test func commitsOnlyWhatChanged() async throws {
        let runner = try RunnerProgram()
        _ = try HermesHomeFixture(at: runner.home, seed: 8)
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("run", "backup").status == 0)
        let first = try await runner.head()
        let again = try await runner("run", "backup", "--json")
        #expect(again.status == 0)
        #expect(try await runner.head() == first)
        let effects = try again.json()["effects"] as? [String: Any]
        #expect(effects?["changed"] as? Bool == false)
        try runner.folder.write("home/memories/MEMORY.md", "The cat is called Miso and sleeps.")
        #expect(try await runner("run", "backup").status == 0)
        let names = try await runner.tool(
            "git", "-C", runner.repository.string, "diff", "--name-only", first, "HEAD")
        #expect(
            names.output.split(separator: "\n").sorted() == [
                "hermes_persistent_backup/MANIFEST.json", "hermes_persistent_backup/memories/MEMORY.md",
            ])
    }

    @Test func noSecretLeavesInACommitsOwnWords() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("run", "backup").status == 0)
        let pushed = try await runner.head()
        let token = "xox" + "b-" + "123456789012-210987654321-" + "aBcDeFgHiJkLmNoPqRsTuVwX"
        func commit(_ arguments: String...) async throws {
            let made = try await runner.tool(
                "git", "-C", runner.repository.string, "-c", "user.name=Uma", "-c", "user.email=uma@host.test",
                "commit",
                "-q", "--allow-empty", arguments[0], arguments[1])
            #expect(made.status == 0, "\(made.errors)")
        }
        for words in [["-m", "Rotate \(token) away"], ["-m", "Plain\n\nSlack: \(token)"]] {
            try await commit(words[0], words[1])
            let refused = try await runner("run", "backup")
            #expect(refused.status == 10, "\(refused.errors)")
            #expect(refused.errors.contains("commit ") && refused.errors.contains("git rebase -i"))
            #expect(!(refused.output + refused.errors).contains(token))
            let tip = try await runner.tool("git", "-C", runner.remote.string, "rev-parse", "main")
            #expect(tip.output.hasPrefix(pushed))
            _ = try await runner.tool("git", "-C", runner.repository.string, "reset", "-q", "--hard", pushed)
        }
        let author = try await runner.tool(
            "git", "-C", runner.repository.string, "-c", "user.name=\(token)", "-c", "user.email=uma@host.test",
            "commit",
            "-q", "--allow-empty", "-m", "Plain")
        #expect(author.status == 0)
        #expect(try await runner("run", "backup").status == 10)
        _ = try await runner.tool("git", "-C", runner.repository.string, "reset", "-q", "--hard", pushed)
        // Words without a secret leave, those of another's hand too.
        try await commit("-m", "Tidy the notes")
        #expect(try await runner("run", "backup").status == 0)
    }

    @Test func whatStandsBesideTheFolderIsLookedIntoAndItsCommitNamed() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("run", "backup").status == 0)
        let pushed = try await runner.head()
        func git(_ arguments: String...) async throws -> RunnerProgram.Result {
            try await runner.run(
                "git",
                ["-C", runner.repository.string, "-c", "user.name=Uma", "-c", "user.email=uma@host.test"] + arguments)
        }
        // What cannot be looked into is told, and nothing more.
        try runner.folder.write("repository/manual.pdf", Array("%PDF-1.7\n".utf8) + [0, 1, 2, 0xFF])
        #expect(try await git("add", "manual.pdf").status == 0)
        #expect(try await git("commit", "-qm", "A manual").status == 0)
        let told = try await runner("run", "backup")
        #expect(told.status == 0, "\(told.errors)")
        #expect((told.output + told.errors).contains("without having been looked into: manual.pdf"), "\(told.output)")
        // A secret that is gone by now still leaves with its commit: the commit is named, and the advice works.
        let token = "xox" + "b-" + "123456789012-210987654321-" + "aBcDeFgHiJkLmNoPqRsTuVwX"
        try runner.folder.write("repository/README.md", "key: \(token)\n")
        #expect(try await git("add", "README.md").status == 0)
        #expect(try await git("commit", "-qm", "A key").status == 0)
        let guilty = try await runner.head()
        #expect(try await git("rm", "-q", "README.md").status == 0)
        #expect(try await git("commit", "-qm", "No key").status == 0)
        let refused = try await runner("run", "backup")
        #expect(refused.status == 10)
        #expect(refused.errors.contains("README.md") && refused.errors.contains("in commit \(guilty.prefix(12))"))
        let back = try #require((refused.output + refused.errors).firstMatch(of: /git reset --soft [0-9a-f]{12}/))
            .output
        #expect(try await git("reset", "--soft", String(back.suffix(12))).status == 0)
        #expect(try await git("commit", "-q", "--allow-empty", "-m", "Tidy").status == 0)
        let done = try await runner("run", "backup")
        #expect(done.status == 0, "\(done.errors)")
        #expect(try await runner.head() != pushed)
    }

    @Test func aNewValueThatEarlierCommitsHoldIsToldOnce() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.folder.write("home/memories/USER.md", "Olden-Kq8vT-pLw7 is nice\n")
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("run", "backup").status == 0)
        try runner.folder.write("home/.env", "DOOR=Olden-Kq8vT-pLw7\n")
        let told = try await runner("run", "backup")
        #expect(told.status == 0)
        #expect(
            (told.output + told.errors).contains("1 file held in earlier commits")
                && told.output.contains("memories/USER.md"), "\(told.output)")
        let again = try await runner("run", "backup")
        #expect(!(again.output + again.errors).contains("earlier commits"))
    }

    @Test func aDryRunChangesNothingOutsideTheState() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        let result = try await runner("run", "backup", "--dry-run")
        #expect(result.status == 0, "\(result.errors)")
        #expect(access(runner.repository.string, F_OK) != 0)
        #expect(result.output.contains("would commit"))
        let refs = try await runner.tool("git", "-C", runner.remote.string, "for-each-ref")
        #expect(refs.output == "")
    }

    /// As seen from within the home a relative state directory lies in it, from the first run on.
    @Test func aRelativeStateDirectoryInTheHomeIsRefused() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        let result = try await runner.tool(
            "sh", "-c", "cd '\(runner.home)' && '\(RunnerProgram.path)' run backup --state-dir inside")
        #expect(result.status == 78 && result.errors.contains("lies in the home"), "\(result.errors)")
        #expect(access(runner.home.appending("inside").string, F_OK) != 0)
        let beside = try await runner.tool(
            "sh", "-c", "cd '\(runner.folder.path)' && '\(RunnerProgram.path)' run backup --state-dir beside")
        #expect(beside.status == 0, "\(beside.errors)")
    }

    @Test func thePlanSaysWhatWouldBeCommitted() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        let first = try await runner("plan", "backup", "--json").json()
        // Four files and the canary.
        #expect((first["sanitizing"] as? [String: Any])?["commit"] as? String == "5 added, 0 changed, 0 removed")
        #expect(try await runner("run", "backup").status == 0)
        try runner.folder.write("home/SOUL.md", "You are brisk.\n")
        try runner.folder.write("home/memories/USER.md", "Kim.")
        try FileSystem.removeTree(runner.home.appending("skills"))
        let text = try await runner("plan", "backup")
        #expect(text.output.contains("commit: 1 added, 1 changed, 1 removed"), "\(text.output)")
        #expect(text.status == 0)
    }

    /// A repository without a remote is made here: nobody is asked for what it holds, and git is not needed.
    @Test func withoutARemoteGitIsNotNeeded() async throws {
        var runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: vijay, hermesHome: \(runner.home) }
            repository: { path: \(runner.repository) }
            jobs: { backup: { steps: [ sanitize, commit ] } }
            """)
        runner.environment["PATH"] = runner.folder.path.appending("nothing").string
        let result = try await runner("run", "backup", "--quiet")
        #expect(result.status == 0, "\(result.errors)")
        // One who asked for silence hears nothing of a success.
        #expect(result.output == "" && result.errors == "")
    }

    /// The key of the fingerprints lies in the state directory, and is no part of a sanitized folder.
    @Test func theStateIsNotSanitized() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        let state = runner.home.appending("state").string
        let into = runner.folder.path.appending("out").string
        let result = try await runner(
            "sanitize", runner.home.string, "--policy", "content", "--into", into, "--state-dir", state)
        #expect(result.status == 64 && result.errors.contains("it lies in the home"), "\(result.errors)")
        #expect(access(into + "/state", F_OK) != 0)
    }

    @Test func holdsBackABackupThatLostMostOfItsFiles() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        for number in 0..<20 {
            try runner.folder.write("home/skills/s\(number)/SKILL.md", "---\nname: s\(number)\n---\n")
        }
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("run", "backup").status == 0)
        let first = try await runner.head()
        try FileSystem.removeTree(runner.home.appending("skills"))
        let held = try await runner("run", "backup")
        #expect(held.status == 1)
        #expect(held.errors.contains("--accept-shrink") || held.output.contains("--accept-shrink"))
        #expect(try await runner.head() == first)
        #expect(try await runner("run", "backup", "--accept-shrink").status == 0)
        #expect(try await runner.head() != first)
    }

    @Test func takesHostileNamesAndLargeFilesAsTheyCome() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        let strange = FilePath(
            bytes: runner.home.bytes + Array("/skills/bad".utf8) + [0xFF, 0xFE, 0x0A] + Array(".md".utf8))
        try FileSystem.replace(strange, with: Array("fine\n".utf8))
        let sparse = try FileDescriptor.open(
            runner.home.appending("skills/huge.bin"), .writeOnly, options: [.create], permissions: [.ownerReadWrite])
        #expect(ftruncate(sparse.rawValue, 2 << 30) == 0)
        try sparse.close()
        let fifo = runner.home.appending("skills/pipe")
        #expect(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
        try await runner.makeRemote()
        try runner.configure()
        let result = try await runner("run", "backup")
        #expect(result.status == 0, "\(result.errors)")
        let manifest = String(
            decoding: try FileSystem.read(runner.stored.appending("MANIFEST.json"), limit: 1 << 20), as: UTF8.self)
        #expect(manifest.contains("skills/huge.bin"))
        #expect(manifest.contains("skills/pipe"))
        #expect(!((try? FileStatus(at: runner.stored.appending("skills/huge.bin"))) != nil))
        let stored = try DirectoryListing.names(at: runner.stored.appending("skills"))
        #expect(stored.contains(Array("bad".utf8) + [0xFF, 0xFE, 0x0A] + Array(".md".utf8)))
    }

    /// Where one of the spellings stands in a file or a name.
    private func places(holding forbidden: [(name: String, bytes: [UInt8])], below roots: [FilePath]) throws -> [String]
    {
        var found: [String] = []
        for root in roots {
            try DirectoryWalk(root).run { entry in
                var content = entry.path
                if entry.status.kind == .file {
                    content += [10] + (try FileSystem.read(root.pushing(FilePath(bytes: entry.path)), limit: 1 << 28))
                }
                for (name, bytes) in forbidden where bytes.count >= 8 && content.contains(bytes) {
                    found.append("\(name) in \(printable(entry.path))")
                }
                return .descend
            } failing: { _, error in
                throw error
            }
        }
        return found
    }
}
