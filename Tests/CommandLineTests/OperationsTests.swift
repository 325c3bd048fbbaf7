internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Messages, snapshots, fleet, doctor and units, from outside.
@Suite(.timeLimit(.minutes(3))) struct OperationsTests {
    /// A runner whose messages go to a fake Telegram.
    private struct Site {
        /// Put together here so that no scanner takes it for a real one.
        static let token = "12345678:" + String(repeating: "a", count: 35)

        var runner: RunnerProgram
        let telegram: TestServer
        let health: TestServer

        init(jobs: String, telegramUp: Bool = true) throws {
            runner = try RunnerProgram()
            telegram = try TestServer("fake_telegram.py", ["--token", Self.token])
            health = try TestServer("fake_healthchecks.py", [])
            runner.environment["HERMES_OPS_TEST_LOOPBACK_HTTP"] = "1"
            runner.environment["HERMES_OPS_TEST_TELEGRAM"] = "http://127.0.0.1:\(telegram.numbers["port"] ?? 0)"
            let folder = runner.folder.path
            try runner.makePlainHome()
            try runner.folder.write("telegram", Self.token)
            try runner.folder.write("ping", "http://127.0.0.1:\(health.numbers["port"] ?? 0)/ping/abc\n")
            try runner.folder.write(
                "config.yaml",
                """
                version: 1
                instance: { id: vijay, label: Vijay / root, hermesHome: \(runner.home) }
                credentials: { telegram: { file: \(folder)/telegram } }
                repository: { path: \(runner.repository), remote: \(runner.remote), branch: main }
                notify:
                  telegram: { chat: "-1001", credential: telegram }
                  ping: { url: { file: \(folder)/ping } }
                snapshot: { output: \(folder)/exports/vijay }
                jobs:
                \(jobs)

                """)
        }

        var exports: FilePath { runner.folder.path.appending("exports") }
        var snapshot: FilePath { exports.appending("vijay").appending("snapshot.json") }

        func messages() async throws -> [String] {
            struct Message: Decodable { var text: String }
            return try JSONDecoder().decode([Message].self, from: await ask(telegram, "messages")).map(\.text)
        }

        /// Orders to the fake Telegram.
        func order(_ name: String, _ body: String) async throws {
            let url = "http://127.0.0.1:\(telegram.numbers["port"] ?? 0)/control/\(name)"
            let script =
                "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), {'Content-Type': 'application/json'}))"
            #expect(try await runner.tool("python3", "-c", script, url, body).status == 0)
        }

        func pings() async throws -> [String] {
            try JSONDecoder().decode([String].self, from: await ask(health, "requests"))
        }

        private func ask(_ server: TestServer, _ name: String) async throws -> Data {
            let url = "http://127.0.0.1:\(server.numbers["port"] ?? 0)/control/\(name)"
            let script = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
            return Data(try await runner.tool("python3", "-c", script, url).output.utf8)
        }

        func loseHome() throws { try FileSystem.rename(runner.home, to: runner.folder.path.appending("away")) }
        func findHome() throws { try FileSystem.rename(runner.folder.path.appending("away"), to: runner.home) }
    }

    private static let backup =
        "  backup: { schedule: daily, steps: [ sanitize, commit, push ], onFailure: [ notify ] }"

    @Test func oneMessageWhenItFailsAndOneWhenItWorksAgain() async throws {
        let site = try Site(jobs: Self.backup)
        try await site.runner.makeRemote()
        #expect(try await site.runner("run", "backup").status == 0)
        #expect(try await site.messages() == [])
        try site.loseHome()
        for _ in 0..<3 { #expect(try await site.runner("run", "backup").status != 0) }
        try site.findHome()
        for _ in 0..<2 { #expect(try await site.runner("run", "backup").status == 0) }
        let messages = try await site.messages()
        #expect(messages.count == 2, "\(messages)")
        #expect(messages.first?.hasPrefix("🔴 Vijay / root: backup failed\n") == true)
        #expect(messages.last?.hasPrefix("🟢 Vijay / root: backup works again\nIt failed 3 times") == true)
        #expect(messages.allSatisfy { !$0.contains(Site.token) })
        // Each run is framed by pings of one id, the last with the program's exit code.
        let pings = try await site.pings()
        #expect(pings.count == 12)
        #expect(pings.filter { $0.hasPrefix("POST /ping/abc/start?rid=") }.count == 6)
        #expect(pings.filter { $0.hasPrefix("POST /ping/abc/78?rid=") }.count == 3)
        #expect(pings.filter { $0.hasPrefix("POST /ping/abc/0?rid=") }.count == 3)
        #expect(Set(pings.compactMap { $0.split(separator: "=").last }).count == 6)
    }

    @Test func whatCouldNotBeSentLeavesLater() async throws {
        var site = try Site(jobs: Self.backup)
        try await site.runner.makeRemote()
        let base = site.runner.environment["HERMES_OPS_TEST_TELEGRAM"]
        site.runner.environment["HERMES_OPS_TEST_TELEGRAM"] = "http://127.0.0.1:9"
        try site.loseHome()
        let failed = try await site.runner("run", "backup", "--json").json()
        #expect((failed["deliveries"] as? [[String: Any]])?.contains { $0["outcome"] as? String == "failed" } == true)
        site.runner.environment["HERMES_OPS_TEST_TELEGRAM"] = base
        try site.findHome()
        #expect(try await site.runner("run", "backup").status == 0)
        let messages = try await site.messages()
        #expect(messages.map { $0.prefix(1) } == ["🔴", "🟢"], "\(messages)")
        #expect(try await site.runner("notify", "flush").output == "sent 0, waiting 0\n")
    }

    /// What Telegram can answer, and what then becomes of the message: each arrives once, in order, and nothing tells the token.
    @Test func whateverTelegramAnswersEachMessageArrivesOnce() async throws {
        let site = try Site(jobs: "  watch: { steps: [ sanitize ], onSuccess: [ notify ] }")
        func run() async throws -> RunnerProgram.Result { try await site.runner("run", "watch") }
        // Too many, then a gateway's page: both are waited out within the run.
        try await site.order("faults", #"[{"status":429,"retry_after":1},{"status":502}]"#)
        let patient = try await run()
        #expect(patient.status == 0)
        #expect(try await site.messages().count == 1)
        // An answer that was lost after the message had arrived: once more, and it says so.
        try await site.order("faults", #"[{"cut":"after"}]"#)
        #expect(try await run().status == 0)
        let repeated = try await site.messages()
        #expect(repeated.count == 3 && repeated[2] == repeated[1] + "\n(may be repeated)", "\(repeated)")
        // Blocked, at the step and at the run's end: the run is a success all the same, and the message waits.
        try await site.order("faults", #"[{"status":403},{"status":403}]"#)
        let blocked = try await run()
        #expect(blocked.status == 0)
        #expect((blocked.output + blocked.errors).contains("may not write to this chat"), "\(blocked.errors)")
        try await site.order("faults", #"[{"status":403}]"#)
        let flush = try await site.runner("notify", "flush")
        #expect(flush.status == 77 && flush.output.hasPrefix("sent 0, waiting 1"), "\(flush.output)")
        // The chat becomes a supergroup: what waits goes there, before what is new.
        try await site.order("chats", #"{"-1001":"-1009","-1009":null}"#)
        let migrated = try await run()
        #expect((migrated.output + migrated.errors).contains("the chat has become -1009"), "\(migrated.errors)")
        let all = try await site.messages()
        #expect(all.count == 5 && all.allSatisfy { $0.hasPrefix("✅ Vijay / root: watch done\n1️⃣ sanitize: ") }, "\(all)")
        for text in all + [patient.errors, blocked.errors, flush.output, migrated.errors] {
            #expect(!text.contains(Site.token))
        }
        let book = try FileSystem.read(site.runner.state.pushing("notify/alerts.json"), limit: 1 << 20)
        #expect(!String(decoding: book, as: UTF8.self).contains(Site.token))
    }

    @Test func theAlertUnitTellsOfARunThatCouldNot() async throws {
        var site = try Site(jobs: "  quiet: { steps: [ sanitize ] }")
        #expect(try await site.runner("notify", "alert", "quiet").status == 64)
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "signal"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "KILL"
        site.runner.environment["MONITOR_INVOCATION_ID"] = String(repeating: "ab", count: 16)
        for _ in 0..<2 { #expect(try await site.runner("notify", "alert", "quiet").status == 0) }
        #expect(try await site.messages().count == 1)
        #expect(try await site.messages().first?.contains("killed by KILL") == true)
        // The job itself sends nothing: that it works again is told with the next message.
        #expect(try await site.runner("run", "quiet").status == 0)
        #expect(try await site.messages().count == 1)
        #expect(try await site.runner("notify", "flush").status == 0)
        #expect(try await site.messages().last?.hasPrefix("🟢 ") == true)
    }

    /// A dead dead man's switch keeps nobody from learning whether Telegram works, and the other way round.
    @Test func eachChannelIsTestedByItself() async throws {
        let site = try Site(jobs: Self.backup)
        try site.runner.folder.write("ping", "http://127.0.0.1:9/ping/abc\n")
        let first = try await site.runner("notify", "test", "--json")
        #expect(first.status == 69)
        #expect(try first.json()["channels"] as? String == "telegram")
        #expect((try first.json()["failed"] as? [[String: Any]])?.first?["channel"] as? String == "ping")
        #expect(try await site.messages().count == 1)
        try site.runner.folder.write("ping", "http://127.0.0.1:\(site.health.numbers["port"] ?? 0)/ping/abc\n")
        try site.runner.folder.write("telegram", Site.token.replacingOccurrences(of: "a", with: "b"))
        let second = try await site.runner("notify", "test")
        #expect(second.status == 77 && second.output.hasPrefix("delivered: ping\nfailed: telegram: "), "\(second)")
        #expect(try await site.pings().count == 1)
    }

    /// Stopped in order before it had a record, then hung: the one is no failure, the other is.
    @Test func theAlertUnitKnowsAStopFromATimeout() async throws {
        var site = try Site(jobs: "  quiet: { steps: [ sanitize ] }")
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "exit-code"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "143"
        site.runner.environment["MONITOR_INVOCATION_ID"] = String(repeating: "ab", count: 16)
        #expect(try await site.runner("notify", "alert", "quiet").status == 0)
        #expect(try await site.messages() == [])
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "timeout"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "TERM"
        site.runner.environment["MONITOR_INVOCATION_ID"] = String(repeating: "cd", count: 16)
        #expect(try await site.runner("notify", "alert", "quiet").status == 0)
        #expect(try await site.messages().first?.hasPrefix("🔴 Vijay / root: quiet ran out of time\n") == true)
    }

    /// What waited in a spool that was damaged is lost: people hear of it, and whoever asks.
    @Test func aDamagedSpoolIsToldOf() async throws {
        let site = try Site(jobs: "  quiet: { steps: [ sanitize ] }")
        let book = site.runner.state.pushing("notify/alerts.json")
        try FileSystem.makeDirectory(site.runner.state)
        try FileSystem.makeDirectory(book.removingLastComponent())
        try FileSystem.replace(book, with: Array(#"{"version":1,"outbox":[{"number":1,"te"#.utf8))
        let flush = try await site.runner("notify", "flush")
        #expect(flush.status == 65 && flush.output.contains("alerts.damaged-"), "\(flush.output)")
        #expect(try await site.messages().first?.hasPrefix("🔴 Vijay / root: messages that waited") == true)
        #expect(try await site.runner("notify", "flush").status == 0)
    }

    /// What root writes into another user's state locks that user out: it is refused before anything is written.
    @Test(.enabled(if: geteuid() == 0)) func rootStaysOutOfOtherUsersState() async throws {
        let site = try Site(jobs: "  quiet: { steps: [ sanitize ] }")
        try FileSystem.makeDirectory(site.runner.state)
        #expect(chown(site.runner.state.string, 12_345, 12_345) == 0)
        for command in [["notify", "flush"], ["notify", "test"]] {
            let result = try await site.runner(command)
            #expect(result.status == 78 && result.errors.contains("belongs to another user"), "\(result.errors)")
        }
        #expect(try DirectoryListing.names(at: site.runner.state).isEmpty)
    }

    @Test func theTestOfTheWayIsRecorded() async throws {
        let site = try Site(jobs: Self.backup)
        func messages() async throws -> [String: Any] {
            let checks = try await site.runner("doctor", "--offline", "--json").json()["checks"] as? [[String: Any]]
            return checks?.first { $0["title"] as? String == "messages" } ?? [:]
        }
        #expect(try await messages()["outcome"] as? String == "warning")
        /// Whether `parity` calls the way tested.
        func parity() async throws -> String? {
            try FileSystem.makeDirectory(site.exports.appending("vijay"))
            let export = try await site.runner("export")
            try FileSystem.replace(site.snapshot, with: Array(export.output.utf8))
            let rows = try await site.runner("parity", site.exports.string, "--json").json()["rows"] as? [[String: Any]]
            let cells = rows?.first?["cells"] as? [[String: Any]]
            return cells?.first { $0["capability"] as? String == "notification-tested" }?["answer"] as? String
        }
        // An alert that arrives is no test.
        try site.loseHome()
        #expect(try await site.runner("run", "backup").status != 0)
        try site.findHome()
        let alerts = try await site.messages().count
        #expect(alerts == 1)
        #expect(try await messages()["outcome"] as? String == "warning")
        #expect(try await parity() == "no")
        #expect(try await site.runner("notify", "test").status == 0)
        #expect(try await site.messages().count == alerts + 1)
        #expect(try await messages()["outcome"] as? String == "ok")
        #expect(try await parity() == "yes")
        try site.runner.folder.write("telegram", Site.token.replacingOccurrences(of: "a", with: "b"))
        #expect(try await site.runner("notify", "test").status == 77)
        #expect(try await messages()["outcome"] as? String == "failed")
        #expect(chmod(site.runner.folder.path.appending("telegram").string, 0o644) == 0)
        let refused = try await site.runner("notify", "test")
        #expect(refused.status == 77)
        #expect(!refused.errors.contains("bbbb"))
        let doctor = try await site.runner("doctor", "--offline")
        #expect(doctor.status == 1)
        #expect(doctor.output.contains("failed   credential telegram: "))
    }

    @Test func aSnapshotIsValidPrivateAndLeavesTheHomeAlone() async throws {
        let site = try Site(jobs: "  snapshot: { schedule: \"*-*-* *:*:00\", steps: [ snapshot ] }\n" + Self.backup)
        try await site.runner.makeRemote()
        #expect(try await site.runner("run", "backup").status == 0)
        let home = try TreeFingerprint(site.runner.home)
        let run = try await site.runner("run", "snapshot")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try FileStatus(at: site.snapshot).permissions == 0o640)
        let written = try FileSystem.read(site.snapshot, limit: 1 << 20)
        #expect(try await site.runner.schemaErrors(written, "snapshot") == "")
        let metrics = site.exports.appending("vijay").appending("metrics.prom")
        #expect(try FileSystem.read(metrics, limit: 1 << 20).contains(Array("hermes_ops_instance_state{".utf8)))
        // `export` says the same and writes nothing.
        let state = try TreeFingerprint(site.exports)
        let export = try await site.runner("export")
        #expect(try await site.runner.schemaErrors(Array(export.output.utf8), "snapshot") == "")
        let repository = (try export.json()["backup"] as? [String: Any])?["repo"] as? [String: Any]
        #expect(repository?["clean"] as? Bool == true)
        #expect(repository?["unpushedCommits"] as? Int == 0)
        let head = String(try await site.runner.head().prefix(7))
        #expect(repository?["head"] as? String == head)
        #expect(try TreeFingerprint(site.exports).differences(from: state) == [])
        #expect(try TreeFingerprint(site.runner.home).differences(from: home) == [])
    }

    /// Asking systemd costs a process: what is known is kept, and what was kept wrongly or for another zone is asked anew.
    @Test func nextTimesAreKeptFromRunToRun() async throws {
        var site = try Site(jobs: "  watch: { schedule: \"2099-01-01 00:00:00\", steps: [ sanitize ] }")
        let log = site.runner.folder.path.appending("asked")
        let real = try #require(findProgram("systemd-analyze"))
        try site.runner.folder.write(
            "bin/systemd-analyze", "#!/bin/sh\necho x $* >>\(log)\nexec \(real) \"$@\"\n", permissions: 0o755)
        site.runner.environment["PATH"] = "\(site.runner.folder.path)/bin:" + (site.runner.environment["PATH"] ?? "")
        func asked() throws -> Int {
            try FileSystem.read(log, limit: 1 << 20).split(separator: 10).count
        }
        func due() async throws -> String? {
            #expect(try await site.runner("run", "watch").status == 0)
            let text = try FileSystem.read(site.runner.state.appending("status.json"), limit: 1 << 20)
            let status = try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any]
            return ((status?["jobs"] as? [[String: Any]])?.first)?["nextDue"] as? String
        }
        site.runner.environment["TZ"] = "UTC"
        #expect(try await due() == "2099-01-01T00:00:00Z")
        // Once, or twice if the clock's second changed between the run's start and the question.
        let first = try asked()
        #expect((1...2).contains(first))
        #expect(try await due() == "2099-01-01T00:00:00Z")
        let second = try asked()
        #expect(second == first)
        site.runner.environment["TZ"] = "Europe/Berlin"
        #expect(try await due() == "2098-12-31T23:00:00Z")
        let third = try asked()
        #expect(third > second)
        try FileSystem.replace(site.runner.state.appending("elapses.json"), with: Array("nonsense".utf8))
        #expect(try await due() == "2098-12-31T23:00:00Z")
        let fourth = try asked()
        #expect(fourth > third)
    }

    @Test func theWatchdogTellsOnceAndIsSilentWhenAllIsWell() async throws {
        let site = try Site(
            jobs:
                "  watchdog: { steps: [ watchdog ], onFailure: [ notify ] }\n  backup: { steps: [ sanitize, commit, push ] }"
        )
        try await site.runner.makeRemote()
        for path in ["config.yaml", "SOUL.md"] {
            #expect(chmod(site.runner.home.appending(path).string, 0o600) == 0)
        }
        // A backup that was never made: it says so once.
        for _ in 0..<2 { #expect(try await site.runner("run", "watchdog").status == 1) }
        #expect(try await site.messages().count == 1)
        #expect(try await site.messages().first?.contains("[backup-never]") == true)
        #expect(try await site.runner("run", "backup").status == 0)
        let stray = site.runner.stored.appending("stray")
        try FileSystem.replace(stray, with: Array("x".utf8))
        let dirty = try await site.runner("run", "watchdog")
        #expect(dirty.output.contains("[repository-dirty]"), "\(dirty.output)")
        // It failed already, and this is new: told at once, with what is gone since.
        let second = try await site.messages()
        #expect(second.count == 2 && second.last?.hasPrefix("🔴 Vijay / root: watchdog has ") == true, "\(second)")
        let parts = second.last?.components(separatedBy: "Resolved since the last message:") ?? []
        #expect(parts.first?.contains("[repository-dirty]") == true)
        #expect(parts.last?.contains("[backup-never]") == true)
        try FileSystem.removeTree(stray)
        let after = try await site.runner("run", "watchdog")
        #expect(!after.output.contains("[repository-dirty]"))
        #expect(!after.output.contains("[backup-never]"))
        #expect(try await site.messages().filter { $0.hasPrefix("🔴") }.count == 2)
    }

    /// Objects that are missing, timers that nobody can see, a snapshot that is gone: none of it is well.
    @Test func theWatchdogCallsNothingWellThatItDidNotSee() async throws {
        let site = try Site(
            jobs: """
                  watchdog: { steps: [ watchdog ], onFailure: [ notify ] }
                  backup: { schedule: daily, steps: [ sanitize, commit, push ] }
                  snapshot: { schedule: daily, steps: [ snapshot ] }
                """)
        try await site.runner.makeRemote()
        for path in ["config.yaml", "SOUL.md"] {
            #expect(chmod(site.runner.home.appending(path).string, 0o600) == 0)
        }
        for job in ["backup", "snapshot"] { #expect(try await site.runner("run", job).status == 0) }
        try FileSystem.removeTree(site.snapshot.removingLastComponent())
        let objects = site.runner.repository.pushing(".git/objects")
        try FileSystem.rename(objects, to: site.runner.folder.path.appending("objects"))
        try FileSystem.makeDirectory(objects)
        let run = try await site.runner("run", "watchdog", "--json")
        #expect(run.status == 1, "\(run.output)\(run.errors)")
        #expect(!run.output.contains("all is well"))
        let told = try #require(try await site.messages().first)
        #expect(told.contains("Not known: whether the repository is pushed"), "\(told)")
        #expect(told.contains("[snapshot-missing]"), "\(told)")
    }

    /// A watchdog that does not tell itself: the alert unit tells of its warnings one by one all the same.
    @Test func theAlertUnitTellsOfNewWarnings() async throws {
        var site = try Site(
            jobs: "  watchdog: { steps: [ watchdog ] }\n  backup: { steps: [ sanitize, commit, push ] }")
        try await site.runner.makeRemote()
        func look(_ id: String) async throws {
            site.runner.environment["INVOCATION_ID"] = String(repeating: id, count: 32)
            site.runner.environment["MONITOR_INVOCATION_ID"] = String(repeating: id, count: 32)
            site.runner.environment["MONITOR_SERVICE_RESULT"] = "exit-code"
            site.runner.environment["MONITOR_EXIT_STATUS"] = "1"
            #expect(try await site.runner("run", "watchdog").status == 1)
            for _ in 0..<2 { #expect(try await site.runner("notify", "alert", "watchdog").status == 0) }
        }
        try await look("a")
        try await look("b")
        #expect(try await site.messages().count == 1)
        site.runner.environment["INVOCATION_ID"] = nil
        #expect(try await site.runner("run", "backup").status == 0)
        try FileSystem.replace(site.runner.stored.appending("stray"), with: Array("x".utf8))
        try await look("c")
        let messages = try await site.messages()
        #expect(messages.count == 2, "\(messages)")
        #expect(messages.last?.contains("[repository-dirty]") == true)
    }

    /// In a unit systemd gives an empty value where the credential's file is missing.
    @Test func aBackupGoesOnWithoutTheCredentialOfItsMessages() async throws {
        var site = try Site(jobs: "  backup: { steps: [ sanitize, notify, commit, push ], onSuccess: [ notify ] }")
        try await site.runner.makeRemote()
        let folder = site.runner.folder
        let config = try String(
            decoding: FileSystem.read(folder.path.appending("config.yaml"), limit: 1 << 20), as: UTF8.self)
        try folder.write(
            "config.yaml",
            config.replacingOccurrences(of: "{ file: \(folder.path)/telegram }", with: "{ systemd: telegram }"))
        try folder.write("handed/telegram", "", permissions: 0o400)
        let unit = folder.path.appending("handed").string
        site.runner.environment["CREDENTIALS_DIRECTORY"] = unit
        let backup = try await site.runner("run", "backup", "--json")
        #expect(backup.status == 0, "\(backup.errors)")
        let said = backup.output + backup.errors
        #expect(
            said.contains("systemd found no such credential: \(folder.path)/credentials/telegram is missing or empty"))
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "signal"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "KILL"
        site.runner.environment["MONITOR_INVOCATION_ID"] = String(repeating: "ab", count: 16)
        #expect(try await site.runner("notify", "alert", "backup").status == 77)
        let flush = try await site.runner("notify", "flush")
        #expect(flush.status == 77 && flush.output.hasPrefix("sent 0, waiting 3"), "\(flush.output)")
        #expect(try await site.runner("notify", "test").status == 77)
        // A shell reads the file that the units load.
        site.runner.environment["CREDENTIALS_DIRECTORY"] = nil
        for command in [["notify", "flush"], ["notify", "test"], ["validate"], ["run", "backup"]] {
            #expect(try await site.runner(command).status == (command == ["run", "backup"] ? 0 : 77), "\(command)")
        }
        try folder.write("credentials/telegram", "")
        #expect(try await site.runner("validate").status == 77)
        #expect(try await site.runner("doctor", "--offline").output.contains("failed   credential telegram: "))
        try folder.write("credentials/telegram", Site.token)
        #expect(try await site.runner("validate").status == 0)
        #expect(try await site.runner("notify", "flush").output.hasPrefix("sent 5, waiting 0"))
        let heads = try await site.messages().map { String($0.prefix { $0 != "\n" }) }
        #expect(
            heads == [
                "⏳ Vijay / root: backup", "✅ Vijay / root: backup done",
                "🔴 Vijay / root: backup ended before it could report", "⏳ Vijay / root: backup",
                "🟢 Vijay / root: backup works again",
            ], "\(heads)")
        #expect(try await site.runner("notify", "flush").output == "sent 0, waiting 0\n")
        #expect(try await site.runner("notify", "test").status == 0)
        #expect(
            try await site.runner("doctor", "--offline").output.contains("ok       credential telegram: systemd loads"))
    }

    /// A configuration that nobody can read stops every job: that is told once, over the channel of the last good one.
    @Test func aBrokenConfigurationIsToldOf() async throws {
        var site = try Site(jobs: "  quiet: { steps: [ sanitize ] }\n  other: { steps: [ sanitize ] }")
        let path = site.runner.folder.path.appending("config.yaml")
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "exit-code"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "78"
        site.runner.environment["MONITOR_INVOCATION_ID"] = String(repeating: "ab", count: 16)
        let good = try FileSystem.read(path, limit: 1 << 20)
        let broken = Array("version: 1\njobs: [\n".utf8)
        // Before any good one there is no channel.
        try FileSystem.replace(path, with: broken)
        #expect(try await site.runner("notify", "alert", "quiet").status == 78)
        try FileSystem.replace(path, with: good)
        #expect(try await site.runner("run", "quiet").status == 0)
        let kept = try FileSystem.read(site.runner.state.pushing("notify/channel.json"), limit: 1 << 20)
        #expect(!kept.contains(Array(Site.token.utf8)))
        #expect(try FileStatus(at: site.runner.state.pushing("notify/channel.json")).permissions == 0o600)
        try FileSystem.replace(path, with: broken)
        #expect(try await site.runner("run", "quiet").status == 78)
        for job in ["quiet", "other", "quiet"] {
            #expect(try await site.runner("notify", "alert", job).status == 0)
        }
        let told = try await site.messages()
        #expect(told.count == 1, "\(told)")
        #expect(told.first?.hasPrefix("🔴 Vijay / root: the configuration is broken: quiet could not run\n") == true)
        #expect(told.first?.contains("the configuration of vijay is broken: \(path)") == true, "\(told)")
        // A job that died of something else meanwhile is told of as well.
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "oom-kill"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "KILL"
        #expect(try await site.runner("notify", "alert", "other").status == 0)
        #expect(try await site.messages().last?.contains("out of memory") == true)
        site.runner.environment["MONITOR_SERVICE_RESULT"] = "exit-code"
        site.runner.environment["MONITOR_EXIT_STATUS"] = "78"
        // Without its credential the news waits.
        try FileSystem.replace(path, with: good)
        #expect(try await site.runner("run", "quiet").status == 0)
        #expect(try await site.runner("notify", "flush").status == 0)
        #expect(try await site.messages().last?.hasPrefix("🟢 Vijay / root: the configuration works again\n") == true)
        try FileSystem.replace(path, with: broken)
        let token = site.runner.folder.path.appending("telegram")
        try FileSystem.rename(token, to: site.runner.folder.path.appending("away"))
        #expect(try await site.runner("notify", "alert", "quiet").status == 77)
        try FileSystem.rename(site.runner.folder.path.appending("away"), to: token)
        try FileSystem.replace(path, with: good)
        #expect(try await site.runner("notify", "flush").status == 0)
        let heads = try await site.messages().map { String($0.prefix { $0 != "\n" }) }
        #expect(
            heads.suffix(2) == [
                "🔴 Vijay / root: the configuration is broken: quiet could not run",
                "🟢 Vijay / root: the configuration works again",
            ], "\(heads)")
    }

    @Test func aKilledRunIsPingedByFinalize() async throws {
        var site = try Site(jobs: Self.backup + "\n  quiet: { steps: [ sanitize ] }")
        let invocation = String(repeating: "cd", count: 16)
        site.runner.environment["INVOCATION_ID"] = invocation
        site.runner.environment["SERVICE_RESULT"] = "signal"
        site.runner.environment["EXIT_CODE"] = "killed"
        site.runner.environment["EXIT_STATUS"] = "KILL"
        for _ in 0..<2 { #expect(try await site.runner("finalize", "backup").status == 0) }
        let pings = try await site.pings()
        #expect(pings.count == 1 && pings[0].hasPrefix("POST /ping/abc/1?rid=cdcdcdcd-"), "\(pings)")
        site.runner.environment["INVOCATION_ID"] = String(repeating: "ef", count: 16)
        #expect(try await site.runner("finalize", "quiet").status == 0)
        #expect(try await site.pings().count == 1)
    }

    @Test(arguments: [
        ["units", "bogus", "--json"], ["--json", "nonsense"], ["run", "--json"], ["history", "--limit", "x", "--json"],
    ]) func usageErrorsAreOneDocumentToo(_ command: [String]) async throws {
        let runner = try RunnerProgram()
        let result = try await runner(command)
        #expect(result.status == 64)
        let error = try result.json()["error"] as? [String: Any]
        #expect(error?["type"] as? String == "usage" && error?["exit"] as? Int == 64, "\(result.output)")
        #expect(result.errors.hasPrefix("Error: "), "\(result.errors)")
    }

    @Test func hostileSnapshotsHarmNobody() async throws {
        let site = try Site(jobs: "  snapshot: { steps: [ snapshot ] }")
        #expect(try await site.runner("run", "snapshot").status == 0)
        func place(_ name: String) throws -> FilePath {
            try FileSystem.makeDirectory(site.exports.appending(name))
            return site.exports.appending(name).appending("snapshot.json")
        }
        let good = try FileSystem.read(site.snapshot, limit: 1 << 20)
        #expect(symlink("/etc/shadow", try place("link").string) == 0)
        #expect(mkfifo(try place("fifo").string, 0o644) == 0)
        let big = try FileDescriptor.open(
            try place("big"), .writeOnly, options: [.create], permissions: [.ownerReadWrite])
        #expect(ftruncate(big.rawValue, 1 << 30) == 0)
        try big.close()
        try FileSystem.replace(
            try place("deep"), with: Array(String(repeating: "[", count: 500_000).utf8))
        _ = try FileSystem.makeDirectory(site.exports.appending("none"))
        // Another's name in one's own folder, and escapes in a label.
        try FileSystem.replace(try place("thief"), with: good)
        let text = String(decoding: good, as: UTF8.self)
            .replacingOccurrences(of: "\"id\":\"vijay\"", with: "\"id\":\"rude\"")
            .replacingOccurrences(of: "Vijay / root", with: "\\u001b[31m<b>rude\\u202e")
        try FileSystem.replace(try place("rude"), with: Array(text.utf8))
        let fleet = try await site.runner("fleet", site.exports.string)
        #expect(fleet.status == 0)
        for (name, state) in [
            ("link", "unreadable"), ("fifo", "unreadable"), ("big", "invalid"), ("deep", "invalid"),
            ("none", "missing"),
            ("thief", "invalid"), ("vijay", "ok"),
        ] {
            let line = fleet.output.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
            #expect(line?.contains(" \(state) ") == true, "\(fleet.output)")
        }
        #expect(!fleet.output.contains("\u{1B}[31m") && !fleet.output.contains("\u{202E}"))
        let json = try await site.runner("fleet", site.exports.string, "--json")
        #expect(try await site.runner.schemaErrors(Array(json.output.utf8), "fleet") == "")
        let parity = try await site.runner("parity", site.exports.string, "--json")
        #expect(parity.status == 1)
        #expect(try parity.json()["atParity"] as? Bool == false)
        #expect(try await site.runner("parity", site.exports.string).output.hasSuffix("not at parity\n"))
        #expect(try await site.runner("fleet", "/no/such/folder").status == 64)
    }

    /// A folder that somebody names is never passed over: an instance that wrote nothing is missing, what is not there an error.
    @Test func aNamedFolderWithoutASnapshotIsMissing() async throws {
        let site = try Site(jobs: "  snapshot: { steps: [ snapshot ] }")
        #expect(try await site.runner("run", "snapshot").status == 0)
        let missing = site.exports.appending("absent")
        try FileSystem.makeDirectory(missing)
        let fleet = try await site.runner("fleet", missing.string)
        #expect(fleet.status == 0 && fleet.output.contains("absent    unknown  missing"), "\(fleet.output)")
        let good = site.exports.appending("vijay").string
        let parity = try await site.runner("parity", good, missing.string, "--json")
        let rows = try #require(try parity.json()["rows"] as? [[String: Any]])
        #expect(rows.compactMap { $0["source"] as? String } == ["ok", "missing"])
        #expect(parity.status == 1)
        #expect(try await site.runner("parity", good, site.exports.appending("no").string).status == 64)
        #expect(try await site.runner("fleet", "\(good)/snapshot.json").status == 64)
    }

    /// A group that there is not is told of by all who look; one that a unit's user namespace hides is not called unable to read.
    @Test(.enabled(if: geteuid() == 0 && system("unshare --user --map-root-user true 2>/dev/null") == 0))
    func theGroupOfTheSnapshot() async throws {
        let site = try Site(jobs: "  snapshot: { steps: [ snapshot ] }")
        let base = String(
            decoding: try FileSystem.read(site.runner.folder.path.appending("config.yaml"), limit: 1 << 20),
            as: UTF8.self)
        func name(_ group: String) throws {
            let text = base.replacingOccurrences(
                of: "snapshot: { output: \(site.exports)/vijay }",
                with: "snapshot: { output: \(site.exports)/vijay, group: \(group) }")
            try site.runner.folder.write("config.yaml", text)
        }
        try name("nosuchgroup")
        for words in [["run", "snapshot"], ["validate"], ["doctor", "--offline"]] {
            let result = try await site.runner(words)
            #expect((result.output + result.errors).contains("there is no group nosuchgroup"), "\(words) \(result)")
        }
        // As the guide makes it: the folder hands its group down, which the namespace does not know by its number.
        let group = try #require(getgrnam("games")).pointee.gr_gid
        let folder = site.exports.appending("vijay").string
        #expect(chown(folder, geteuid(), group) == 0 && chmod(folder, 0o2750) == 0)
        try name("games")
        let inside = try await site.runner.run(
            "unshare", ["--user", "--map-root-user", RunnerProgram.path.string, "run", "snapshot"])
        #expect(inside.status == 0, "\(inside.errors)")
        #expect(!(inside.output + inside.errors).contains("cannot read"), "\(inside.output)\(inside.errors)")
        #expect(try FileStatus(at: site.snapshot).group == group)
        // The user's own group, which is known there, is certainly another.
        #expect(chown(folder, geteuid(), getegid()) == 0)
        let wrong = try await site.runner.run(
            "unshare", ["--user", "--map-root-user", RunnerProgram.path.string, "run", "snapshot"])
        #expect((wrong.output + wrong.errors).contains("group games cannot read"), "\(wrong.output)\(wrong.errors)")
    }

    @Test func unitsGiveEachJobWhatItNeedsAlone() async throws {
        let site = try Site(
            jobs: Self.backup + """

                  offline: { schedule: weekly, steps: [ sanitize ], timeout: 5m }
                  snapshot: { schedule: "*-*-* *:*:00", steps: [ snapshot ] }
                """)
        let folder = site.runner.folder.path.appending("rendered")
        let rendered = try await site.runner(
            "units", "render", "--into", folder.string, "--binary", "/usr/local/bin/hermes-ops-runner")
        #expect(rendered.status == 0, "\(rendered.errors)")
        func unit(_ name: String) throws -> String {
            String(
                decoding: try FileSystem.read(folder.appending("units").appending(name), limit: 1 << 20), as: UTF8.self)
        }
        let offline = try unit("hermes-ops@offline.service.d/50-hermes-ops.conf")
        #expect(!offline.contains("AF_INET") && !offline.contains("LoadCredential"))
        #expect(offline.contains("TimeoutStartSec=6min"))
        #expect(try unit("hermes-ops@backup.service.d/50-hermes-ops.conf").contains("AF_INET"))
        let snapshot = try unit("hermes-ops@snapshot.service.d/50-hermes-ops.conf")
        #expect(snapshot.contains("AF_NETLINK") && !snapshot.contains("AF_INET"))
        #expect(snapshot.contains("exports/vijay"))
        // Its modes are judged, though the job needs no token.
        #expect(snapshot.contains("BindReadOnlyPaths=-\(site.runner.folder.path)/telegram\n"), "\(snapshot)")
        #expect(try unit("hermes-ops-offline.timer").contains("OnCalendar=weekly"))
        #expect(try unit("hermes-ops-alert@.service").contains("notify alert %i"))
        #expect(try unit("hermes-ops@.service").contains("ProcSubset=pid") == false)
        let again = try await site.runner("units", "render", "--json", "--binary", "/usr/local/bin/hermes-ops-runner")
        #expect(again.output.contains("50-hermes-ops.conf"))
    }

    @Test func everyAlertHasItsHeading() async throws {
        let root = HermesHomeFixture.fixtures.removingLastComponent()
        let page = String(
            decoding: try FileSystem.read(root.appending("docs/operations.md"), limit: 1 << 20), as: UTF8.self)
        let rules = root.appending("Sources/InstanceState")
        var codes: Set<String> = []
        for name in try DirectoryListing.names(at: rules) where name.suffix(11).elementsEqual(Array("Rules.swift".utf8))
        {
            let text = String(
                decoding: try FileSystem.read(rules.appending(FilePath(bytes: name).string), limit: 1 << 20),
                as: UTF8.self)
            for list in text.components(separatedBy: "codes: [").dropFirst() {
                let words = list.prefix { $0 != "]" }.split(separator: "\"")
                codes.formUnion(
                    words.filter { $0.allSatisfy { $0.isLowercase || $0 == "-" } && $0.count > 2 }.map(String.init))
            }
        }
        #expect(codes.count > 40)
        for code in codes { #expect(page.contains("\n### \(code)\n"), "\(code) has no heading in docs/operations.md") }
    }
}
