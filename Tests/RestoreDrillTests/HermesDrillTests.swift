import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import RestoreDrill

@Suite struct HermesDrillTests {
    /// A stand-in that says what a script makes it say, and writes down what it sees.
    private func standIn(_ fixture: DrillFixture, messages: Int) throws -> FilePath {
        try fixture.folder.write(
            "bin/hermes",
            """
            #!/bin/sh
            env > "$TMPDIR/seen-env"
            ls -A "$HERMES_HOME" > "$TMPDIR/seen-home"
            touch '\(fixture.home)/written' 2>/dev/null
            case "$1 $2" in
            "version "*) echo "Hermes Agent v0.19.0" ;;
            "config check") echo "Config version: 33" ;;
            "sessions repair") echo "state.db opens cleanly" ;;
            "sessions stats") printf 'Total sessions: 11\\nTotal messages: \(messages)\\n' ;;
            "cron list") grep -o '"id": *"[0-9a-f]*"' "$HERMES_HOME/cron/jobs.json" | sed 's/.*"\\([0-9a-f]*\\)"/  \\1 [active]/' ;;
            "skills list") echo "0 hub-installed, 0 builtin, $(find "$HERMES_HOME/skills" -name SKILL.md | wc -l) local" ;;
            esac
            """, permissions: 0o755)
    }

    @Test(arguments: [240, 239])
    func countsOfTheCommandAreCompared(messages: Int) async throws {
        let fixture = try DrillFixture()
        let program = try standIn(fixture, messages: messages)
        let before = try TreeFingerprint(fixture.home)
        let drill = try fixture.drill(gate: false)
        let restored = try await drill.restore(fixture.bundleSource(try fixture.bundle()))
        let part = try await drill.verify(restored, hermes: HermesTrial(.required, command: program))
        #expect(part.failed == (messages == 240 ? [] : ["hermes"]), "\(part.checks)")
        #expect(part.hermesVersion == "Hermes Agent v0.19.0")
        let scratch = restored.location.appending("scratch")
        let environment = String(
            decoding: try FileSystem.read(scratch.appending("seen-env"), limit: 1 << 20), as: UTF8.self)
        #expect(environment.contains("HERMES_HOME=\(restored.home)"))
        #expect(!environment.contains("TOKEN="))
        let names = String(decoding: try FileSystem.read(scratch.appending("seen-home"), limit: 1 << 20), as: UTF8.self)
        #expect(!names.split(separator: "\n").contains(".env"))
        #expect(!names.split(separator: "\n").contains("auth.json"))
        if try await Seal.available(SystemCommandRunner()) == .namespaces {
            #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        }
    }

    @Test func sealedCommandReachesNoNetwork() async throws {
        let fixture = try DrillFixture()
        guard try await Seal.available(SystemCommandRunner()) == .namespaces else { return }
        let scratch = fixture.folder.path.appending("scratch")
        try FileSystem.makeDirectory(scratch)
        let command = SealedCommand(
            seal: .namespaces, runner: SystemCommandRunner(), program: "/bin/cat", home: fixture.home,
            scratch: scratch, folder: scratch, liveHome: fixture.home)
        let result = try await command.run(["/proc/net/dev"], deadline: .seconds(20))
        let devices = String(decoding: result.output, as: UTF8.self).split(separator: "\n").dropFirst(2)
        // /proc is the machine's own; the view of its network is the process's.
        #expect(result.isSuccess)
        #expect(devices.allSatisfy { $0.contains("lo:") }, "\(devices)")
    }

    @Test func optionalCommandThatIsMissingIsSkipped() async throws {
        let fixture = try DrillFixture()
        let file = try fixture.bundle()
        let auto = try await fixture.run(fixture.bundleSource(file), hermes: HermesTrial(.auto))
        #expect(auto.outcome("hermes") == .skipped)
        #expect(auto.outcome == .passed)
        let required = try await fixture.run(fixture.bundleSource(file), hermes: HermesTrial(.required))
        #expect(required.outcome("hermes") == .unknown)
        #expect(required.outcome == .unknown)
    }

    @Test(.enabled(if: RealHermes.installed != nil, "the real Hermes Agent is not installed"))
    func realHermesCountsTheSame() async throws {
        let hermes = try #require(RealHermes.installed)
        let folder = try TemporaryDirectory()
        let user = folder.path.appending("user")
        try FileSystem.makeDirectory(user)
        let fixture = try DrillFixture()
        try FileSystem.removeTree(fixture.home.appending("state.db"))
        // Hermes' own code makes the database.
        try await hermes.python(
            """
            from hermes_state import SessionDB
            db = SessionDB()
            for s in range(120):
                db.create_session(f"s{s}", source="cli")
                for m in range(5):
                    db.append_message(f"s{s}", role="user", content=f"message {m} of session {s}")
            db.close()
            """, home: fixture.home, userHome: user)
        let part = try await fixture.run(
            fixture.bundleSource(try fixture.bundle()),
            hermes: HermesTrial(.required, command: hermes.program))
        #expect(part.failed.isEmpty, "\(part.checks)")
        #expect(part.outcome == .passed, "\(part.checks)")
        #expect(part.counts.sessions == 120)
        #expect(part.counts.messages == 600)
        try await fixture.backUp()
        let repository = try await fixture.run(
            try fixture.repositorySource(), hermes: HermesTrial(.required, command: hermes.program))
        #expect(repository.outcome == .passed, "\(repository.checks)")
    }
}
