import Glibc
import HermesHome
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import InstanceState

@Suite struct SnapshotTests {
    @Test(arguments: [Scope.system, .user])
    func aHealthyInstanceIsSilent(_ scope: Scope) async throws {
        var instance = try SampleInstance(scope: scope)
        instance.commands = FakeSystemctl { words in
            let units = words.drop { $0 != "--" }.dropFirst()
            // No gateway is meant to run here, and no cron job waits for one.
            return .init(
                end: .exited(0),
                output: Array(
                    units.map {
                        $0.contains("gateway")
                            ? FakeSystemctl.answer($0, active: "inactive", enabled: "disabled")
                            : FakeSystemctl.answer($0)
                    }
                    .joined(separator: "\n").utf8))
        }
        try instance.folder.write("home/cron/jobs.json", #"{"jobs":[]}"#)
        let snapshot = await instance.look()
        #expect(snapshot.warnings.map(\.message.rawValue) == [])
        #expect(snapshot.health == .disabled)
        #expect(snapshot.sequence == 1)
        #expect(snapshot.validUntil - snapshot.generatedAt == .seconds(180))
        #expect(snapshot.backup.repo.freshness == .fresh && snapshot.drive.freshness == .fresh)
        #expect(snapshot.restoreDrill.overdue == false)
        #expect(snapshot.exporter.systemdVersion == 252)
        #expect(snapshot.host?.probe.isOk == true && snapshot.network.probe.isOk)
        #expect(snapshot.gateway.linger == (scope == .user ? true : nil))
        #expect(
            snapshot.timers.map(\.name.rawValue) == ["restore-drill", "restore-drill-reminder", "exporter", "mine"])
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
        #expect(try InstanceSnapshot(decoding: snapshot.encoded()) == snapshot)
        #expect(await instance.look().sequence == 2)
    }

    @Test func theContractsExamplesAreRead() throws {
        let vijay = try InstanceSnapshot(decoding: example("instance-vijay"))
        #expect(vijay.sequence == 48_211 && vijay.cron.jobs?.first?.lastStatus == .deliveryFailed)
        #expect(vijay.warnings.first?.runbook?.rawValue == "docs/runbooks/cron.md#delivery")
        let bheem = try InstanceSnapshot(decoding: example("instance-bheem-unknown"))
        #expect(bheem.gateway.service.probe.reason == .managerDown && bheem.health == .unknown)
        for snapshot in [vijay, bheem] { #expect(try InstanceSnapshot(decoding: snapshot.encoded()) == snapshot) }
    }

    /// Whatever is wrong with a home or a manager, the document stays valid, and what can be known is told.
    @Test(arguments: ["missing", "empty", "foreign", "broken", "closed"])
    func aHomeInAnyState(_ kind: String) async throws {
        var instance = try SampleInstance()
        switch kind {
        case "missing": try FileSystem.removeTree(instance.home)
        case "empty":
            try FileSystem.removeTree(instance.home)
            try FileSystem.makeDirectory(instance.home)
        case "foreign":
            try FileSystem.removeTree(instance.home)
            try instance.folder.write("home/README", "x")
        case "broken":
            for name in ["state.db", "cron/jobs.json", "gateway_state.json", "config.yaml", "cron/executions.db"] {
                try instance.folder.write("home/\(name)", "{[garbage: \u{1B}[31m")
            }
        default:
            #expect(instance.home.appending("cron").withPlatformString { chmod($0, 0) } == 0)
        }
        let snapshot = await instance.look()
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
        #expect(snapshot.backup.repo.probe.isOk && snapshot.host?.probe.isOk == true)
        let codes = Set(snapshot.warnings.map(\.code.rawValue))
        switch kind {
        case "missing", "empty", "foreign":
            #expect(codes.contains("home-missing"))
            #expect(snapshot.health == .down)
            #expect(snapshot.sessions.probe.reason == .notFound && snapshot.sessions.total == nil)
            #expect(snapshot.gateway.state == .unknown)
        case "broken":
            #expect(codes.isSuperset(of: ["database-damaged", "cron-unreadable", "config-broken"]))
            #expect(snapshot.sessions.probe.reason == .badOutput && snapshot.cron.probe.reason == .badOutput)
            #expect(snapshot.policy?.redactSecrets == nil && snapshot.policy?.approvals == .unknown)
            #expect(snapshot.skills.probe.isOk && snapshot.memory.probe.isOk)
        default:
            if getuid() != 0 { #expect(snapshot.cron.probe.reason == .permission) }
        }
    }

    @Test(arguments: [
        ("Failed to connect to bus: No medium found\n", Probe.Reason.noBus),
        ("Failed to connect to bus: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined\n", .noBus),
        ("Failed to connect to bus: Connection refused\n", .managerDown),
        (
            "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
            .managerDown
        ),
        ("Failed to connect to bus: Permission denied\n", .permission),
        ("Failed to list: Connection timed out\n", .timeout),
        ("systemctl: unrecognized option '--timestamp=unix'\n", .unsupported), ("?", .badOutput),
    ])
    func aManagerThatDoesNotAnswerIsUnknownNotDown(_ message: String, _ reason: Probe.Reason) async throws {
        var instance = try SampleInstance()
        instance.commands = FakeSystemctl.failing(message)
        let snapshot = await instance.look()
        #expect(snapshot.gateway.service.probe.reason == reason)
        #expect(snapshot.gateway.service.health == .unknown && snapshot.backup.timer.unit.health == .unknown)
        #expect(!snapshot.warnings.contains { $0.code.rawValue.hasPrefix("timer") })
        #expect(snapshot.health == .unknown)
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
    }

    @Test func eachProbeFailsByItself() async throws {
        struct Refused: Error {}
        var instance = try SampleInstance()
        instance.commands = FakeSystemctl { _ in throw OperatorError("command-timeout", doing: "x", reason: "y") }
        instance.sources = InstanceSources(
            repository: { throw Refused() }, drill: { throw HomeFailure(.permission, "closed") })
        instance.description.payload = instance.folder.path.appending("nowhere")
        let snapshot = await instance.look()
        #expect(snapshot.gateway.service.probe.reason == .timeout)
        #expect(snapshot.backup.repo.probe.reason == .internal)
        #expect(snapshot.backup.payload.probe.reason == .notFound)
        #expect(snapshot.cron.probe.isOk && snapshot.memory.probe.isOk)
        #expect(snapshot.exporter.probesFailed.value >= 4)
        #expect(try await schemaErrors(snapshot.encoded(), schema: "instance-snapshot") == [])
    }

    @Test func aProbeThatHangsIsCutOff() async throws {
        var instance = try SampleInstance()
        instance.sources = InstanceSources(repository: {
            try await Task.sleep(for: .seconds(600))
            throw HomeFailure(.internal, "")
        })
        let observer = InstanceObserver(
            commands: instance.commands, time: instance.time, limit: .milliseconds(300), lingerFolder: "/nonexistent",
            processes: "/proc")
        let clock = ContinuousClock()
        let start = clock.now
        let snapshot = await InstanceExporter(observer: observer).snapshot(
            of: instance.description, instance.sources, memory: &instance.memory)
        #expect(clock.now - start < .seconds(50))
        #expect(snapshot.backup.repo.probe.reason == .timeout)
    }

    @Test func unitsAreReadAsTheyAre() async throws {
        let output = [
            FakeSystemctl.answer("a.service", active: "activating", sub: "auto-restart"),
            FakeSystemctl.answer("b.service", load: "not-found", active: "inactive", sub: "dead", enabled: ""),
            FakeSystemctl.answer("c.timer", active: "inactive", sub: "dead", enabled: "disabled"),
            FakeSystemctl.answer("d.timer", active: "inactive", sub: "dead"),
            FakeSystemctl.answer("e.service", active: "failed", sub: "failed"),
            FakeSystemctl.answer("f.service", load: "masked", active: "inactive", sub: "dead", enabled: "masked"),
            FakeSystemctl.answer("g.service", active: "refreshing", sub: "x"),
        ].joined(separator: "\n")
        let time = ManualTime()
        let fake = FakeSystemctl(
            show: { _ in .init(end: .exited(0), output: Array(output.utf8)) },
            timers: #"[{"next":1795080000000001,"last":0,"unit":"c.timer","activates":"c.service"},{"unit":7}]"#)
        let names = ["a.service", "b.service", "c.timer", "d.timer", "e.service", "f.service", "g.service"].compactMap(
            UnitName.init(rawValue:))
        let answer = await SystemdProbe(commands: fake, manager: .system, time: time).ask(names)
        let states = names.map { answer.state(of: $0, .system) }
        #expect(states.map(\.health) == [.degraded, .disabled, .disabled, .down, .down, .disabled, .unknown])
        #expect(states[1].enabled == .notFound && states[0].sub?.rawValue == "auto-restart")
        #expect(states[0].since == Timestamp(seconds: 1_794_990_000))
        #expect(answer.timers[names[2]]?.next == Timestamp(microseconds: 1_795_080_000_000_001))
        #expect(answer.timers[names[2]]?.last == nil)
        for state in states { try state.validate() }
    }

    @Test func anotherUsersManagerIsAskedWithoutStartingIt() async throws {
        let seen = CommandLog()
        let probe = SystemdProbe(commands: seen, manager: .otherUser(name: "uma", id: 1001), time: ManualTime())
        _ = await probe.ask([UnitName(unchecked: "a.timer")])
        let words = try #require(seen.commands.first)
        #expect(
            words.prefix(7) == ["runuser", "-u", "uma", "--", "env", "XDG_RUNTIME_DIR=/run/user/1001", "systemctl"])
        #expect(!words.contains { $0.contains("--machine") })
        #expect(seen.commands.filter { $0.contains("show") }.count == 1)
    }

    @Test func theFileIsWrittenForItsGroup() async throws {
        var instance = try SampleInstance()
        let snapshot = await instance.look()
        let target = instance.folder.path.pushing("exports/bheem/snapshot.json")
        try SnapshotFile.write(try snapshot.encoded(), to: target)
        let first = try FileStatus(following: target)
        #expect(first.permissions == 0o640)
        #expect(try FileStatus(following: target.removingLastComponent()).permissions == 0o2750)
        try SnapshotFile.write(try snapshot.encoded(), to: target)
        #expect(try FileStatus(following: target).inode != first.inode)
        #expect(try DirectoryListing.names(at: target.removingLastComponent()).count == 1)
    }

    @Test func theExporterRemembersBetweenRuns() async throws {
        let instance = try SampleInstance()
        let observer = InstanceObserver(
            commands: instance.commands, time: instance.time, limit: .seconds(20), lingerFolder: "/nonexistent",
            processes: "/proc")
        let exporter = InstanceExporter(observer: observer)
        let state = instance.folder.path.appending("state")
        try FileSystem.makeDirectory(state)
        let target = instance.folder.path.pushing("exports/snapshot.json")
        let metrics = instance.folder.path.pushing("exports/hermes_ops.prom")
        let first = try await exporter.run(
            instance.description, instance.sources, stateDirectory: state, target: target, metrics: metrics)
        #expect(first.changes.raised.contains { $0.code.rawValue == "linger-off" })
        instance.time.advance(by: .seconds(60))
        let second = try await exporter.run(
            instance.description, instance.sources, stateDirectory: state, target: target, metrics: metrics)
        #expect(second.snapshot.sequence == 2)
        #expect(second.changes.raised.isEmpty && !second.changes.ongoing.isEmpty)
        let warning = try #require(second.snapshot.warnings.first { $0.code.rawValue == "linger-off" })
        #expect(warning.since == first.snapshot.generatedAt && warning.lastSeenAt == second.snapshot.generatedAt)
        #expect(try InstanceSnapshot(decoding: FileSystem.read(target, limit: 1 << 20)) == second.snapshot)
        #expect(try FileStatus(following: state.appending("watchdog.json")).permissions == 0o600)
        #expect(first.notice == nil && second.notice == nil)
        // A damaged memory costs the beginnings, not the snapshot.
        try FileSystem.replace(state.appending("watchdog.json"), with: Array("{".utf8))
        let third = try await exporter.run(
            instance.description, instance.sources, stateDirectory: state, target: nil, metrics: nil)
        #expect(third.snapshot.sequence == 1)
        #expect(third.notice?.contains("watchdog.json") == true)
    }

    /// More jobs than an object of a stranger's snapshot may have members.
    @Test func manyCronJobsAreRemembered() async throws {
        let instance = try SampleInstance()
        let exporter = InstanceExporter(
            observer: InstanceObserver(
                commands: instance.commands, time: instance.time, limit: .seconds(60), lingerFolder: "/nonexistent",
                processes: "/proc"))
        let state = instance.folder.path.appending("state")
        try FileSystem.makeDirectory(state)
        func run(_ ids: some Sequence<String>) async throws -> (InstanceSnapshot, notice: String?) {
            let jobs = ids.map { #"{"id":"\#($0)","name":"job \#($0)","prompt":"x","schedule_display":"0 7 * * *"}"# }
            try instance.folder.write("home/cron/jobs.json", "[\(jobs.joined(separator: ","))]")
            let made = try await exporter.run(
                instance.description, instance.sources, stateDirectory: state, target: nil, metrics: nil)
            return (made.snapshot, made.notice)
        }
        for count in [300, WatchdogMemory.jobLimit + 500] {
            let ids = (0..<count).map { "j\(1_000_000 + $0)" } + [String(repeating: "long", count: 100_000)]
            _ = try await run(ids)
            let (snapshot, notice) = try await run(ids.dropFirst())
            #expect(notice == nil && snapshot.sequence.value > 1)
            let warning = snapshot.warnings.first { $0.code.rawValue == "cron-vanished" }
            #expect(warning?.message.rawValue.contains("j1000000") == true)
            try FileSystem.removeTree(state.appending("watchdog.json"))
        }
    }

    /// The snapshot and the watchdog, two jobs, look at the same time: none forgets what the other remembered.
    @Test func looksAtTheSameTimeAreAllCounted() async throws {
        let instance = try SampleInstance()
        let exporter = InstanceExporter(
            observer: InstanceObserver(
                commands: instance.commands, time: instance.time, limit: .seconds(60), lingerFolder: "/nonexistent",
                processes: "/proc"))
        let state = instance.folder.path.appending("state")
        try FileSystem.makeDirectory(state)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    _ = try await exporter.run(
                        instance.description, instance.sources, stateDirectory: state, target: nil, metrics: nil)
                }
            }
            try await group.waitForAll()
        }
        let memory = try WatchdogMemory(
            decoding: FileSystem.read(state.appending("watchdog.json"), limit: WatchdogMemory.sizeLimit))
        #expect(memory.sequence == 8)
    }

    /// A memory that says the largest number there is, and a file system that says more is free than there is.
    @Test func numbersFromOutsideDoNotOverflow() async throws {
        var instance = try SampleInstance()
        instance.memory.sequence = .max
        instance.memory.sizes = [.init(at: instance.time.now - .seconds(7200), bytes: .min)]
        _ = await instance.look()
        #expect(HostProbe.used(blocks: 5, free: 9) == 0 && HostProbe.used(blocks: 9, free: 5) == 4)
        try instance.folder.write("proc/meminfo", "MemTotal: nan kB\nMemAvailable: 1e300 kB\n")
        try instance.folder.write("proc/uptime", "inf 1\n")
        try instance.folder.write("proc/stat", "btime 1e300\n")
        let host = try HostProbe(processes: instance.folder.path.appending("proc")).read(diskOf: instance.home)
        #expect(host.memoryFree == nil && host.uptime == nil && host.booted == nil)
    }

    @Test func sparseFilesDoNotOverflow() async throws {
        // The file system of the temporary folder may not take files that large.
        let folder = FilePath("/dev/shm").appending("hermes-ops-test-\(hex(randomBytes(8)))")
        defer { try? FileSystem.removeTree(folder) }
        try FileSystem.makeDirectory(folder)
        for name in ["a", "b"] {
            try FileSystem.replace(folder.appending(name), with: [])
            let size = folder.appending(name).withPlatformString { truncate($0, Int.max - 4096) }
            guard size == 0 else { return }
        }
        let payload = try PayloadProbe.read(folder, at: Timestamp(seconds: 0))
        #expect(payload.bytes?.value == Count.maximum && payload.files == 2)
    }

    /// Probes that take the processor and never end: the limit holds, and a signal would get through.
    @Test func probesThatBurnAreCutOff() async throws {
        let probing = Probing(time: SystemTime(), limit: .milliseconds(300))
        let start = ContinuousClock.now
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    let seen = await probing.blocking { flag -> Int? in
                        while !flag.isCancelled {}
                        return 1
                    }
                    return seen.probe.reason == .timeout
                }
            }
            for await isCut in group { #expect(isCut) }
        }
        #expect(ContinuousClock.now - start < .seconds(30))
    }
}

/// Keeps the command lines it was asked to run, and fails them all.
final class CommandLog: CommandRunner {
    private let log = Mutex<[[String]]>([])
    var commands: [[String]] { log.withLock { $0 } }

    func run(
        _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?, workingDirectory: FilePath?,
        deadline: Duration,
        limit: Int
    ) async throws -> CommandResult {
        log.withLock { $0.append([program.string] + arguments.map { String(decoding: $0, as: UTF8.self) }) }
        return CommandResult(end: .exited(1), output: [])
    }
}
