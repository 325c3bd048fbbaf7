internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The commands one by one, from outside.
@Suite struct CommandTests {
    @Test func helpNamesEveryCommand() async throws {
        let runner = try RunnerProgram()
        let help = try await runner("--help")
        #expect(help.status == 0)
        for command in [
            "init", "validate", "schema", "plan", "explain", "run", "status", "history", "show", "finalize", "scan",
            "sanitize",
            "bundle", "keys", "restore", "drill", "units",
        ] {
            #expect(help.output.contains("  \(command)"), "\(command) is not in --help")
            let own = try await runner(command, "--help")
            #expect(own.status == 0)
            #expect(own.output.contains("OVERVIEW"))
        }
        #expect(try await runner("--version").output.first?.isNumber == true)
    }

    @Test(arguments: ["config", "run", "status", "snapshot", "fleet"])
    func schemasAreJSON(name: String) async throws {
        let runner = try RunnerProgram()
        let schema = try await runner("schema", name)
        #expect(schema.status == 0)
        #expect(try schema.json()["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(try await runner("schema", name, "--json").output == schema.output)
    }

    @Test func whatInitWritesIsValid() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        let made = try await runner("init", "--hermes-home", runner.home.string)
        #expect(made.status == 0, "\(made.errors)")
        let config = runner.folder.path.appending("config.yaml")
        #expect(try FileStatus(at: config).permissions == 0o600)
        let text = try FileSystem.read(config, limit: 1 << 20)
        let check = try await runner("validate")
        #expect(check.status == 0 || check.status == 77, "\(check.errors)")
        let again = try await runner("init", "--hermes-home", runner.home.string)
        #expect(again.status == 73)
        #expect(try FileSystem.read(config, limit: 1 << 20) == text)
    }

    @Test func initTakesAFileOfTheFolderItIsCalledIn() async throws {
        var runner = try RunnerProgram()
        try runner.makePlainHome()
        let script = #"cd "$1"; shift; exec "$@""#
        let folder = runner.folder.path
        let program = RunnerProgram.path.string
        let named = try await runner.tool(
            "sh", "-c", script, "sh", folder.string, program, "init", "--config", "new.yaml", "--hermes-home", "home")
        #expect(named.status == 0, "\(named.errors)")
        let text = String(decoding: try FileSystem.read(folder.appending("new.yaml"), limit: 1 << 20), as: UTF8.self)
        #expect(text.contains(runner.home.string))
        runner.environment["HERMES_OPS_CONFIG"] = "zz.yaml"
        let fromEnvironment = try await runner.tool("sh", "-c", script, "sh", folder.string, program, "init")
        #expect(fromEnvironment.status == 0, "\(fromEnvironment.errors)")
        #expect(try FileStatus(at: folder.appending("zz.yaml")).permissions == 0o600)
        let printed = try await runner("init", "--print", "--json", "--hermes-home", runner.home.string)
        #expect(try printed.json()["text"] as? String == text)
    }

    @Test func theManPageNamesTheCommandsThatHelpNames() async throws {
        let runner = try RunnerProgram()
        let page = try await runner.tool(
            "sh", "-c", #""$1" --experimental-dump-help | python3 "$2""#, "sh", RunnerProgram.path.string,
            TestServer.sourceRoot.appending("scripts/man-page").string)
        #expect(page.status == 0, "\(page.errors)")
        #expect(page.output.contains(#".SS hermes\-ops\-runner init"#))
        #expect(!page.output.contains(#".SS hermes\-ops\-runner seal"#))
    }

    @Test func planWritesNothing() async throws {
        let runner = try RunnerProgram()
        _ = try HermesHomeFixture(at: runner.home, seed: 3)
        try runner.configure()
        let before = try TreeFingerprint(runner.home)
        let plan = try await runner("plan", "backup", "--json")
        #expect(plan.status == 0, "\(plan.errors)")
        let sanitizing = try plan.json()["sanitizing"] as? [String: Any]
        let files = sanitizing?["files"] as? [[String: Any]] ?? []
        func action(_ path: String) -> String? { files.first { $0["path"] as? String == path }?["action"] as? String }
        #expect(action("SOUL.md") == "keep")
        #expect(action("auth.json") == "exclude")
        #expect(action("config.yaml") == "redact")
        #expect(try TreeFingerprint(runner.home).differences(from: before) == [])
        #expect(access(runner.repository.string, F_OK) != 0)
        #expect(try await runner("explain", "SOUL.md").status == 0)
        #expect(access(runner.state.string, F_OK) != 0)
    }

    @Test func whatIsOpenToOthersIsClosedAndTold() async throws {
        let runner = try RunnerProgram()
        _ = try HermesHomeFixture(at: runner.home, seed: 3)
        try runner.configure()
        try FileSystem.makeDirectory(runner.state)
        let key = runner.state.appending("fingerprint.key")
        try FileSystem.replace(key, with: Array(repeating: 7, count: 32))
        #expect(chmod(key.string, 0o644) == 0 && chmod(runner.state.string, 0o755) == 0)
        let scan = try await runner("scan", runner.home.appending("SOUL.md").string)
        #expect(scan.errors.contains("fingerprint.key was open to others (mode 0644)"), "\(scan.errors)")
        #expect(scan.errors.contains("was open to others (mode 0755)"))
        #expect(try FileStatus(at: key).permissions == 0o600)
        #expect(try FileStatus(at: runner.state).permissions == 0o700)
    }

    @Test func explainNamesTheRuleAndNeverTheValue() async throws {
        let runner = try RunnerProgram()
        let fixture = try HermesHomeFixture(at: runner.home, seed: 4)
        try runner.configure()
        for path in [
            "auth.json", "config.yaml", "memories/MEMORY.md", "no/such/file", runner.home.appending("SOUL.md").string,
        ] {
            let result = try await runner("explain", path)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("rule "))
            for secret in fixture.secrets { #expect(!result.output.contains(secret.value)) }
        }
        for path in ["/etc/passwd", "../x", "", "memories/../../x"] {
            #expect(try await runner("explain", path).status == 64, "\(path)")
        }
        #expect(try await runner("explain", "no/such/file").output.contains("there is no such file now"))
    }

    @Test func scanFindsAndTellsPlaces() async throws {
        let runner = try RunnerProgram()
        // A GitHub token's last six characters are a checksum; a rule may or may not look at it.
        let token = "xox" + "b-" + "123456789012-210987654321-" + "aBcDeFgHiJkLmNoPqRsTuVwX"
        let file = try runner.folder.write("notes.md", "first line\nkey: \(token)\n")
        let result = try await runner("scan", file.string)
        #expect(result.status == 10, "\(result.output) \(result.errors)")
        #expect(result.output.contains("notes.md:2:6 "))
        #expect(!result.output.contains(token))
        let clean = try runner.folder.write("clean.md", "nothing to see\n")
        let none = try await runner("scan", clean.string, "--json")
        #expect(none.status == 0)
        #expect(none.output.trimmingCharacters(in: .whitespacesAndNewlines) == "[\n\n]" || none.output.contains("["))
    }

    @Test func aScanThatCouldNotLookIsNoCleanOne() async throws {
        let runner = try RunnerProgram()
        let file = try runner.folder.write("notes.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 1, 2, 3])
        let result = try await runner("scan", file.string)
        #expect(result.status == 1 && result.output.isEmpty, "\(result.output)")
        #expect(result.errors.contains("notes.xz: xz content cannot be looked into"), "\(result.errors)")
        let json = try await runner("scan", file.string, "--json")
        #expect(json.status == 1 && json.output.contains("unreadable-content"), "\(json.output)")
    }

    @Test func sanitizeWorksByANamedConfiguration() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try runner.folder.write("home/scripts/large.sh", String(repeating: "# line\n", count: 1000))
        try runner.folder.write("home/scripts/private.sh", "# mine\n")
        try runner.configure(
            extra:
                "sanitizer: { maxFileSize: 4 KiB, rules: [ { path: /scripts/private.sh, action: exclude, reason: mine } ] }"
        )
        let target = runner.folder.path.appending("out")
        let named = runner.folder.path.appending("config.yaml").string
        let result = try await runner("sanitize", runner.home.string, "--into", target.string, "--config", named)
        #expect(result.status == 0, "\(result.errors)")
        #expect(access(target.pushing("scripts/large.sh").string, F_OK) != 0)
        #expect(access(target.pushing("scripts/private.sh").string, F_OK) != 0)
        #expect(access(target.appending("MANIFEST.json").string, F_OK) == 0)
        let missing = try await runner(
            "sanitize", runner.home.string, "--into", target.string, "--config", "/nope.yaml")
        #expect(missing.status != 0 && missing.errors.contains("/nope.yaml"), "\(missing.errors)")
    }

    @Test func sanitizeWritesATreeAndRefusesAFullFolder() async throws {
        let runner = try RunnerProgram()
        let fixture = try HermesHomeFixture(at: runner.home, seed: 5)
        let target = runner.folder.path.appending("out")
        let result = try await runner("sanitize", runner.home.string, "--into", target.string)
        #expect(result.status == 0, "\(result.errors)")
        let config = try FileSystem.read(target.appending("config.yaml"), limit: 1 << 20)
        for secret in fixture.secrets { #expect(!config.contains(Array(secret.value.utf8))) }
        let again = try await runner("sanitize", runner.home.string, "--into", target.string)
        #expect(again.status == 73)
        let inside = try await runner("sanitize", runner.home.string, "--into", runner.home.appending("x").string)
        #expect(inside.status == 64 && access(runner.home.appending("x").string, F_OK) != 0, "\(inside.errors)")
    }

    @Test func historyShowAndStatusTellOfARun() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        try await runner.makeRemote()
        try runner.configure()
        #expect(try await runner("status").output.contains("never"))
        let run = try await runner("run", "backup", "--json")
        let id = try #require(run.json()["runId"] as? String)
        #expect(try await runner("history").output.contains(id))
        #expect(try await runner("show", id).output.contains("sanitize"))
        #expect(try await runner("show", String(id.prefix(20)), "--json").json()["runId"] as? String == id)
        try FileSystem.removeTree(runner.state.appending("ledger.sqlite"))
        #expect(try await runner("history", "--rebuild").output.contains(id))
        let status = try await runner("status", "--json").json()
        let jobs = status["jobs"] as? [[String: Any]]
        #expect(jobs?.first?["state"] as? String == "idle")
    }
}
