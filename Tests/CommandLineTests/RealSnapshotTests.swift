internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The snapshot of a home that Hermes Agent's own code made, held against what its commands say of a copy, while Hermes' own code writes.
@Suite(
    .timeLimit(.minutes(3)), .enabled(if: RealHermes.installed != nil, "hermes is neither in HERMES_BIN nor in PATH"))
struct RealSnapshotTests {
    private static let fill = """
        from hermes_state import SessionDB
        from cron.jobs import create_job, update_job
        from tools.memory_tool import MemoryStore
        from tools.skill_manager_tool import _create_skill
        from hermes_cli.profiles import create_profile
        db = SessionDB()
        for i in range(12):
            db.create_session(f's{i}', source=['cli', 'telegram', 'discord', 'cron', 'api_server', 'tui'][i % 6])
            for n in range(40):
                db.append_message(f's{i}', 'user' if n % 2 else 'assistant', f'message {n} of session {i}')
        db.end_session('s1', 'done')
        db.set_session_archived('s2', True)
        db.close()
        create_job(prompt='say hi', schedule='every 2h', name='brief')
        create_job(prompt='x', schedule='0 9 * * *', name='daily')
        job = create_job(prompt='y', schedule='30 1 * * *', name='off')
        update_job(job['id'], {'enabled': False, 'state': 'paused'})
        store = MemoryStore()
        store.load_from_disk()
        for target, text in [('memory', 'Kim likes tomatoes'), ('memory', 'Two doors'), ('user', 'Kim lives in Lisbon')]:
            assert store.add(target, text)['success']
        for name in ['watering', 'reports']:
            assert _create_skill(name, f'---\\nname: {name}\\ndescription: d\\n---\\nDo it.\\n')['success']
        create_profile('coder')
        """

    /// Appends a message and waits; at the first line of its input it appends until the input ends.
    private static let writer = """
        import select, sys
        from hermes_state import SessionDB
        db = SessionDB()
        db.append_message('s0', 'user', 'in the log')
        print('ready', flush=True)
        sys.stdin.readline()
        count = 0
        while not select.select([sys.stdin], [], [], 0.005)[0]:
            db.append_message('s0', 'user', f'while it is read {count}')
            count += 1
        print(count, flush=True)
        """

    @Test func itAgreesWithHermesAndLeavesTheHomeAlone() async throws {
        let hermes = try #require(RealHermes.installed)
        let runner = try RunnerProgram()
        let user = runner.folder.path.appending("user")
        try FileSystem.makeDirectory(user)
        try FileSystem.makeDirectory(runner.home)
        try await hermes.python(Self.fill, home: runner.home, userHome: user)
        let exports = runner.folder.path.appending("exports").appending("vijay")
        try runner.folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: vijay, label: Vijay, hermesHome: \(runner.home) }
            snapshot: { output: \(exports) }
            jobs: { snapshot: { schedule: "*-*-* *:*:00", steps: [ snapshot ] } }

            """)
        let copy = runner.folder.path.appending("copy")
        #expect(try await runner.tool("cp", "-a", runner.home.string, copy.string).status == 0)

        let first = try await snapshot(runner)
        try await agrees(first, hermes, copy, user)
        #expect(try integer(first, "memory", "entries") == 2 && integer(first, "memory", "userEntries") == 1)

        // A writer that waits, with its log and its shared memory in the home: not a byte and not a time changes.
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: hermes.python.string)
        process.arguments = ["-c", Self.writer]
        process.environment = [
            "HERMES_HOME": runner.home.string, "HOME": user.string, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8",
        ]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        defer { process.terminate() }
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "ready\n")
        #expect(try FileStatus(at: runner.home.appending("state.db-wal")).size > 0)
        let before = try TreeFingerprint(runner.home)
        #expect(try await integer(snapshot(runner), "sessions", "messages") == 481)
        #expect(try await runner("run", "snapshot").status == 0)
        #expect(try TreeFingerprint(runner.home).differences(from: before) == [])
        let written = try FileSystem.read(exports.appending("snapshot.json"), limit: 1 << 20)
        #expect(try await runner.schemaErrors(written, "snapshot") == "")

        // And one that writes without a pause: every look is whole, and none goes back.
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        var last = 481
        for _ in 0..<4 {
            let messages = try await integer(snapshot(runner), "sessions", "messages")
            #expect(messages >= last)
            last = messages
        }
        try input.fileHandleForWriting.close()
        let count = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let total = 481 + (try #require(Int(count.filter(\.isNumber))))
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(last > 481 && last <= total)
        #expect(try await integer(snapshot(runner), "sessions", "messages") == total)
        let names = try DirectoryListing.names(at: runner.home).map { String(decoding: $0, as: UTF8.self) }
        #expect(
            names.filter { $0.hasPrefix("state.db") } == ["state.db"], "Hermes' own end checkpoints; nobody left a log")
    }

    private func agrees(_ snapshot: [String: Any], _ hermes: RealHermes, _ copy: FilePath, _ user: FilePath)
        async throws
    {
        let stats = try await hermes.run(["sessions", "stats"], home: copy, userHome: user)
        #expect(try stats.contains("Total sessions: \(integer(snapshot, "sessions", "total"))\n"), "\(stats)")
        #expect(try stats.contains("Total messages: \(integer(snapshot, "sessions", "messages"))\n"), "\(stats)")
        let sources = (snapshot["sessions"] as? [String: Any])?["bySource"] as? [String: Int] ?? [:]
        #expect(sources.count == 6)
        for source in ["cli", "telegram", "discord"] {
            #expect(stats.contains("  \(source): \(sources[source] ?? -1) sessions"), "\(source): \(stats)")
        }
        let listed = try await hermes.run(["cron", "list", "--all"], home: copy, userHome: user)
        let cron = try #require(snapshot["cron"] as? [String: Any])
        let jobs = try #require(cron["jobs"] as? [[String: Any]])
        #expect(cron["total"] as? Int == 3 && cron["enabled"] as? Int == 2 && jobs.count == 3)
        for job in jobs {
            let id = try #require(job["id"] as? String)
            let state = job["enabled"] as? Bool == true ? "active" : "paused"
            #expect(listed.contains("\(id) [\(state)]\n"), "\(listed)")
            #expect(listed.contains("Name:      \(job["name"] as? String ?? "?")\n"), "\(listed)")
            #expect(listed.contains("Schedule:  \(job["schedule"] as? String ?? "?")\n"), "\(listed)")
        }
        let skills = try await hermes.run(["skills", "list"], home: copy, userHome: user)
        let (total, enabled) = (try integer(snapshot, "skills", "total"), try integer(snapshot, "skills", "enabled"))
        #expect(skills.contains("\(total) local — \(enabled) enabled, \(total - enabled) disabled"), "\(skills)")
    }

    /// What `export` prints, valid by its schema.
    private func snapshot(_ runner: RunnerProgram) async throws -> [String: Any] {
        let export = try await runner("export")
        #expect(export.status == 0, "\(export.errors)")
        #expect(try await runner.schemaErrors(Array(export.output.utf8), "snapshot") == "")
        return try export.json()
    }

    private func integer(_ snapshot: [String: Any], _ part: String, _ key: String) throws -> Int {
        try #require((snapshot[part] as? [String: Any])?[key] as? Int, "\(part).\(key)")
    }

    /// Homes that are not as they should be: what cannot be known is unknown with a reason, and the rest is right.
    @Test func aDamagedHomeHidesNothingElse() async throws {
        let hermes = try #require(RealHermes.installed)
        let runner = try RunnerProgram()
        let user = runner.folder.path.appending("user")
        let good = runner.folder.path.appending("good")
        try FileSystem.makeDirectory(user)
        try FileSystem.makeDirectory(good)
        try await hermes.python(Self.fill, home: good, userHome: user)
        try runner.folder.write(
            "config.yaml",
            "version: 1\ninstance: { id: vijay, hermesHome: \(runner.home) }\njobs: { snapshot: { steps: [ snapshot ] } }\n"
        )
        let damages: [(line: String, part: String, reason: String)] = [
            ("rm -rf $H", "sessions", "not_found"),
            ("head -c 5000 $H/state.db >x; cp x $H/state.db", "sessions", "bad_output"),
            ("echo nonsense >$H/state.db", "sessions", "bad_output"), (": >$H/state.db", "sessions", "bad_output"),
            ("echo '{\"jobs\": [{' >$H/cron/jobs.json", "cron", "bad_output"),
            ("rm -r $H/memories; mkfifo $H/memories", "memory", ""),
            (
                "python3 -c \"import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute('UPDATE schema_version SET version=99'); d.commit()\" $H/state.db",
                "", ""
            ),
            (
                "python3 -c \"import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute('DROP TABLE messages'); d.commit()\" $H/state.db",
                "sessions", "unsupported"
            ),
        ]
        for (line, part, reason) in damages {
            let script = "cd \(runner.folder.path) && H=\(runner.home) && rm -rf $H && cp -a \(good) $H && \(line)"
            #expect(try await runner.tool("bash", "-c", script).status == 0, "\(line)")
            let found = try await snapshot(runner)
            func probe(_ name: String) -> [String: Any] {
                (found[name] as? [String: Any])?["probe"] as? [String: Any] ?? [:]
            }
            if !reason.isEmpty {
                #expect(probe(part)["status"] as? String == "failed", "\(line): \(probe(part))")
                #expect(probe(part)["reason"] as? String == reason, "\(line): \(probe(part))")
                #expect((found[part] as? [String: Any])?["total"] == nil, "\(line)")
            }
            guard part != "sessions" || line != "rm -rf $H" else { continue }
            for other in ["sessions", "cron", "skills", "memory"] where other != part {
                #expect(probe(other)["status"] as? String == "ok", "\(line): \(other) \(probe(other))")
            }
            if part != "skills" { #expect(try integer(found, "skills", "total") == 2) }
            let codes = (found["warnings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String }
            if line.contains("version=99") { #expect(codes.contains("database-newer"), "\(codes)") }
        }
    }
}
