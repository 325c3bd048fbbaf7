import Glibc
import HTTP
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

@Suite("Push over HTTP", .timeLimit(.minutes(4)))
struct PushTests {
    /// A token-like string that no scanner of sources finds.
    private static let token = ["ghp", "_", String(repeating: "Ab3", count: 12)].joined()
    private static let reader = "reader-token-1"

    /// A server with one repository, and a fixture that pushes to it.
    private struct Site {
        let server: GitServer
        let fixture: Fixture
        let remote: FilePath

        init(_ name: String = "backup.git") async throws {
            server = try GitServer()
            try await server.makeRepository(name)
            try server.setTokens(
                #"{"\#(PushTests.token)": {"\#(name)": "rw"}, "\#(PushTests.reader)": {"\#(name)": "r"}}"#)
            fixture = try await Fixture(remote: server.url(name))
            remote = server.path(name)
        }

        func access(_ token: String? = PushTests.token, patience: Duration = .seconds(20)) throws -> RemoteAccess {
            RemoteAccess(
                client: try HTTPClient(NetworkOptions(caFile: server.authority)),
                token: token.map { Secret(Array($0.utf8)) }, patience: patience)
        }

        func commit(_ files: [String: String]) async throws {
            _ = try await fixture.repository.prepare(access())
            _ = try await fixture.repository.commit(Fixture.entries(files), at: Fixture.time) { _ in "Back up" }
        }

        func push(_ access: RemoteAccess? = nil) async throws -> BackupRepository.PushOutcome {
            try await fixture.repository.push(access ?? self.access()) { _ in }
        }

        func failure(_ access: RemoteAccess? = nil) async throws -> OperatorError {
            let error = await Fixture.failure { _ = try await push(access) }
            let shown = try #require(error)
            #expect(!"\(shown)\(shown.description)".contains(PushTests.token))
            return shown
        }

        func remoteHead() async throws -> String {
            try await Git.output(["rev-parse", "-q", "--verify", "main"], in: remote).text.filter { $0 != "\n" }
        }

        func log() throws -> String {
            String(
                decoding: try FileSystem.read(server.folder.path.appending("log.jsonl"), limit: 1 << 20), as: UTF8.self)
        }

        func hook(_ script: String) throws {
            try server.folder.write(
                "repositories/backup.git/hooks/pre-receive", "#!/bin/sh\ncat >/dev/null\n" + script, permissions: 0o755)
        }
    }

    @Test("The harness serves stock git")
    func stockGit() async throws {
        let site = try await Site()
        let work = site.server.folder.path.appending("stock")
        try await Git.run(["init", "-q", "-b", "main", work.string])
        try site.server.folder.write("stock/large", (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        try await Git.run(["add", "-A"], in: work)
        try await Git.run(["commit", "-qm", "x"], in: work)
        let url = site.server.url("backup.git").replacing("https://", with: "https://x:\(Self.token)@")
        let environment = ["GIT_SSL_CAINFO": site.server.authority.string]
        try await Git.run(["push", "-q", url, "main"], in: work, environment: environment)
        #expect(try await site.remoteHead() == Git.run(["rev-parse", "HEAD"], in: work))
        let refused = try await Git.output(
            ["push", "-q", url.replacing(Self.token, with: "nobody"), "main:other"], in: work, environment: environment)
        #expect(!refused.isSuccess)
    }

    @Test("First, further and empty pushes, by pack and by loose objects; TLS 1.3 and an address in the certificate")
    func pushes() async throws {
        let site = try await Site()
        try await site.commit(Fixture.many())
        #expect(try await site.fixture.repository.remoteTip(site.access()) == nil)
        let first = try await site.push()
        #expect(first.result == .pushed)
        #expect(try await site.remoteHead() == first.tip.description)
        #expect(try await site.push().result == .upToDate)
        var files = Fixture.many()
        files["memory"] = "edited"
        try await site.commit(files)
        files["another"] = "commit"
        try await site.commit(files)
        let second = try await site.push()
        #expect(second.result == .pushed)
        #expect(second.objects == 2 + 4 + 2)
        #expect(try await site.remoteHead() == second.tip.description)
        try await Git.run(["fsck", "--full", "--strict"], in: site.remote)
        #expect(try await site.fixture.git("rev-parse", "origin/main") == second.tip.description)
        #expect(try await site.fixture.repository.remoteTip(site.access()) == second.tip)
        #expect(try !site.log().contains(Self.token))
    }

    @Test("Only what the branch needs is sent, though one pack holds more")
    func nothingElse() async throws {
        let site = try await Site()
        try await site.commit(Fixture.many())
        _ = try await site.fixture.git("checkout", "-q", "--orphan", "private")
        try site.fixture.folder.write("work/private", "for nobody")
        _ = try await site.fixture.git("add", "private")
        _ = try await site.fixture.git("commit", "-qm", "private")
        let hidden = try await site.fixture.git("rev-parse", "HEAD:private")
        _ = try await site.fixture.git("checkout", "-q", "main")
        _ = try await site.fixture.git("gc", "-q")
        _ = try await site.push()
        #expect(try await !Git.output(["cat-file", "-e", hidden], in: site.remote).isSuccess)
    }

    @Test("The gate sees every file of every commit that leaves, and can stop it")
    func gate() async throws {
        let site = try await Site()
        try await site.commit(["a": "first version"])
        try await site.commit(["a": "second version"])
        try await site.commit(["a": "second version", "b": "second version", "z/c": "third"])
        // What the backup did not commit leaves too: another's name and mail, a message, a path.
        _ = try await site.fixture.git("mv", "hermes_persistent_backup/z", "moved")
        _ = try await site.fixture.git(
            "commit", "-q", "--author=Somebody Else <else@host.test>", "-m", "Words of a message")
        let origins = Mutex<[String: ObjectID]>([:])
        let log = try await site.fixture.git("log", "--format=%H", "--reverse").split(separator: "\n").map(String.init)
        let seen = Mutex<[BackupRepository.OutgoingItem.Kind: Set<String>]>([:])
        let access = try site.access()
        let refusal = OperatorError("gate", doing: "gating", reason: "seen", exit: .refused)
        let stopped = await Fixture.failure {
            _ = try await site.fixture.repository.push(access) { item in
                let text = String(decoding: item.path + [58] + (try item.content), as: UTF8.self)
                #expect(item.remote == nil)
                if item.kind == .file { origins.withLock { $0[text] = item.commit } }
                _ = seen.withLock { $0[item.kind, default: []].insert(text) }
                if text.hasSuffix(":third") { throw refusal }
            }
        }
        #expect(stopped?.type == "gate")
        #expect(
            seen.withLock { $0[.file] } == [
                "hermes_persistent_backup/a:first version", "hermes_persistent_backup/a:second version",
                "hermes_persistent_backup/z/c:third",
            ])
        #expect(seen.withLock { $0[.name] } == ["hermes_persistent_backup/b:", "moved:"])
        // Each with the first commit that has it.
        let first = origins.withLock { $0 }.mapValues(\.description)
        #expect(first["hermes_persistent_backup/a:first version"] == log[0])
        #expect(first["hermes_persistent_backup/a:second version"] == log[1])
        #expect(first["hermes_persistent_backup/z/c:third"] == log[2])
        let commits = seen.withLock { $0[.commit] } ?? []
        #expect(commits.count == 4)
        let words = try #require(commits.first { $0.contains("Words of a message") })
        #expect(words.contains("author Somebody Else <else@host.test>") && !words.contains("tree "))
        let error = await Fixture.failure {
            _ = try await site.fixture.repository.push(access) { item in
                guard try item.content != Array("first version".utf8) else {
                    throw OperatorError("gate", doing: "gating", reason: "a secret", exit: .refused)
                }
            }
        }
        #expect(error?.exit == .refused)
        #expect(try await site.remoteHead() == "")
        #expect(try !site.log().contains("POST"))
    }

    @Test("Wrong, weak and missing tokens, and repositories out of reach, exit 77")
    func credentials() async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        for (token, type) in [("wrong", "git.unauthorised"), (nil, "git.unauthorised"), (Self.reader, "git.forbidden")]
        {
            let error = try await site.failure(site.access(token))
            #expect(error.type == type)
            #expect(error.exit == .credential)
            #expect(!error.isTemporary)
        }
        try site.server.setTokens(#"{"\#(Self.token)": {}}"#)
        let error = try await site.failure()
        #expect(error.type == "git.not-found")
        #expect(error.exit == .credential)
        #expect(try await site.remoteHead() == "")
        // One request each: a refused token is not offered again.
        #expect(try site.log().split(separator: "\n").filter { $0.contains("receive-pack") }.count == 4)
    }

    @Test(
        "Hooks and server rules end in their own words",
        arguments: [
            (
                "echo 'remote: error: GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1",
                "git.protected-branch", Support.ExitStatus.failure
            ),
            (
                "echo 'error: GH013: Repository rule violations. Push cannot contain secrets https://github.com/x/unblock-secret/9' >&2; exit 1",
                "git.push-protection", .refused
            ),
            ("echo 'error: GH001: Large files detected.' >&2; exit 1", "git.large-file", .failure),
            ("printf 'not \\033[31mtoday\\n' >&2; exit 1", "git.hook", .failure),
        ])
    func hooks(script: String, type: String, exit: Support.ExitStatus) async throws {
        let site = try await Site()
        try await site.commit(Fixture.many())
        try site.hook(script)
        let error = try await site.failure()
        #expect(error.type == type)
        #expect(error.exit == exit)
        #expect(!error.isTemporary)
        #expect(!error.description.contains("unblock-secret"))
        #expect(!error.description.unicodeScalars.contains { $0.value < 32 })
        #expect(error.reason.contains("declined"))
        #expect(try await site.remoteHead() == "")
        try site.hook("exit 0")
        #expect(try await site.push().result == .pushed)
    }

    @Test("A hook that prints the token does not get it into our error")
    func echo() async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        try site.hook("echo 'you sent \(Self.token) to us' >&2; exit 1")
        #expect(try await site.failure().reason.contains("«secret»"))
    }

    @Test(
        "Failures that may pass are temporary, and the next push succeeds",
        arguments: [
            #"{"on": "refs", "kind": "status", "status": 503, "headers": {"Retry-After": "7"}}"#,
            #"{"on": "refs", "kind": "status", "status": 429}"#, #"{"on": "post", "kind": "status", "status": 502}"#,
            #"{"on": "post", "kind": "cut-request"}"#, #"{"on": "refs", "kind": "cut-answer"}"#,
        ])
    func temporary(fault: String) async throws {
        let site = try await Site()
        try await site.commit(Fixture.many())
        try site.server.setFault(fault)
        let error = try await site.failure()
        #expect(error.isTemporary)
        #expect(error.exit == .unavailable)
        #expect(try await site.remoteHead() == "")
        #expect(try await site.push().result == .pushed)
        try await site.fixture.requireSound()
    }

    @Test(
        "A server that takes no push of this size, or refuses it, is not called unavailable",
        arguments: [(413, "git.too-large"), (422, "git.refused")])
    func refusedByStatus(status: Int, type: String) async throws {
        let site = try await Site()
        try await site.commit(Fixture.many())
        try site.server.setFault(#"{"on": "post", "kind": "status", "status": \#(status)}"#)
        let error = try await site.failure()
        #expect(error.type == type)
        #expect(error.exit == .failure)
        #expect(!error.isTemporary)
        #expect(try await site.push().result == .pushed)
    }

    @Test("A server's wish to wait reaches the caller, of a push and of a clone")
    func retryAfter() async throws {
        let site = try await Site()
        try site.server.setFault(#"{"on": "refs", "kind": "status", "status": 429, "headers": {"Retry-After": "9"}}"#)
        let access = try site.access()
        let busy = await Fixture.failure { _ = try await site.fixture.repository.prepare(access) }
        #expect(busy?.exit == .unavailable)
        #expect(busy?.isTemporary == true)
        #expect(busy?.retryAfter == .seconds(9))
        try await site.commit(["a": "1"])
        try site.server.setFault(#"{"on": "refs", "kind": "status", "status": 503, "headers": {"Retry-After": "7"}}"#)
        #expect(try await site.failure().retryAfter == .seconds(7))
    }

    @Test("Silence ends after our patience, before and after the pack", arguments: ["refs", "post"])
    func silence(on: String) async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        try site.server.setFault(#"{"on": "\#(on)", "kind": "silence"}"#)
        let start = SystemTime().uptime
        let error = try await site.failure(site.access(patience: .seconds(1)))
        #expect(error.type == "network.timeout")
        #expect(error.isTemporary)
        #expect(SystemTime().uptime - start < .seconds(25))
    }

    @Test("Slow is not silent")
    func slow() async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        try site.server.setFault(#"{"on": "refs", "kind": "slow-answer", "delay": 0.01}"#)
        #expect(try await site.push(site.access(patience: .seconds(2))).result == .pushed)
    }

    @Test(
        "A landed push whose answer was lost is a success, without a second push",
        arguments: ["lost-answer", "cut-answer", "lost-in-503"])
    func lostAnswer(kind: String) async throws {
        let site = try await Site()
        try await site.commit(Fixture.many())
        try site.server.setFault(#"{"on": "post", "kind": "\#(kind)"}"#)
        let outcome = try await site.push()
        #expect(outcome.result == .landedWithoutAnswer)
        #expect(try await site.remoteHead() == outcome.tip.description)
        #expect(try site.log().split(separator: "\n").filter { $0.contains("POST") }.count == 1)
    }

    @Test("A server that reports success and does nothing is found out")
    func lie() async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        try site.server.setFault(#"{"on": "post", "kind": "lie"}"#)
        #expect(try await site.failure().type == "git.not-landed")
    }

    @Test(
        "Redirects are refused, to another host and to another port, and the token goes nowhere",
        arguments: ["refs", "post"])
    func redirects(on: String) async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        for target in [
            "https://127.0.0.1:\(site.server.port("other"))", "https://evil.test",
            "http://127.0.0.1:\(site.server.port("http"))",
        ] {
            try site.server.setFault(#"{"on": "\#(on)", "kind": "redirect", "to": "\#(target)"}"#)
            let error = try await site.failure()
            #expect(error.type == "git.redirect")
            #expect(error.reason.contains(target))
        }
        #expect(try !site.log().contains(#""port": \#(site.server.port("other"))"#))
        #expect(try !site.log().contains(#""port": \#(site.server.port("http"))"#))
    }

    @Test(
        "Pages and junk instead of git's protocol are said as such",
        arguments: [
            ("refs", "garbage"), ("post", "garbage"), ("post", "garbage-result"), ("refs", "garbage-advertisement"),
        ])
    func garbage(on: String, kind: String) async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        try site.server.setFault(#"{"on": "\#(on)", "kind": "\#(kind)"}"#)
        let error = try await site.failure()
        #expect(["git.not-a-server", "git.protocol"].contains(error.type))
        #expect(error.exit == .unavailable)
        #expect(try await site.remoteHead() == "")
    }

    @Test("A token that is refused for ever is sent once per request, and stale configuration elsewhere is not read")
    func insteadOf() async throws {
        let site = try await Site()
        try await site.commit(["a": "1"])
        _ = try await site.fixture.git("config", "url.https://evil.test/.insteadOf", "https://127.0.0.1")
        #expect(try await site.push().result == .pushed)
    }

    @Test("A fresh clone through the same transport is what was pushed, attributes and all")
    func clone() async throws {
        let site = try await Site()
        var files = Fixture.many()
        files[".gitattributes"] = "* text eol=crlf ident\n"
        files["text"] = "one\ntwo $Id$\n"
        try await site.commit(files)
        _ = try await site.push()
        let target = site.fixture.folder.path.appending("drill")
        let head = try await site.fixture.repository.clone(into: target, site.access())
        #expect(try await site.remoteHead() == head.description)
        for (name, content) in files {
            let path = target.appending("hermes_persistent_backup").pushing(FilePath(name))
            #expect(try FileSystem.read(path, limit: 1 << 20) == Array(content.utf8))
        }
        #expect(try await Git.run(["status", "--porcelain"], in: target) == "")
        try await Git.run(["fsck", "--strict"], in: target)
        let again = await Fixture.failure { _ = try await site.fixture.repository.clone(into: target, site.access()) }
        #expect(again?.type == "git.not-empty")
        for fault in [#"{"on": "post", "kind": "cut-answer"}"#, #"{"on": "post", "kind": "status", "status": 500}"#] {
            let second = site.fixture.folder.path.appending("second\(fault.count)")
            try site.server.setFault(fault)
            let error = await Fixture.failure {
                _ = try await site.fixture.repository.clone(into: second, site.access())
            }
            #expect(error?.isTemporary == true)
        }
    }

    @Test("How far a token reaches is told from what the host says, and unknown never passes for scoped")
    func reach() async throws {
        let site = try await Site("owner.git")
        let base = "https://127.0.0.1:\(site.server.port())"
        func reach(_ token: String, _ api: String, gitea: Bool = false) async throws -> TokenReach {
            try site.server.setAPI(api)
            return try await site.fixture.repository.tokenReach(
                site.access(token), forge: gitea ? nil : .github(api: base + "/api"))
        }
        let ours = #"{"full_name": "OWNER", "permissions": {"push": true}}"#
        let other = #"{"full_name": "owner/else", "permissions": {"push": true}}"#
        let readable = #"{"full_name": "owner/else", "permissions": {"push": false}}"#
        let fine = ["github", "_pat_", "x"].joined()
        func isBroad(_ reach: TokenReach) -> Bool { if case .broad = reach { true } else { false } }
        func isUnknown(_ reach: TokenReach) -> Bool { if case .unknown = reach { true } else { false } }
        func isScoped(_ reach: TokenReach) -> Bool { if case .scoped = reach { true } else { false } }
        let classic = try await reach(
            Self.token, #"{"/api/user": {"headers": {"X-OAuth-Scopes": "gist, repo"}, "body": {}}}"#)
        #expect(isBroad(classic))
        #expect(classic.refusal(allowBroadToken: false)?.exit == .credential)
        #expect(classic.refusal(allowBroadToken: true) == nil)
        #expect(isUnknown(try await reach(Self.token, #"{"/api/user": {"body": {}}}"#)))
        #expect(isUnknown(try await reach(Self.token, #"{"/api/user": {"status": 401, "body": {}}}"#)))
        #expect(isScoped(try await reach(fine, #"{"/api/user/repos": {"body": [\#(ours), \#(readable)]}}"#)))
        #expect(isBroad(try await reach(fine, #"{"/api/user/repos": {"body": [\#(ours), \#(other)]}}"#)))
        #expect(isUnknown(try await reach(fine, #"{"/api/user/repos": {"body": []}}"#)))
        #expect(isUnknown(try await reach(fine, #"{"/api/user/repos": {"body": "nonsense"}}"#)))
        let app = ["ghs", "_x"].joined()
        #expect(
            isScoped(
                try await reach(
                    app,
                    #"{"/api/installation/repositories": {"body": {"total_count": 1, "repositories": [\#(ours)]}}}"#)))
        #expect(
            isBroad(
                try await reach(
                    app,
                    #"{"/api/installation/repositories": {"body": {"total_count": 2, "repositories": [\#(ours)]}}}"#)))
        let version = #""/api/v1/version": {"body": {"version": "1.22"}}"#
        #expect(
            isBroad(
                try await reach(
                    "t", #"{\#(version), "/api/v1/user/repos": {"body": [\#(ours), \#(other)]}}"#, gitea: true)))
        #expect(
            isScoped(try await reach("t", #"{\#(version), "/api/v1/user/repos": {"body": [\#(ours)]}}"#, gitea: true)))
        #expect(
            isUnknown(
                try await reach("t", #"{\#(version), "/api/v1/user/repos": {"status": 403, "body": {}}}"#, gitea: true))
        )
        #expect(isUnknown(try await reach("t", "{}", gitea: true)))
    }
}
