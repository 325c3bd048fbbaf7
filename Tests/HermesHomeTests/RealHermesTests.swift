import HermesHome
import Support
import SystemPackage
import TestSupport
import Testing

/// Against the real Hermes Agent: its own commands, run on a copy, say the same numbers.
@Suite(.enabled(if: RealHermes.installed != nil, "hermes is neither in HERMES_BIN nor in PATH"))
struct RealHermesTests {
    static let fill = """
        import sys, time
        from hermes_state import SessionDB
        from cron.jobs import create_job, update_job
        db = SessionDB()
        for i in range(12):
            source = ['cli', 'telegram', 'discord', 'cron', 'api_server', 'tui'][i % 6]
            db.create_session(f's{i}', source=source)
            for n in range(40):
                db.append_message(f's{i}', 'user' if n % 2 else 'assistant', f'message {n} of session {i}')
        db.end_session('s1', 'done')
        db.set_session_archived('s2', True)
        db.close()
        create_job(prompt='say hi', schedule='every 2h', name='brief')
        create_job(prompt='x', schedule='0 9 * * *', name='daily')
        job = create_job(prompt='y', schedule='30 1 * * *', name='off')
        update_job(job['id'], {'enabled': False, 'state': 'paused'})
        """

    @Test func theNumbersAgreeAndTheHomeIsUntouched() async throws {
        let hermes = try #require(RealHermes.installed)
        let folder = try TemporaryDirectory()
        let home = folder.path.appending("home")
        try FileSystem.makeDirectory(home)
        try FileSystem.makeDirectory(folder.path.appending("user"))
        let user = folder.path.appending("user")
        try await hermes.python(Self.fill, home: home, userHome: user)
        for (name, text) in [
            ("skills/house/tidy/SKILL.md", "---\nname: tidy\ndescription: d\n---\nx\n"),
            ("skills/mine/SKILL.md", "# plain\n"),
            ("skills/mac/SKILL.md", "---\nname: mac\nplatforms: [macos]\n---\nx\n"),
            ("skills/bought/SKILL.md", "---\nname: bought\n---\nx\n"), ("skills/.bundled_manifest", "tidy:00\n"),
            (
                "skills/.hub/lock.json",
                #"{"version":1,"installed":{"bought":{"source":"github","trust_level":"community"}}}"#
            ),
            ("memories/MEMORY.md", "one\n§\ntwo\n§\nthree"), ("config.yaml", "skills:\n  disabled: [mine]\n"),
        ] {
            try folder.write("home/\(name)", text)
        }
        let copy = folder.path.appending("copy")
        let copied = try await runProgram("/bin/cp", ["-a", home.string, copy.string])
        #expect(copied.status == 0)

        let before = try TreeFingerprint(home)
        let layout = HomeLayout(home)
        #expect(HomeInspection(home).isHome)
        let state = try #require(try StateDatabase.read(layout, at: SystemTime().now))
        let cron = try CronJobs.read(layout)
        _ = try CronExecution.latest(layout)
        let skills = try Skills.read(layout, settings: HomeSettings.read(layout), userHome: user)
        #expect(try Memories.read(layout).entries == 3)
        #expect(Gateway.read(layout).liveness == .stopped)
        #expect(try TreeFingerprint(home).differences(from: before) == [])

        let stats = try await hermes.run(["sessions", "stats"], home: copy, userHome: user)
        #expect(stats.contains("Total sessions: \(state.sessions)\n"))
        #expect(stats.contains("Total messages: \(state.messages)\n"))
        for source in ["cli", "telegram", "discord"] {
            if let count = state.sessionsBySource[source] { #expect(stats.contains("  \(source): \(count) sessions")) }
        }
        #expect(state.sessions == 11 && state.archivedSessions == 1 && state.messages == 480)
        #expect(state.schemaVersion == StateDatabase.knownSchemaVersion)

        let listed = try await hermes.run(["cron", "list", "--all"], home: copy, userHome: user)
        #expect(cron.jobs.count == 3 && cron.enabled == 2)
        for job in cron.jobs {
            #expect(listed.contains(job.id))
            #expect(listed.contains("Schedule:  \(job.schedule)\n"))
        }
        #expect(listed.split(separator: "\n").count { $0.contains("Name:  ") } == cron.jobs.count)

        let shown = try await hermes.run(["skills", "list"], home: copy, userHome: user)
        let counts = Skill.Origin.allCases.reduce(into: [:]) { $0[$1] = skills.count(of: $1) }
        let summary =
            "\(counts[.hub] ?? 0) hub-installed, \(counts[.bundled] ?? 0) builtin, \(counts[.local] ?? 0) local"
        let disabled = skills.skills.count - skills.enabled
        #expect(shown.contains("\(summary) — \(skills.enabled) enabled, \(disabled) disabled"), "\(shown)")
        #expect(skills.skills.count == 3)
    }
}
