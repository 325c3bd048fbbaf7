import Glibc
import HermesHome
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import InstanceState

@Suite struct WatchdogTests {
    private func run(_ outcome: Outcome, _ instance: SampleInstance, failures: Int, lastSuccess: Duration?) -> LastRun {
        LastRun(
            outcome: outcome, finishedAt: instance.time.now, lastSuccessAt: lastSuccess.map { instance.time.now - $0 },
            failuresSinceSuccess: Count(failures))
    }

    private func severity(_ snapshot: InstanceSnapshot, _ code: String) -> Severity? {
        snapshot.warnings.first { $0.code.rawValue == code }?.severity
    }

    @Test func backupsThatDoNotHappen() async throws {
        var instance = try SampleInstance()
        func set(_ run: LastRun?) { instance.description.jobs[0].lastRun = run }
        set(run(.failure, instance, failures: 1, lastSuccess: .seconds(90_000)))
        var snapshot = await instance.look()
        #expect(severity(snapshot, "backup-failed") == .warn && snapshot.backup.repo.freshness == .fresh)
        set(run(.timeout, instance, failures: 3, lastSuccess: .seconds(100_000)))
        snapshot = await instance.look()
        #expect(severity(snapshot, "backup-failed") == .critical && severity(snapshot, "backup-late") == .warn)
        set(run(.error, instance, failures: 9, lastSuccess: .seconds(1_000_000)))
        #expect(severity(await instance.look(), "backup-stale") == .critical)
        set(run(.failure, instance, failures: 9, lastSuccess: nil))
        #expect(severity(await instance.look(), "backup-never") == .critical)
        set(run(.skip, instance, failures: 0, lastSuccess: .seconds(60)))
        #expect(await instance.look().warnings.allSatisfy { !$0.code.rawValue.hasPrefix("backup") })
    }

    @Test func theRepository() async throws {
        var instance = try SampleInstance()
        let now = instance.time.now
        func facts(dirty: Int = 0, unpushed: Int = 0, remote: Bool = true, oldest: Duration? = .seconds(60)) {
            instance.sources.repository = {
                RepositoryFacts(
                    head: String(repeating: "c", count: 40), lastCommit: now - .seconds(60), dirtyFiles: dirty,
                    unpushedCommits: unpushed, oldestUnpushed: oldest.map { now - $0 }, isRemoteConfigured: remote)
            }
        }
        func repositoryCodes() async -> [String] { await instance.codes().filter { $0.hasPrefix("repository") } }
        facts(dirty: 3)
        #expect(await repositoryCodes() == ["repository-dirty"])
        facts(unpushed: 2)
        #expect(await repositoryCodes() == [], "a commit of a minute ago is still on its way")
        facts(unpushed: 2, oldest: .seconds(100_000))
        #expect(await repositoryCodes() == ["repository-unpushed"], "the last commit is young, and another one waits")
        facts(unpushed: 2, oldest: nil)
        #expect(await repositoryCodes() == ["repository-unpushed"])
        facts(remote: false)
        #expect(await repositoryCodes() == ["repository-no-remote"])
        instance.sources.repository = { throw HomeFailure(.notFound, "") }
        #expect(await repositoryCodes() == ["repository-missing"])
        // Not being able to look settles nothing: what was open stays open, as old as it was.
        let since = instance.memory.open.first { $0.code.rawValue == "repository-missing" }?.since
        instance.time.advance(by: .seconds(60))
        instance.sources.repository = { throw HomeFailure(.timeout, "") }
        let snapshot = await instance.look()
        #expect(snapshot.warnings.first { $0.code.rawValue == "repository-missing" }?.since == since)
        #expect(snapshot.backup.repo.probe.reason == .timeout)
        facts()
        #expect(await repositoryCodes() == [])
    }

    @Test func filesThatMustNotBeThere() async throws {
        var instance = try SampleInstance()
        for name in [
            "payload/.env", "payload/a/state.db-wal", "payload/auth.json", "payload/.env.template",
            "payload/skills/x/SKILL.md",
        ] {
            try instance.folder.write(name, "x")
        }
        try instance.folder.write("home/auth.json", "x", permissions: 0o644)
        #expect(instance.home.withPlatformString { chmod($0, 0o755) } == 0)
        let snapshot = await instance.look()
        #expect(snapshot.backup.payload.forbiddenFiles == 3)
        #expect(snapshot.backup.payload.skills == 1 && snapshot.backup.payload.config == true)
        #expect(severity(snapshot, "payload-forbidden") == .critical)
        #expect(severity(snapshot, "credential-modes") == .critical)
        #expect(snapshot.policy?.credentialModesOk == false)
        try FileSystem.removeTree(instance.folder.path.appending("drive.json"))
        #expect(severity(await instance.look(), "credential-missing") == .critical)
    }

    @Test func timersAndLinger() async throws {
        var instance = try SampleInstance()
        instance.commands = FakeSystemctl { words in
            let units = words.drop { $0 != "--" }.dropFirst()
            let answers = units.map { unit in
                switch unit {
                case "hermes-ops-backup.timer": FakeSystemctl.answer(unit, active: "inactive", enabled: "disabled")
                case "hermes-ops-watch.timer":
                    FakeSystemctl.answer(unit, load: "not-found", active: "inactive", enabled: "")
                case "hermes-ops-mine.timer": FakeSystemctl.answer(unit, active: "failed")
                default: FakeSystemctl.answer(unit)
                }
            }
            return .init(end: .exited(0), output: Array(answers.joined(separator: "\n").utf8))
        }
        try FileSystem.removeTree(instance.folder.path.pushing("linger/uma"))
        let snapshot = await instance.look()
        let timers = snapshot.warnings.filter { $0.code.rawValue.hasPrefix("timer") }
        #expect(timers.count == 3)
        #expect(timers.first?.severity == .critical && timers.first?.subject.rawValue == "/backup/timer")
        #expect(severity(snapshot, "linger-off") == .critical)
        let linger = try #require(snapshot.warnings.first { $0.code.rawValue == "linger-off" })
        #expect(linger.command(for: snapshot.instance, jobs: instance.description.jobs) == "loginctl enable-linger uma")
    }

    @Test func cronJobs() async throws {
        var instance = try SampleInstance()
        func jobs(_ text: String) throws { try instance.folder.write("home/cron/jobs.json", "{\"jobs\":[\(text)]}") }
        func cronCodes() async -> [String] { await instance.codes().filter { $0.hasPrefix("cron") } }
        try jobs(
            #"{"id":"a","name":"A","prompt":"x"},{"id":"b","name":"B","prompt":"B"},{"id":"c","name":"C","prompt":"x","schedule":{"kind":"once"}}"#
        )
        #expect(await cronCodes() == ["cron-prompt-lost"])
        try jobs(#"{"id":"a","name":"A","prompt":"x","last_run_at":"2026-11-01T00:00:00Z","last_status":"error"}"#)
        #expect(await cronCodes() == ["cron-failed", "cron-vanished"], "B is gone; C ran once and was to go")
        let lost = instance.memory.open.first { $0.code.rawValue == "cron-vanished" }
        #expect(lost?.message.rawValue.contains("1 cron jobs") == true && lost?.severity == .warn)
        try jobs("")
        #expect(severity(await instance.look(), "cron-vanished") == .critical)
        instance.time.advance(by: .seconds(90_000))
        #expect(await cronCodes() == [])
        try jobs(
            #"{"id":"d","name":"\u001b[31m<script>\u202e","prompt":"x","last_run_at":"2026-11-01T00:00:00Z","last_status":"ok","last_delivery_error":"no"}"#
        )
        let snapshot = await instance.look()
        let text = String(decoding: try snapshot.encoded(), as: UTF8.self)
        #expect(!text.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x202E })
        #expect(severity(snapshot, "cron-delivery-failed") == .warn)
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
    }

    /// A process that looks like a gateway, its files, and what becomes of the verdict.
    @Test func theGatewaysLife() async throws {
        var instance = try SampleInstance()
        let down = FakeSystemctl { words in
            let units = words.drop { $0 != "--" }.dropFirst()
            return .init(
                end: .exited(0),
                output: Array(
                    units.map {
                        $0.contains("gateway")
                            ? FakeSystemctl.answer($0, active: "failed", sub: "failed") : FakeSystemctl.answer($0)
                    }
                    .joined(separator: "\n").utf8))
        }
        instance.commands = down
        #expect(await instance.look().health == .down)
        #expect(instance.memory.open.contains { $0.code.rawValue == "gateway-down" })

        instance.commands = FakeSystemctl.allWell
        let unresponsive = await instance.look()
        #expect(severity(unresponsive, "gateway-unresponsive") == .critical && unresponsive.health == .degraded)

        let seed = instance
        let outcome = try await Subprocess.run(
            .path(findProgram("python3") ?? "/usr/bin/python3"),
            arguments: [
                "-c", "import sys; print('ready', flush=True); sys.stdin.read()", "hermes_cli.main", "gateway", "run",
            ],
            input: .inputWriter, output: .sequence, error: .discarded
        ) { execution in
            var lines = execution.standardOutput.strings().makeAsyncIterator()
            _ = try await lines.next()
            var instance = seed
            let pid = Int32(execution.processIdentifier.value)
            let start = try #require(ProcessIdentity.startTime(of: pid))
            func state(_ gateway: String, _ platform: String, updated: Timestamp) throws {
                try instance.folder.write(
                    "home/gateway_state.json",
                    """
                    {"pid":\(pid),"start_time":\(start),"gateway_state":"\(gateway)","active_agents":1,
                     "platforms":{"telegram":{"state":"\(platform)","updated_at":"\(updated)"}},"updated_at":"\(updated)"}
                    """)
            }
            try state("running", "connected", updated: instance.time.now)
            try instance.folder.write("home/cron/ticker_heartbeat", "\(instance.time.now.seconds - 30)")
            var snapshot = await instance.look()
            #expect(snapshot.warnings.map(\.code.rawValue) == [])
            #expect(snapshot.health == .up && snapshot.gateway.state == .running)
            #expect(snapshot.gateway.platforms?.map(\.state) == [.connected] && snapshot.gateway.activeAgents == 1)

            try state("degraded", "fatal", updated: instance.time.now)
            try instance.folder.write("home/cron/ticker_heartbeat", "\(instance.time.now.seconds - 3000)")
            snapshot = await instance.look()
            #expect(
                Set(snapshot.warnings.map(\.code.rawValue)) == ["gateway-degraded", "platform-failed", "cron-stopped"])
            #expect(snapshot.health == .degraded && snapshot.gateway.platforms?.map(\.state) == [.error])

            try state("running", "retrying", updated: instance.time.now - .seconds(60))
            #expect(await !instance.codes().contains("platform-disconnected"))
            try state("running", "retrying", updated: instance.time.now - .seconds(6000))
            #expect(await instance.codes().contains("platform-disconnected"))

            // systemd does not answer: the files tell enough.
            instance.commands = FakeSystemctl.failing("Failed to connect to bus: Connection refused")
            snapshot = await instance.look()
            #expect(
                snapshot.gateway.state == .running && snapshot.gateway.service.health == .unknown
                    && snapshot.health != .unknown)
            try await execution.standardInputWriter.finish()
        }
        #expect(outcome.terminationStatus.isSuccess)
        // The process is gone; its file still says "running".
        instance.commands = FakeSystemctl.failing("Failed to connect to bus: Connection refused")
        let after = await instance.look()
        #expect(severity(after, "gateway-down") == .critical && after.health == .down)
        #expect(after.gateway.platforms?.map(\.state) == [.disconnected])
    }

    /// A heartbeat that says nothing, or what cannot be: that is told of, and it is no word against jobs.json.
    @Test func aHeartbeatThatIsNoneIsNotTakenForGood() async throws {
        let instance = try SampleInstance()
        let now = instance.time.now.seconds
        for (text, code) in [
            ("", "cron-heartbeat-unknown"), ("x", "cron-heartbeat-unknown"), ("nan", "cron-heartbeat-unknown"),
            ("1e400", "cron-heartbeat-unknown"), ("-5", "cron-heartbeat-unknown"),
            ("\(now + 10_800)", "cron-heartbeat-unknown"), ("\(now - 3000)", "cron-stopped"), ("\(now - 30)", ""),
            ("\(now + 30)", ""),
        ] {
            try instance.folder.write("home/cron/ticker_heartbeat", text)
            let warnings = await instance.warnings()
            #expect(
                warnings.map(\.code.rawValue).filter { $0.hasPrefix("cron") } == (code.isEmpty ? [] : [code]), "\(text)"
            )
            if code == "cron-heartbeat-unknown" {
                #expect(warnings.allSatisfy { $0.message.rawValue.contains("cron/ticker_heartbeat") }, "\(warnings)")
            }
        }
    }

    /// Several drills under names of their own: each is told of by its name, and what helps names it too.
    @Test func drillsAndUploadsAreToldOfByName() async throws {
        var instance = try SampleInstance()
        instance.description.jobs[2].name = "drill-good"
        var bad = instance.description.jobs[2]
        bad.name = "drill-bad"
        bad.lastRun = run(.failure, instance, failures: 1, lastSuccess: nil)
        instance.description.jobs.append(bad)
        instance.description.jobs[1].lastRun = run(.failure, instance, failures: 1, lastSuccess: .seconds(60))
        var snapshot = await instance.look()
        func told(_ code: String) throws -> (message: String, command: String?) {
            let warning = try #require(snapshot.warnings.first { $0.code.rawValue == code }, "\(snapshot.warnings)")
            let command = warning.command(for: snapshot.instance, jobs: instance.description.jobs)
            return (warning.message.rawValue, command)
        }
        #expect(try told("drill-failed") == ("Restore drill drill-bad failed", "hermes-ops-runner history drill-bad"))
        #expect(
            try told("upload-failed")
                == ("Upload job emergency-bundle failed", "hermes-ops-runner history emergency-bundle"))
        #expect(!snapshot.warnings.contains { $0.code.rawValue == "drill-never" })

        // None has passed: told once, as the failure where there is one.
        instance.sources.drill = { DrillFacts(lastVerified: nil) }
        #expect(await instance.codes().filter { $0.hasPrefix("drill") } == ["drill-failed"])
        instance.description.jobs.removeLast()
        snapshot = await instance.look()
        #expect(
            try told("drill-never")
                == ("No restore drill has ever passed", "hermes-ops-runner drill --job drill-good"))
    }

    /// An installation starts all jobs at once: while the first backup runs, that there is none yet is no news.
    @Test func firstRunsUnderWayAreWaitedFor() async throws {
        var instance = try SampleInstance()
        for index in instance.description.jobs.indices.prefix(3) {
            instance.description.jobs[index].lastRun = nil
            instance.description.jobs[index].runs = [:]
        }
        instance.sources.repository = { throw HomeFailure(.notFound, "") }
        instance.sources.drill = { DrillFacts(lastVerified: nil) }
        func services(_ active: String) -> FakeSystemctl {
            FakeSystemctl { words in
                let answers = words.drop { $0 != "--" }.dropFirst().map {
                    FakeSystemctl.answer($0, active: $0.hasPrefix("hermes-ops@") ? active : "active")
                }
                return .init(end: .exited(0), output: Array(answers.joined(separator: "\n").utf8))
            }
        }
        func missing() async -> Set<String> {
            Set(await instance.codes().filter { $0.hasSuffix("-never") || $0 == "repository-missing" })
        }
        instance.commands = services("activating")
        #expect(await missing() == [])
        instance.commands = services("inactive")
        #expect(await missing() == ["backup-never", "bundle-never", "drill-never", "repository-missing"])
        // A later run is no excuse.
        for index in instance.description.jobs.indices.prefix(2) {
            instance.description.jobs[index].lastRun = run(.failure, instance, failures: 1, lastSuccess: nil)
        }
        instance.commands = services("activating")
        #expect(await missing() == ["backup-never", "bundle-never", "repository-missing"])
    }

    @Test func theConfigurationIsNamedWhereItLies() async throws {
        var instance = try SampleInstance()
        instance.description.notifications?.configured = false
        let snapshot = await instance.look()
        let warning = try #require(snapshot.warnings.first { $0.code.rawValue == "notifications-off" })
        func command(_ configuration: FilePath?) -> String? {
            warning.command(
                for: snapshot.instance, jobs: instance.description.jobs, configuration: configuration)
        }
        #expect(command(nil) == "editor ~/.config/hermes-ops/config.yaml")
        #expect(command("/srv/ops/config.yaml") == "editor /srv/ops/config.yaml")
        #expect(command("/srv/uma's ops.yaml") == #"editor '/srv/uma'\''s ops.yaml'"#)
    }

    @Test func aMaskedTimerIsUnmasked() async throws {
        var instance = try SampleInstance()
        instance.commands = FakeSystemctl { words in
            let units = words.drop { $0 != "--" }.dropFirst()
            let answers = units.map {
                $0 == "hermes-ops-mine.timer"
                    ? FakeSystemctl.answer($0, load: "masked", active: "inactive", enabled: "masked")
                    : FakeSystemctl.answer($0)
            }
            return .init(end: .exited(0), output: Array(answers.joined(separator: "\n").utf8))
        }
        let snapshot = await instance.look()
        let warning = try #require(snapshot.warnings.first { $0.code.rawValue == "timer-masked" })
        #expect(!snapshot.warnings.contains { $0.code.rawValue == "timer-disabled" })
        #expect(
            warning.command(for: snapshot.instance, jobs: instance.description.jobs)
                == "systemctl --user unmask hermes-ops-mine.timer")
    }

    /// A port for everybody is Hermes' only where Hermes holds it.
    @Test func aPublicPortIsToldOfByWhoHoldsIt() async throws {
        let instance = try SampleInstance()
        let script = """
            import socket, sys
            s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen()
            print(s.getsockname()[1], flush=True)
            sys.stdin.read()
            """
        for (words, who) in [(["x"], "process of uma (python"), (["hermes_cli.main", "dashboard"], "Hermes")] {
            let outcome = try await Subprocess.run(
                .path(findProgram("python3") ?? "/usr/bin/python3"), arguments: Arguments(["-c", script] + words),
                workingDirectory: instance.home, input: .inputWriter, output: .sequence, error: .discarded
            ) { execution in
                var lines = execution.standardOutput.strings().makeAsyncIterator()
                let port = try #require(try await lines.next().flatMap { UInt16($0.filter(\.isNumber)) })
                let network = try NetworkProbe().read(
                    user: geteuid(), home: HomeLayout(instance.home), dashboardPort: nil)
                let listener = try #require(network.publicListeners.first { $0.port == port })
                let warnings = await instance.warnings { $0.network.value?.publicListeners = [listener] }
                let message = warnings.first { $0.code.rawValue == "public-listener" }?.message.rawValue
                #expect(message?.contains("\(who)") == true, "\(String(describing: message))")
                #expect(message?.contains("listens on port \(port) for everybody") == true)
                #expect(message?.contains("Hermes") == (who == "Hermes"))
                try await execution.standardInputWriter.finish()
            }
            #expect(outcome.terminationStatus.isSuccess)
        }
    }

    @Test func theMachineAndTheRest() async throws {
        var instance = try SampleInstance()
        instance.thresholds.minFreeDiskFraction = 1.01
        instance.thresholds.minFreeMemoryBytes = 1 << 60
        try instance.folder.write("home/config.yaml", "security: {redact_secrets: false}\napprovals: {mode: off}\n")
        instance.description.notifications?.lastOutcome = .failed
        instance.sources.drill = { DrillFacts(lastVerified: nil) }
        instance.description.jobs[6].isLate = true
        let codes = Set(await instance.codes())
        #expect(
            codes.isSuperset(of: [
                "disk-full", "memory-full", "redaction-off", "approvals-off", "notifications-failing", "drill-never",
                "job-late",
            ]))
        instance.sources.drill = { [now = instance.time.now] in DrillFacts(lastVerified: now - .seconds(93 * 86_400)) }
        #expect(severity(await instance.look(), "drill-overdue") == .warn)
    }

    @Test func alertsAreRememberedAndResolved() async throws {
        var instance = try SampleInstance()
        instance.description.notifications?.lastOutcome = .failed
        var snapshot = await instance.look()
        let open = snapshot.watchdog.openAlerts.value
        #expect(
            snapshot.watchdog.alerts.contains { $0.code.rawValue == "notifications-failing" && $0.resolvedAt == nil })
        instance.time.advance(by: .seconds(600))
        instance.description.notifications?.lastOutcome = .delivered
        snapshot = await instance.look()
        #expect(snapshot.watchdog.openAlerts.value == open - 1)
        #expect(
            snapshot.watchdog.alerts.first { $0.code.rawValue == "notifications-failing" }?.resolvedAt
                == instance.time.now)
        #expect(snapshot.watchdog.alerts24h.value == open)
        instance.time.advance(by: .seconds(90_000))
        snapshot = await instance.look()
        #expect(!snapshot.watchdog.alerts.contains { $0.code.rawValue == "notifications-failing" })
        #expect(try WatchdogMemory(decodingOrFresh: instance.memory.encoded()) == instance.memory)
    }

    @Test func aCheckupSaysWhatHoldsToo() async throws {
        var instance = try SampleInstance()
        try FileSystem.removeTree(instance.folder.path.pushing("linger/uma"))
        instance.sources.repository = { throw HomeFailure(.timeout, "") }
        let observer = InstanceObserver(
            commands: instance.commands, time: instance.time, limit: .seconds(20),
            lingerFolder: instance.folder.path.appending("linger"), processes: "/proc")
        let exporter = InstanceExporter(observer: observer, watchdog: Watchdog(thresholds: instance.thresholds))
        let checks = await exporter.checkup(of: instance.description, instance.sources)
        let outcomes = Dictionary(checks.map { ($0.title, $0.outcome) }) { first, _ in first }
        // No gateway runs and none is installed, and no dashboard's port is declared: there is nothing to judge.
        for title in ["Platforms are connected", "Cron jobs run in time", "The dashboard is private"] {
            #expect(outcomes[title] == nil, "\(title)")
        }
        #expect(outcomes["Units outlive the session"] == .fails)
        #expect(outcomes["The repository is pushed"] == .unknown)
        #expect(outcomes["Timers are enabled"] == .holds)
        for check in checks {
            #expect((check.outcome == .fails) == !check.warnings.isEmpty)
            #expect((check.outcome == .unknown) == (check.reason?.isEmpty == false), "\(check)")
        }
    }

    /// With nothing to look at nothing is called good.
    @Test func whatCouldNotBeLookedAtIsNeverGood() async throws {
        var instance = try SampleInstance()
        try FileSystem.removeTree(instance.home)
        instance.commands = FakeSystemctl.failing("Failed to connect to bus: No medium found\n")
        instance.sources.repository = { throw HomeFailure(.timeout, "") }
        instance.description.jobs = instance.description.jobs.map {
            var job = $0
            job.lastRun = nil
            job.isLate = nil
            return job
        }
        let observer = InstanceObserver(
            commands: instance.commands, time: instance.time, limit: .seconds(20),
            lingerFolder: instance.folder.path.appending("linger"), processes: "/proc")
        let exporter = InstanceExporter(observer: observer, watchdog: Watchdog(thresholds: instance.thresholds))
        let checks = await exporter.checkup(of: instance.description, instance.sources)
        let good = checks.filter { $0.outcome == .holds }.map(\.title).sorted()
        // The machine itself, linger's file and the message that was delivered are still there to be seen.
        #expect(
            good == [
                "A restore was rehearsed", "Messages arrive", "Nothing faces the public", "The disk has room",
                "The memory has room",
                "The repository holds nothing forbidden", "Units outlive the session",
            ])
        #expect(checks.first { $0.title == "Timers are enabled" }?.reason?.contains("XDG_RUNTIME_DIR") == true)
    }

    /// One part of a rule's matter cannot be looked at: its warnings stand, those of the other parts open and close.
    @Test func partialKnowledgeClosesNothing() async throws {
        var instance = try SampleInstance()
        let now = instance.time.now
        func judge(_ memory: inout WatchdogMemory, _ edit: (inout InstanceReadings) -> Void) async -> Set<String> {
            let observer = InstanceObserver(
                commands: instance.commands, time: instance.time, limit: .seconds(20),
                lingerFolder: instance.folder.path.appending("linger"), processes: "/proc")
            var readings = await observer.read(instance.description, instance.sources, me: 0)
            readings.gateway.liveness = .running(pid: 1)
            edit(&readings)
            var snapshot = readings.snapshot(sequence: 1)
            Watchdog(thresholds: instance.thresholds).complete(&snapshot, readings, &memory)
            return Set(snapshot.warnings.map(\.code.rawValue))
        }
        func lost<Value>(_ type: Value.Type) -> Observation<Value> {
            Observation(value: nil, probe: .failed(.timeout, at: now, took: .zero))
        }
        // Scheduler and gateway: the cron jobs cannot be read, the gateway's beat can.
        var memory = WatchdogMemory()
        func stopped(_ readings: inout InstanceReadings) {
            readings.cron.value?.heartbeat = now - .seconds(4000)
            readings.gateway.heartbeat = now - .seconds(4000)
        }
        #expect(await judge(&memory, stopped).isSuperset(of: ["cron-stopped", "gateway-heartbeat-stale"]))
        var codes = await judge(&memory) { $0.cron = lost(CronJobs.self) }
        #expect(codes.contains("cron-stopped") && !codes.contains("gateway-heartbeat-stale"))

        // Credentials: their modes, and whether Drive's is there.
        memory = WatchdogMemory()
        try instance.folder.write("home/auth.json", "x", permissions: 0o644)
        codes = await judge(&memory) { $0.googleToken.value = false }
        #expect(codes.isSuperset(of: ["credential-modes", "credential-missing"]))
        codes = await judge(&memory) { $0.credentials = lost([CredentialFiles.File].self) }
        #expect(codes.contains("credential-modes") && !codes.contains("credential-missing"))

        // The gateway's unit and its own words.
        memory = WatchdogMemory()
        codes = await judge(&memory) { readings in
            readings.gateway.reportedState = "degraded"
            readings.systemd.units[InstanceReadings.gatewayUnit(of: instance.description)]?["NRestarts"] = "9"
        }
        #expect(codes.isSuperset(of: ["gateway-degraded", "gateway-restarting"]))
        codes = await judge(&memory) { readings in
            readings.systemd = .init(probe: .failed(.timeout, at: now, took: .zero))
        }
        #expect(codes.contains("gateway-restarting") && !codes.contains("gateway-degraded"))

        // The drills' receipts.
        memory = WatchdogMemory()
        codes = await judge(&memory) { $0.drill.value?.lastVerified = now - .seconds(300 * 86_400) }
        #expect(codes.contains("drill-overdue"))
        instance.description.jobs[2].lastRun = run(.failure, instance, failures: 1, lastSuccess: nil)
        codes = await judge(&memory) { $0.drill = lost(DrillFacts.self) }
        #expect(codes.isSuperset(of: ["drill-overdue", "drill-failed"]))
    }

    /// An instance without a gateway is not well because it has none.
    @Test func somethingCriticalShowsWhereNoGatewayIs() async throws {
        var instance = try SampleInstance()
        instance.commands = FakeSystemctl { words in
            let units = words.drop { $0 != "--" }.dropFirst()
            return .init(
                end: .exited(0),
                output: Array(
                    units.map { unit in
                        unit.contains("gateway")
                            ? FakeSystemctl.answer(
                                unit, load: "not-found", active: "inactive", sub: "dead", enabled: "")
                            : FakeSystemctl.answer(unit)
                    }.joined(separator: "\n").utf8))
        }
        #expect(await instance.look().health == .disabled)
        instance.sources.repository = { throw HomeFailure(.notFound, "") }
        #expect(await instance.look().health == .degraded)
    }

    @Test func eachDriveCredentialIsLookedFor() async throws {
        var instance = try SampleInstance()
        #expect(await instance.look().drive.googleTokenPresent == true)
        instance.description.driveCredentials.append(instance.folder.path.appending("second.json"))
        let snapshot = await instance.look()
        #expect(snapshot.drive.googleTokenPresent == false && severity(snapshot, "credential-missing") == .critical)
        instance.description.driveCredentials = []
        #expect(await instance.look().drive.googleTokenPresent == nil)
    }

    /// What must be known and could not be looked at is a warning; a single slow answer is not.
    @Test func whatCouldNotBeLookedAtIsTold() async throws {
        var instance = try SampleInstance()
        func told(_ snapshot: InstanceSnapshot) -> [String] {
            snapshot.warnings.filter { $0.code.rawValue == "not-checked" }.map(\.message.rawValue)
        }
        #expect(told(await instance.look()) == [])
        instance.sources.repository = { throw HomeFailure(.badOutput, "an object of the repository is missing") }
        instance.commands = FakeSystemctl.failing("Failed to connect to bus: No medium found\n")
        var snapshot = await instance.look()
        #expect(told(snapshot).count == 2)
        #expect(told(snapshot).contains { $0.contains("the repository is pushed") && $0.contains("object") })
        #expect(told(snapshot).contains { $0.contains("timers are enabled") })
        #expect(snapshot.warnings.filter { $0.code.rawValue == "not-checked" }.allSatisfy { $0.severity == .warn })
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
        // Without schedules nobody expects timers.
        for index in instance.description.jobs.indices { instance.description.jobs[index].schedule = nil }
        #expect(told(await instance.look()).count == 1)

        var slow = try SampleInstance()
        slow.sources.repository = { throw HomeFailure(.timeout, "it took too long") }
        #expect(told(await slow.look()) == [])
        #expect(slow.memory.unchecked?.keys.contains("The repository is pushed") == true)
        snapshot = await slow.look()
        #expect(told(snapshot).count == 1)
    }

    /// Every declared backup and upload is watched, not the first alone.
    @Test func theSecondBackupIsWatchedToo() async throws {
        var instance = try SampleInstance()
        var push = instance.description.jobs[0]
        push.name = "backup-push"
        push.lastRun = run(.failure, instance, failures: 3, lastSuccess: .seconds(200_000))
        push.dueAfterSuccess = instance.time.now - .seconds(100_000)
        var bundle = instance.description.jobs[1]
        bundle.name = "second-bundle"
        bundle.lastRun = run(.success, instance, failures: 0, lastSuccess: .seconds(150_000))
        instance.description.jobs += [push, bundle]
        let snapshot = await instance.look()
        let told = snapshot.warnings.filter {
            $0.code.rawValue.hasPrefix("backup") || $0.code.rawValue.hasPrefix("bundle")
        }
        #expect(Set(told.map(\.code.rawValue)) == ["backup-failed", "backup-stale", "bundle-late"])
        #expect(snapshot.timers.map(\.name.rawValue).suffix(2) == ["backup-push", "second-bundle"])
        #expect(snapshot.timers.count == 6)
        let failed = try #require(told.first { $0.code.rawValue == "backup-failed" })
        #expect(failed.severity == .critical && failed.message.rawValue.contains("backup-push"))
        let stale = try #require(told.first { $0.code.rawValue == "backup-stale" })
        #expect(
            stale.command(for: snapshot.instance, jobs: instance.description.jobs)
                == "hermes-ops-runner run backup-push")
        #expect(
            stale.command(for: snapshot.instance, jobs: instance.description.jobs, options: " --config /srv/o.yaml")
                == "hermes-ops-runner run backup-push --config /srv/o.yaml")
        // A weekly one is old by its schedule, not by the other's age.
        instance.description.jobs[7].dueAfterSuccess = instance.time.now + .seconds(86_400)
        instance.description.jobs[7].lastRun = run(.success, instance, failures: 0, lastSuccess: .seconds(200_000))
        #expect(await !instance.codes().contains { $0.hasPrefix("backup") })
    }

    /// A run that hangs keeps all others from starting; one whose process is gone is no run that ended well.
    @Test func hungAndInterruptedRuns() async throws {
        var instance = try SampleInstance()
        instance.description.jobs[0].hungSince = instance.time.now - .seconds(100_000)
        instance.description.jobs[0].isLate = true
        instance.description.jobs[6].isInterrupted = true
        var snapshot = await instance.look()
        #expect(severity(snapshot, "job-hung") == .critical && severity(snapshot, "job-late") == nil)
        let hung = try #require(snapshot.warnings.first { $0.code.rawValue == "job-hung" })
        #expect(
            hung.command(for: snapshot.instance, jobs: instance.description.jobs)
                == "systemctl --user stop hermes-ops@backup.service")
        #expect(snapshot.warnings.contains { $0.message.rawValue == "Job mine was killed before it could end" })
        instance.description.jobs[0].hungSince = nil
        instance.description.jobs[0].isLate = false
        instance.description.jobs[0].isInterrupted = true
        snapshot = await instance.look()
        #expect(severity(snapshot, "backup-failed") == .warn)
        // The first run ever, with nothing before it.
        for index in instance.description.jobs.indices { instance.description.jobs[index].lastRun = nil }
        #expect(await instance.codes().contains("job-failed"))
    }

    /// What keeps a timer from firing or a service from starting, though the timer is active now.
    @Test func timersThatStartNothing() async throws {
        func codes(_ unit: String, load: String = "loaded", enabled: String = "enabled") async throws -> [String] {
            var instance = try SampleInstance()
            instance.commands = FakeSystemctl { words in
                let answers = words.drop { $0 != "--" }.dropFirst().map {
                    $0 == unit ? FakeSystemctl.answer($0, load: load, enabled: enabled) : FakeSystemctl.answer($0)
                }
                return .init(end: .exited(0), output: Array(answers.joined(separator: "\n").utf8))
            }
            let snapshot = await instance.look()
            let found = snapshot.warnings.filter {
                $0.code.rawValue.hasPrefix("timer") || $0.code.rawValue.hasPrefix("service")
            }
            #expect(found.allSatisfy { $0.severity == .critical })
            return found.map { warning in
                let command = warning.command(for: snapshot.instance, jobs: instance.description.jobs)
                return "\(warning.code.rawValue): \(command ?? "")"
            }
        }
        let install = "hermes-ops-runner units install --user"
        let (timer, service) = ("hermes-ops-backup.timer", "hermes-ops@backup.service")
        #expect(try await codes(timer) == [])
        #expect(try await codes(timer, enabled: "disabled") == ["timer-disabled: \(install)"])
        #expect(try await codes(timer, enabled: "enabled-runtime") == ["timer-disabled: \(install)"])
        #expect(
            try await codes(service, load: "masked") == ["service-masked: systemctl --user unmask \(service)"])
        #expect(try await codes(service, load: "not-found") == ["service-missing: \(install)"])
        #expect(try await codes(service, load: "bad-setting") == ["service-broken: \(install)"])
    }

    /// A run that ended tomorrow: its age is not known, and a clock is wrong.
    @Test func recordsFromTheFutureAreNotFresh() async throws {
        var instance = try SampleInstance()
        let later = instance.time.now + .seconds(400 * 86_400)
        instance.description.jobs[0].lastRun = LastRun(
            outcome: .success, finishedAt: later, lastSuccessAt: later, failuresSinceSuccess: 0)
        let snapshot = await instance.look()
        #expect(snapshot.backup.repo.freshness == .unknown)
        #expect(severity(snapshot, "clock-wrong") == .critical)
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
        let soon = instance.time.now + .seconds(60)
        instance.description.jobs[0].lastRun?.finishedAt = soon
        instance.description.jobs[0].lastRun?.lastSuccessAt = soon
        #expect(await instance.look().backup.repo.freshness == .fresh)
    }

    @Test func credentialsInsideAClosedHomeAreAWarning() async throws {
        var instance = try SampleInstance()
        try instance.folder.write("home/auth.json", "x", permissions: 0o644)
        #expect(instance.home.withPlatformString { chmod($0, 0o700) } == 0)
        #expect(severity(await instance.look(), "credential-modes") == .warn)
        #expect(instance.home.withPlatformString { chmod($0, 0o750) } == 0)
        #expect(severity(await instance.look(), "credential-modes") == .critical)
    }

    /// The command names each file that others can read, in the home and elsewhere, and nothing else.
    @Test func theFilesToCloseAreNamed() async throws {
        var instance = try SampleInstance()
        try instance.folder.write("home/auth.json", "x", permissions: 0o644)
        let outside = try instance.folder.write("push token's", "x", permissions: 0o640)
        instance.description.credentialFiles = [outside, try instance.folder.write("closed", "x", permissions: 0o600)]
        let snapshot = await instance.look()
        let warning = try #require(snapshot.warnings.first { $0.code.rawValue == "credential-modes" })
        let command = warning.command(
            for: snapshot.instance, jobs: [], credentialFiles: instance.description.credentialFiles)
        let quoted = "'\(instance.folder.path)/push token'\\''s'"
        #expect(command == "chmod go= \(instance.home)/auth.json \(quoted)")
        let result = try await runProgram("/bin/sh", ["-c", try #require(command)])
        #expect(result.status == 0)
        #expect(await instance.look().warnings.allSatisfy { $0.code.rawValue != "credential-modes" })
    }

    /// Every code has a page, a message that fits and, but for a few, a command.
    @Test func everyCodeHasItsPage() {
        let codes = Watchdog.codes
        #expect(Set(codes).count == codes.count)
        let instance = InstanceReference(
            id: Slug(unchecked: "a"), label: SafeText(unchecked: "A"), user: UserName(unchecked: "a"), scope: .user,
            hermesHome: nil)
        for code in codes {
            #expect(Slug(rawValue: code) != nil)
            #expect(Watchdog.runbook(for: Slug(unchecked: code)) != nil)
            #expect(
                code == "database-newer" || HelpfulCommands.command(code: code, instance: instance) != nil, "\(code)")
        }
    }
}
