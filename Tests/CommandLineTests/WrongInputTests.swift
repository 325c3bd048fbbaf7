internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What a person gets wrong, and what the program answers: the contract's exit code and a message with the place and the way out.
@Suite struct WrongInputTests {
    @Test func everyMistakeOfAConfigurationIsListed() async throws {
        let runner = try RunnerProgram()
        try runner.folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: Vijay, hermesHome: /nowhere }
            repository: { path: /x, remoet: https://example.org/x.git }
            credentials:
              push: hunter2hunter2
            jobs:
              backup:
                timeout: soon
                retrys: { attempts: 3 }
                steps: [ sanitise ]
            """)
        let result = try await runner("validate")
        #expect(result.status == 78)
        for place in [
            "config.yaml:2:", "config.yaml:3:", "config.yaml:5:", "config.yaml:8:", "config.yaml:9:", "config.yaml:10:",
        ] {
            #expect(result.errors.contains(place), "\(place) is missing in\n\(result.errors)")
        }
        #expect(result.errors.contains("did you mean \"remote\"?"))
        #expect(result.errors.contains("did you mean \"retry\"?"))
        #expect(result.errors.contains("did you mean \"sanitize\"?"))
        #expect(!(result.errors + result.output).contains("hunter2"))
        #expect(try await runner("run", "backup").status == 78)
    }

    /// What only systemd knows: a schedule of the right form that it refuses. Without systemd it is said that nobody looked.
    @Test func systemdJudgesSchedules() async throws {
        var runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: vijay, hermesHome: \(runner.home) }
            jobs: { tidy: { schedule: "*-*-31..1", steps: [ sanitize ] } }

            """, permissions: 0o600)
        let refused = try await runner("validate")
        #expect(refused.status == 78)
        #expect(refused.errors.contains("config.yaml:3:27: \"schedule\" of job \"tidy\": Failed to parse calendar"))
        #expect(try await runner("units", "render").status == 78)
        // A job that somebody starts by hand needs no schedule.
        #expect(try await runner("run", "tidy").status == 0)
        runner.environment["PATH"] = "/nonexistent"
        let unknown = try await runner("validate")
        #expect(unknown.status == 0)
        #expect(unknown.errors.contains("was looked at by its form alone: systemd-analyze cannot be run here"))
    }

    /// Commits that nobody pushes would wait for ever.
    @Test(arguments: [true, false])
    func aRemoteThatNoJobPushesTo(isPushed: Bool) async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.configure(extra: "")
        let text = String(
            decoding: try FileSystem.read(runner.folder.path.appending("config.yaml"), limit: 1 << 20), as: UTF8.self)
        let job = isPushed ? "[ sanitize, commit, push ]" : "[ sanitize, commit ]"
        try runner.folder.write("config.yaml", text.replacingOccurrences(of: "[ sanitize, commit, push ]", with: job))
        let result = try await runner("validate")
        #expect(result.status == 0)
        #expect(result.errors.contains("no job has a `push` step") == !isPushed, "\(result)")
    }

    @Test(arguments: ["missing", "empty", "other"])
    func aHomeThatIsNone(kind: String) async throws {
        let runner = try RunnerProgram()
        if kind != "missing" { try FileSystem.makeDirectory(runner.home) }
        if kind == "other" { try runner.folder.write("home/holiday.txt", "x") }
        try await runner.makeRemote()
        try runner.configure()
        let result = try await runner("run", "backup")
        #expect(result.status == 78, "\(result.errors)")
        let refs = try await runner.tool("git", "-C", runner.remote.string, "for-each-ref")
        #expect(refs.output == "")
        #expect(try await runner("plan").status == 78)
        #expect(try await runner("validate").status == 78)
    }

    @Test func repositoriesThatCannotBeUsed() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("run", "backup").status == 0)
        let head = try await runner.head()

        // Somebody's edit in the folder is neither lost nor committed.
        try runner.folder.write("repository/hermes_persistent_backup/SOUL.md", "mine\n")
        let dirty = try await runner("run", "backup")
        #expect(dirty.status == 1, "\(dirty.errors)")
        #expect(dirty.errors.contains("SOUL.md") || dirty.output.contains("SOUL.md"))
        #expect(try FileSystem.read(runner.stored.appending("SOUL.md"), limit: 100) == Array("mine\n".utf8))
        #expect(try await runner.head() == head)
        _ = try await runner.tool("git", "-C", runner.repository.string, "checkout", "-q", "--", ".")

        // Files outside the folder are nobody's business.
        try runner.folder.write("repository/README.md", "notes\n")
        #expect(try await runner("run", "backup").status == 0)

        // Another branch.
        _ = try await runner.tool("git", "-C", runner.repository.string, "checkout", "-q", "-b", "other")
        #expect(try await runner("run", "backup").status == 1)
        _ = try await runner.tool("git", "-C", runner.repository.string, "checkout", "-q", "main")

        // The remote went its own way.
        let clone = runner.folder.path.appending("clone").string
        _ = try await runner.tool("git", "clone", "-q", runner.remote.string, clone)
        _ = try await runner.tool(
            "git", "-C", clone, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m",
            "elsewhere")
        _ = try await runner.tool("git", "-C", clone, "push", "-q")
        try runner.folder.write("home/SOUL.md", "You are calmer.\n")
        let diverged = try await runner("run", "backup")
        #expect(diverged.status == 1, "\(diverged.errors)")
        #expect((diverged.errors + diverged.output).contains("fast-forward"))

        // A bare one.
        try runner.configure(
            repository: "repository: { path: \(runner.remote.string), remote: \(runner.remote.string) }")
        #expect(try await runner("run", "backup").status == 1)
    }

    @Test func aTokenThatOthersCanRead() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.folder.write("token", "not-a-real-token-at-all\n", permissions: 0o644)
        try runner.configure(
            extra: "credentials: { push: { file: \(runner.folder.path.appending("token").string) } }",
            repository:
                "repository: { path: \(runner.repository.string), remote: https://localhost:1/x.git, credential: push }"
        )
        for arguments in [["validate"], ["run", "backup"]] {
            let result = try await arguments.count == 1 ? runner(arguments[0]) : runner(arguments[0], arguments[1])
            #expect(result.status == 77, "\(result.errors)")
            #expect(result.errors.contains("600") || result.output.contains("600"))
            #expect(!(result.errors + result.output).contains("not-a-real-token"))
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root to become another user"))
    func aFileThatCannotBeRead() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.folder.write("home/skills/weather/closed.md", "x")
        try await runner.makeRemote()
        try runner.configure()
        _ = try await runner.tool("chown", "-R", "65534:65534", runner.folder.path.string)
        _ = try await runner.tool("chown", "0:0", runner.home.pushing("skills/weather/closed.md").string)
        let result = try await runner.tool(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", RunnerProgram.path.string, "run", "backup")
        #expect(result.status == 1, "\(result.errors)")
        #expect((result.errors + result.output).contains("closed.md"))
        let refs = try await runner.tool("git", "-C", runner.remote.string, "-c", "safe.directory=*", "for-each-ref")
        #expect(refs.output == "")
    }

    @Test func usageIsSixtyFour() async throws {
        let runner = try RunnerProgram()
        #expect(try await runner("nonsense").status == 64)
        #expect(try await runner("run").status == 64)
        #expect(try await runner("status", "--quiet", "--verbose").status == 64)
        try runner.makePlainHome()
        try runner.configure()
        #expect(try await runner("run", "no-such-job").status == 64)
        #expect(try await runner("show", "ffffffff").status == 64)
    }

    @Test func withJSONAnErrorIsOneDocumentToo() async throws {
        let runner = try RunnerProgram()
        let result = try await runner("status", "--json")
        #expect(result.status == 78)
        let error = try result.json()["error"] as? [String: Any]
        #expect(error?["exit"] as? Int == 78)
        #expect((error?["message"] as? String)?.isEmpty == false)
    }
}
