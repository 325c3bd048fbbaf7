internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A home that the real Hermes Agent made and writes to all the while: what comes back is what Hermes itself counts.
@Suite(.timeLimit(.minutes(5))) struct DrillRealHermesTests {
    private static let sessions = 300

    @Test(.enabled(if: RealHermes.installed != nil, "the real Hermes Agent is not installed"))
    func aBusyHomeComesBackAsHermesSeesIt() async throws {
        let hermes = try #require(RealHermes.installed)
        let runner = try RunnerProgram()
        let folder = runner.folder
        let plants = folder.path.appending("plants.json")
        let writer = try startHermes(hermes, runner, plants)
        defer { writer.stop() }
        let key = folder.path.appending("key.txt")
        let made = try await runner("keys", "generate", "-o", key.string)
        try await runner.makeRemote()
        try folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: vijay, label: Vijay, hermesHome: \(runner.home) }
            credentials: { drill-key: { file: \(key) } }
            repository: { path: \(runner.repository), remote: \(runner.remote), branch: main }
            bundle: { recipients: [ \(made.output.trimmingCharacters(in: .whitespacesAndNewlines)) ] }
            stores: { local: { directory: \(folder.path.appending("store")) } }
            hermes: { command: \(hermes.program) }
            jobs:
              backup: { steps: [ sanitize, commit, push ] }
              emergency-bundle: { steps: [ bundle, { upload: { store: local } } ] }
              restore-drill:
                steps:
                  - restore: { from: repository }
                  - verify: { hermes: required }
                  - restore: { from: store, store: local, identity: drill-key }
                  - verify: { hermes: required }
            """)
        for job in ["backup", "emergency-bundle"] {
            let result = try await runner("run", job, "--quiet")
            #expect(result.status == 0, "\(job): \(result.errors)")
        }
        writer.stop()
        // What the manifest counted, while it was written to.
        let inspected = try await runner(
            "bundle", "inspect", "latest", "--store", "local", "--identity", key.string, "--json")
        let rows = try #require(stateRows(inspected), "\(inspected.output.prefix(500))\(inspected.errors)")
        #expect(rows["sessions"] == Self.sessions)
        let messages = try #require(rows["messages"])
        #expect(messages > Self.sessions * 10)
        let drill = try await runner("drill", "--json")
        let receipt = try JSONDecoder().decode(Drilled.self, from: Data(drill.output.utf8))
        #expect(drill.status == 0 && receipt.outcome == "passed", "\(receipt)\(drill.errors)")
        #expect(receipt.drills.allSatisfy { $0.names("passed").contains("hermes") }, "\(receipt)")
        #expect(receipt.drills[1].counts["sessions"] == Self.sessions)
        #expect(receipt.drills[1].counts["messages"] == messages)
        for part in receipt.drills {
            #expect(part.counts["cronJobs"] == 4 && part.counts["skills"] == 1, "\(part.counts)")
            #expect((part.counts["memories"] ?? 0) >= 4)
        }
        try await bundle(hermes, runner, messages)
        try await repository(hermes, runner, plants)
    }

    /// A real restore of the bundle, and the real command on it, without this program in between.
    private func bundle(_ hermes: RealHermes, _ runner: RunnerProgram, _ messages: Int) async throws {
        let back = runner.folder.path.appending("back")
        let user = runner.folder.path.appending("user")
        let restored = try await runner("restore", "--from", "store", "--identity", "drill-key", "--into", back.string)
        #expect(restored.status == 0, "\(restored.errors)")
        func say(_ words: String...) async throws -> String { try await hermes.run(words, home: back, userHome: user) }
        let statistics = try await say("sessions", "stats")
        #expect(numbers(statistics, "Total sessions:") == Self.sessions, "\(statistics)")
        #expect(numbers(statistics, "Total messages:") == messages, "\(statistics)")
        #expect(try await say("sessions", "repair", "--check-only").contains("opens cleanly"))
        let settings = try await say("config", "check")
        #expect(settings.contains("Config version") && !settings.contains("Failed to parse"))
        let jobs = try await say("cron", "list", "--all")
        for name in ["inbox-0", "inbox-1", "inbox-2", "report"] { #expect(jobs.contains(name), "\(jobs)") }
        #expect(try await say("skills", "list").contains("weather"))
        for name in [
            "memories/MEMORY.md", "memories/USER.md", ".env", "auth.json", "cron/jobs.json", "profiles/coder/.env",
        ] {
            let file = FilePath(name)
            let found = try FileSystem.read(back.pushing(file), limit: 1 << 20)
            let live = try FileSystem.read(runner.home.pushing(file), limit: 1 << 20)
            #expect(found == live, "\(name)")
        }
    }

    /// From the repository alone: everything but what `plan` says is left out, and the secrets that are listed.
    private func repository(_ hermes: RealHermes, _ runner: RunnerProgram, _ plants: FilePath) async throws {
        struct Plan: Decodable {
            struct File: Decodable {
                var path: String
                var action: String
                var rule: String
            }
            struct Sanitizing: Decodable { var files: [File] }
            var sanitizing: Sanitizing
        }
        struct Report: Decodable {
            struct Needed: Decodable {
                var kind: String
                var name: String
                var file: String
            }
            var secretsToProvide: [Needed]
        }
        let back = runner.folder.path.appending("sanitized")
        let restored = try await runner("restore", "--from", "repository", "--into", back.string, "--json")
        #expect(restored.status == 0, "\(restored.errors)")
        let plan = try JSONDecoder().decode(
            Plan.self, from: Data(try await runner("plan", "backup", "--json", "--all").output.utf8))
        let report = try JSONDecoder().decode(Report.self, from: Data(restored.output.utf8))
        var counts: [String: Int] = [:]
        // A name that is not plain is shown escaped.
        for file in plan.sanitizing.files where !file.path.contains("\\") {
            counts[file.action, default: 0] += 1
            let path = back.pushing(FilePath(file.path))
            let isThere = (try? FileStatus(at: path)) != nil
            switch file.action {
            case "keep" where (try? FileStatus(at: path).kind) == .file:
                let found = try FileSystem.read(path, limit: 1 << 20)
                let live = try FileSystem.read(runner.home.pushing(FilePath(file.path)), limit: 1 << 20)
                #expect(found == live || file.path.hasSuffix("jobs.json"), "\(file.path)")
            case "keep", "redact":
                #expect(isThere || file.rule == "dotenv", "\(file.path) (\(file.action), \(file.rule)) is missing")
            default: #expect(!isThere, "\(file.path) is \(file.action)")
            }
        }
        #expect(counts["keep"] ?? 0 > 3 && counts["redact"] ?? 0 > 3 && counts["exclude"] ?? 0 > 3, "\(counts)")
        let needed = Set(report.secretsToProvide.map { $0.kind == "file" ? $0.file : $0.name })
        for name in [
            "auth.json", "google_token.json", "mcp-tokens/linear.json", "OPENROUTER_API_KEY", "TELEGRAM_BOT_TOKEN",
        ] {
            #expect(needed.contains(name), "\(needed.sorted())")
        }
        #expect(report.secretsToProvide.contains { $0.kind == "configuration" })
        // Hermes takes it as it is, and none of the planted values is in it.
        let user = runner.folder.path.appending("user")
        let settings = try await hermes.run(["config", "check"], home: back, userHome: user)
        #expect(settings.contains("Config version") && !settings.contains("Failed to parse"))
        let values = try JSONDecoder().decode(
            [[String: String]].self, from: Data(FileSystem.read(plants, limit: 1 << 20))
        ).compactMap { $0["value"] }
        for value in values {
            let hits = try await runner.tool("grep", "-rlF", "--", value, back.string)
            #expect(hits.status == 1, "a planted value is in \(hits.output)")
        }
    }

    private func numbers(_ text: String, _ label: String) -> Int? {
        guard let range = text.firstRange(of: label) else { return nil }
        return Int(text[range.upperBound...].drop { $0 == " " }.prefix { $0.isNumber || $0 == "," }.filter(\.isNumber))
    }

    private func stateRows(_ result: RunnerProgram.Result) -> [String: Int]? {
        let object = (try? result.json()) ?? [:]
        let manifest = object["manifest"] as? [String: Any] ?? object
        let databases = manifest["databases"] as? [[String: Any]] ?? []
        return databases.first { ($0["path"] as? String) == "home/state.db" }?["rows"] as? [String: Int]
    }

    /// Hermes' own code, which makes the home and then goes on writing to its database.
    private final class Writer {
        let process: Process
        let input: Pipe

        init(_ process: Process, _ input: Pipe) {
            self.process = process
            self.input = input
        }

        func stop() {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
    }

    private func startHermes(_ hermes: RealHermes, _ runner: RunnerProgram, _ plants: FilePath) throws -> Writer {
        let script = try #require(
            Bundle.module.path(forResource: "make_real_home", ofType: "py", inDirectory: "Resources"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // What Hermes leaves to the umask is private too: the drill looks at the modes of credentials.
        process.arguments = [
            "-c", #"umask 077; exec "$@""#, "sh", hermes.python.string, script, plants.string, "--sessions",
            "\(Self.sessions)", "--messages", "10", "--hold",
        ]
        var environment = runner.environment
        environment["HERMES_HOME"] = runner.home.string
        process.environment = environment
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        _ = try output.fileHandleForReading.read(upToCount: 6)
        return Writer(process, input)
    }
}
