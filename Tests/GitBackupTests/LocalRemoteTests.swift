import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

@Suite("Push to a folder", .timeLimit(.minutes(2)))
struct LocalRemoteTests {
    @Test("A bare repository on this machine gets the branch; its hooks hold")
    func push() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(Fixture.many())
        try fixture.folder.write(
            "remote.git/hooks/pre-receive", "#!/bin/sh\ncat >/dev/null\necho no entry >&2\nexit 1\n", permissions: 0o755
        )
        let error = await Fixture.failure { _ = try await fixture.repository.push(Fixture.access()) { _ in } }
        #expect(error?.type == "git.hook")
        #expect(error?.reason.contains("no entry") == true)
        try FileSystem.removeTree(fixture.remote.appending("hooks/pre-receive"))
        let outcome = try await fixture.repository.push(Fixture.access()) { _ in }
        #expect(outcome.result == .pushed)
        #expect(try await Git.run(["rev-parse", "main"], in: fixture.remote) == outcome.tip.description)
        try await Git.run(["fsck", "--strict"], in: fixture.remote)
        #expect(try await fixture.repository.push(Fixture.access()) { _ in }.result == .upToDate)
        try await fixture.commit(["one": "more"])
        #expect(try await fixture.repository.push(Fixture.access()) { _ in }.result == .pushed)
        let drill = fixture.folder.path.appending("drill")
        _ = try await fixture.repository.clone(into: drill, Fixture.access())
        #expect(try FileSystem.read(drill.appending("hermes_persistent_backup/one"), limit: 10) == Array("more".utf8))
    }

    @Test("Nothing there, or no repository, is said as such")
    func missing() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1"])
        try FileSystem.removeTree(fixture.remote)
        let absent = await Fixture.failure { _ = try await fixture.repository.push(Fixture.access()) { _ in } }
        #expect(absent?.type == "git.not-found")
        try FileSystem.makeDirectory(fixture.remote)
        let empty = await Fixture.failure { _ = try await fixture.repository.push(Fixture.access()) { _ in } }
        #expect(empty?.type == "git.not-found")
        #expect(empty?.exit == .configuration)
    }

    @Test("A remote whose objects have longer names is said as such")
    func longNames() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1"])
        func failure() async -> OperatorError? {
            await Fixture.failure { _ = try await fixture.repository.push(Fixture.access()) { _ in } }
        }
        let full = fixture.folder.path.appending("full")
        try await Git.run(["init", "-q", "--object-format=sha256", "-b", "main", full.string])
        try await Git.run(["commit", "-q", "--allow-empty", "-m", "x"], in: full)
        for arguments in [["init", "--object-format=sha256", "-b", "main"], ["clone", full.string]] {
            try FileSystem.removeTree(fixture.remote)
            try await Git.run([arguments[0], "-q", "--bare"] + arguments.dropFirst() + [fixture.remote.string])
            let error = await failure()
            #expect(error?.type == "git.unsupported", "\(String(describing: error))")
            #expect(error?.exit == .configuration)
            #expect(error?.reason.contains("sha256") == true)
        }
    }

    @Test("A few bytes of a pack that stand for many are not read into memory")
    func bomb() async throws {
        let fixture = try await Fixture()
        let remote = fixture.remote.string
        let script = """
            set -e; cd "$1"
            blob=$(head -c 300000000 /dev/zero | git hash-object -w --stdin)
            tree=$(printf '100644 blob %s\\tbig\\n' "$blob" | git mktree)
            git update-ref refs/heads/main "$(git -c user.name=t -c user.email=t@t commit-tree -m x "$tree")"
            """
        let made = try await SystemCommandRunner().run(
            "sh", ["-c", script, "sh", remote], environment: ["PATH": "/usr/bin:/bin"], deadline: .seconds(120))
        try #require(made.isSuccess, "\(String(decoding: made.errors, as: UTF8.self))")
        let error = await Fixture.failure { _ = try await fixture.repository.prepare(Fixture.access()) }
        #expect(error?.type == "git.too-large" && error?.exit == .damagedInput, "\(String(describing: error))")
    }

    @Test("A hook that hangs is ended with its children")
    func hang() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1"])
        try fixture.folder.write("remote.git/hooks/pre-receive", "#!/bin/sh\nsleep 600\n", permissions: 0o755)
        var access = try Fixture.access()
        access.patience = .seconds(1)
        let error = await Fixture.failure { _ = try await fixture.repository.push(access) { _ in } }
        #expect(error?.type == "git.timeout")
        #expect(error?.isTemporary == true)
    }

    @Test("A checked-out branch of a work tree is not pushed to")
    func checkedOut() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(["a": "1"])
        let other = fixture.folder.path.appending("other")
        try await Git.run(["init", "-q", "-b", "main", other.string])
        var settings = fixture.settings
        settings.remote = try RemoteAddress(other.string)
        let repository = try BackupRepository(settings)
        let error = await Fixture.failure { _ = try await repository.push(Fixture.access()) { _ in } }
        #expect(error?.type == "git.checked-out")
    }
}
