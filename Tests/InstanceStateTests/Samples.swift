import HermesHome
import Support
import SystemPackage
import TestSupport

@testable import InstanceState

/// systemctl as a test wants it to answer.
struct FakeSystemctl: CommandRunner {
    var show: @Sendable ([String]) throws -> CommandResult
    var timers = "[]"

    func run(
        _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?, workingDirectory: FilePath?,
        deadline: Duration, limit: Int
    ) async throws -> CommandResult {
        let words = arguments.map { String(decoding: $0, as: UTF8.self) }
        if words.contains("--version") {
            return .init(end: .exited(0), output: Array("systemd 252 (252.39-1)\n+PAM\n".utf8))
        }
        if words.contains("list-timers") { return .init(end: .exited(0), output: Array(timers.utf8)) }
        return try show(words)
    }

    /// Every unit asked for is active and enabled.
    static let allWell = FakeSystemctl { words in
        let units = words.drop { $0 != "--" }.dropFirst()
        return .init(end: .exited(0), output: Array(units.map { answer($0) }.joined(separator: "\n").utf8))
    }

    static func answer(
        _ unit: String, load: String = "loaded", active: String = "active", sub: String = "running",
        enabled: String = "enabled"
    ) -> String {
        """
        Id=\(unit)
        LoadState=\(load)
        ActiveState=\(active)
        SubState=\(sub)
        UnitFileState=\(enabled)
        Result=success
        NRestarts=0
        StateChangeTimestamp=@1794990000
        LastTriggerUSec=@1794994000
        NextElapseUSecRealtime=@1795080000

        """
    }

    static func failing(_ message: String, code: Int32 = 1) -> FakeSystemctl {
        FakeSystemctl { _ in .init(end: .exited(code), output: [], errors: Array(message.utf8)) }
    }
}

/// An instance whose every part a test can turn.
struct SampleInstance {
    let folder: TemporaryDirectory
    let time = ManualTime(Timestamp(seconds: 1_795_000_000))
    var home: FilePath { folder.path.appending("home") }
    var description: InstanceDescription
    var commands: any CommandRunner = FakeSystemctl.allWell
    var sources: InstanceSources
    var memory = WatchdogMemory()
    var thresholds: WatchdogThresholds

    init(scope: Scope = .user) throws {
        folder = try TemporaryDirectory()
        try folder.write("home/SOUL.md", "I")
        try folder.write(
            "home/cron/jobs.json", #"{"jobs":[{"id":"a1","name":"brief","prompt":"x","schedule_display":"0 7 * * *"}]}"#
        )
        try folder.write("home/.env", "", permissions: 0o600)
        try folder.write("payload/config.yaml", "model: x")
        try folder.write("linger/uma", "")
        description = InstanceDescription(
            id: "bheem", label: "Bheem / Uma", user: "uma", userID: 12_345, scope: scope,
            home: folder.path.appending("home"),
            userHome: folder.path, version: "0.1.0")
        description.payload = folder.path.appending("payload")
        description.driveCredentials = [try folder.write("drive.json", "{}", permissions: 0o600)]
        description.bundlesAreEncrypted = true
        description.notifications = .init(
            channel: .telegram, configured: true, lastSentAt: time.now, lastOutcome: .delivered, pending: 0)
        description.notificationTest = .delivered(at: time.now)
        let now = time.now
        let success = LastRun(
            runId: RunIdentifier(rawValue: String(repeating: "a", count: 32)), outcome: .success,
            startedAt: now - .seconds(610),
            finishedAt: now - .seconds(600), durationMs: 10_000, lastSuccessAt: now - .seconds(600),
            failuresSinceSuccess: 0)
        for (name, role) in [
            ("backup", ObservedJob.Role.backup), ("emergency-bundle", .drive), ("restore-drill", .restoreDrill),
            ("reminder", .drillReminder), ("state", .exporter), ("watch", .watchdog), ("mine", .other),
        ] {
            var job = ObservedJob(name: name, role: role, schedule: "daily", maxAge: .seconds(93_600))
            job.lastRun = success
            job.isLate = false
            job.runs = [.success: 12, .timeout: 1]
            description.jobs.append(job)
        }
        sources = InstanceSources(
            repository: {
                RepositoryFacts(
                    head: String(repeating: "ab12", count: 10), lastCommit: now - .seconds(600), dirtyFiles: 0,
                    unpushedCommits: 0,
                    isRemoteConfigured: true, history: [(String(repeating: "ab12", count: 10), now - .seconds(600), 3)])
            }, drill: { DrillFacts(lastVerified: now - .seconds(86_400)) })
        thresholds = WatchdogThresholds()
        // The machine that the tests run on may be full; that is tested by itself.
        thresholds.minFreeDiskBytes = 0
        thresholds.minFreeDiskFraction = 0
        thresholds.minFreeMemoryBytes = 0
    }

    /// A gateway that runs, as far as the home's files and the system tell.
    mutating func look() async -> InstanceSnapshot {
        let observer = InstanceObserver(
            commands: commands, time: time, limit: .seconds(20), lingerFolder: folder.path.appending("linger"),
            processes: "/proc")
        let exporter = InstanceExporter(observer: observer, watchdog: Watchdog(thresholds: thresholds))
        return await exporter.snapshot(of: description, sources, memory: &memory)
    }

    /// The warnings of a look that sees a gateway which runs.
    func warnings(thatGatewayRuns edit: (inout InstanceReadings) -> Void = { _ in }) async -> [Warning] {
        let observer = InstanceObserver(
            commands: commands, time: time, limit: .seconds(20), lingerFolder: folder.path.appending("linger"),
            processes: "/proc")
        var readings = await observer.read(description, sources, me: 0)
        readings.gateway.liveness = .running(pid: 1)
        edit(&readings)
        var (snapshot, memory) = (readings.snapshot(sequence: 1), WatchdogMemory())
        Watchdog(thresholds: thresholds).complete(&snapshot, readings, &memory)
        return snapshot.warnings
    }

    mutating func codes() async -> [String] { await look().warnings.map(\.code.rawValue).sorted() }
}

/// JSON Schema validation by Python's jsonschema (2020-12, formats checked): every line of the answer is an error.
func schemaErrors(_ document: [UInt8], schema: String) async throws -> [String] {
    let script = """
        import json, sys
        from jsonschema import Draft202012Validator, FormatChecker
        from referencing import Registry, Resource
        folder = sys.argv[1]
        load = lambda name: json.load(open(folder + '/' + name + '.schema.json'))
        names = ['instance-snapshot', 'fleet-snapshot', 'job-run']
        registry = Registry().with_resources([(load(n)['$id'], Resource.from_contents(load(n))) for n in names])
        validator = Draft202012Validator(load(sys.argv[2]), registry=registry, format_checker=FormatChecker())
        for error in validator.iter_errors(json.load(open(sys.argv[3]))):
            print('/'.join(map(str, error.absolute_path)), error.message[:200])
        print('checked')
        """
    let folder = try TemporaryDirectory()
    let file = try folder.write("document.json", document)
    let schemas = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        .pushing("Sources/EmbeddedData/data/schemas")
    let result = try await runProgram(
        findProgram("python3") ?? "/usr/bin/python3", ["-c", script, schemas.string, schema, file.string])
    let lines = result.output.split(separator: "\n").map(String.init)
    guard lines.last == "checked" else { return ["the validator did not run: \(result.errors)"] }
    return Array(lines.dropLast())
}

/// An example of the contract.
func example(_ name: String) throws -> [UInt8] {
    try FileSystem.read(
        FilePath(#filePath).removingLastComponent().appending("examples").appending(name + ".json"), limit: 1 << 20)
}
