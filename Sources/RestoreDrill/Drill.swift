internal import Bundles
internal import HermesHome
public import Sanitizer
public import Support
public import SystemPackage

/// What a drill works with.
public struct DrillSettings: Sendable {
    /// The instance that the backup must be of.
    public var instance: String
    /// The home that nothing may touch; it need not exist.
    public var liveHome: FilePath
    /// The folder that drills work in: `STATE/drills`.
    public var parent: FilePath
    /// Looks for secrets in what the repository holds; nil makes `no-secrets` unknown.
    public var gate: Gate?
    public var time: any TimeSource
    public var progress: any ProgressReporter

    public init(
        instance: String, liveHome: FilePath, parent: FilePath, gate: Gate? = nil, time: any TimeSource = SystemTime(),
        progress: any ProgressReporter = NoProgress()
    ) {
        self.instance = instance
        self.liveHome = liveHome
        self.parent = parent
        self.gate = gate
        self.time = time
        self.progress = progress
    }
}

/// Whether and how the hermes command is run on a restored home.
public struct HermesTrial: Sendable {
    public enum Wish: Sendable {
        case off
        /// Where it is found.
        case auto
        /// It must be found.
        case required
    }

    public var wish: Wish
    /// The command; nil when it was not found.
    public var command: FilePath?
    public var runner: any CommandRunner

    public init(_ wish: Wish, command: FilePath? = nil, runner: any CommandRunner = SystemCommandRunner()) {
        self.wish = wish
        self.command = command
        self.runner = runner
    }
}

/// Restores a backup somewhere harmless and finds out whether it is good.
///
/// ``restore(_:)`` brings a home into a private folder below ``DrillSettings/parent``; ``verify(_:maxAge:hermes:)`` checks it. The
/// folder goes away with the ``RestoredHome``.
public struct Drill: Sendable {
    public let settings: DrillSettings

    public init(_ settings: DrillSettings) { self.settings = settings }

    /// Sweeps what killed drills left, then restores.
    ///
    /// Throws with exit 65 when the backup is damaged (``notRestored(_:source:)`` makes that a part of a receipt), 64 when the working
    /// folder would touch the live home, and as the source's module does. Nothing is left behind then.
    public func restore(_ source: RestoreSource) async throws -> RestoredHome {
        let settings = settings
        let folder = try await offPool {
            try RestoreTarget.check(settings.parent.appending("drill"), awayFrom: settings.liveHome)
            _ = try DrillFolder.sweep(below: settings.parent)
            return try DrillFolder(below: settings.parent)
        }
        do {
            return try await SourceOpener(
                folder: folder, time: settings.time, progress: settings.progress, durable: false, gate: settings.gate
            ).open(source)
        } catch {
            try? folder.remove()
            throw error
        }
    }

    /// Whether an error says that the backup is damaged, and not that it was given the wrong key.
    public static func saysDamage(_ error: OperatorError) -> Bool {
        error.exit == .damagedInput && error.type != AgeFailure.noMatch.rawValue
    }

    /// The part of a receipt for a backup that could not be restored: `manifest` failed where the backup is damaged, and is unknown
    /// where it was not got at; nothing else could be looked at.
    public static func notRestored(_ error: OperatorError, source: String) -> Receipt.Part {
        let manifest: CheckFinding = saysDamage(error) ? .failed(error.reason) : .unknown(error.description)
        let checks = CheckName.allCases.map { name in
            CheckResult(name, name == .manifest ? manifest : .skipped("nothing was restored"), durationMs: 0)
        }
        return Receipt.Part(
            source: source, outcome: manifest.outcome, origins: [], rtoMs: 0, phases: [], checks: checks,
            counts: Receipt.Counts(), secretsToProvide: [])
    }

    /// Every check, in the order of ``CheckName``.
    ///
    /// A check that cannot be carried out is `unknown` and says why; only cancellation throws. Afterwards the restored home has no
    /// credentials any more if hermes was run on it.
    public func verify(_ restored: RestoredHome, maxAge: Duration? = nil, hermes: HermesTrial) async throws
        -> Receipt.Part
    {
        var run = VerifyRun(settings: settings, restored: restored, maxAge: maxAge, hermes: hermes)
        return try await run.all()
    }
}

/// One pass over the checks.
private struct VerifyRun {
    let settings: DrillSettings
    let restored: RestoredHome
    let maxAge: Duration?
    let hermes: HermesTrial
    var results: [CheckResult] = []
    var version: String?

    init(settings: DrillSettings, restored: RestoredHome, maxAge: Duration?, hermes: HermesTrial) {
        self.settings = settings
        self.restored = restored
        self.maxAge = maxAge
        self.hermes = hermes
    }

    mutating func all() async throws -> Receipt.Part {
        let start = settings.time.uptime
        let (settings, restored) = (settings, restored)
        let expectations = restored.expectations
        let scratch = restored.folder.path.appending("scratch")
        let now = settings.time.now
        let takenAt = restored.origins.compactMap(\.takenAt).min()
        settings.progress.begin("checking", total: nil)
        defer { settings.progress.end() }
        try await check(.manifest) { try Self.manifest(restored, settings.instance, $0) }
        try await check(.canary) { _ in try CanaryCheck.run(restored.canaries) }
        try await check(.noSecrets) { cancellation in
            guard let part = restored.repository else { return .skipped("a bundle is encrypted and holds the secrets") }
            if let earlier = part.earlier[.noSecrets] { return earlier }
            return try NoSecretsCheck.run(
                restored.home, aside: part.aside, gate: settings.gate, cancellation: cancellation)
        }
        let named = Set(expectations.secretsToProvide.filter { $0.kind != .file }.map(\.name))
        try await check(.config) { _ in try ConfigCheck.run(restored.home, toProvide: named) }
        try await check(.databases) {
            try DatabaseCheck.run(
                restored.home, databases: expectations.databases, isComplete: restored.bundleCanary != nil,
                scratch: scratch.appending("db"), cancellation: $0)
        }
        try await check(.cron) { _ in try PayloadChecks.cron(restored.home, expected: expectations.cronJobs) }
        try await check(.skills) {
            try PayloadChecks.skills(restored.home, expected: expectations.skills, cancellation: $0)
        }
        try await check(.memories) { _ in
            try PayloadChecks.memories(restored.home, expected: expectations.memories)
        }
        try await check(.modes) { try ModesCheck.run(restored.home, cancellation: $0) }
        let limit = maxAge
        try await check(.freshness) { _ in FreshnessCheck.run(takenAt: takenAt, limit: limit, now: now) }
        try await check(.agreement) { _ in
            restored.agreement ?? .skipped("there is one source alone")
        }
        try await check(.selfTest) {
            try SelfTest.run(restored.home, expectations, scratch: scratch.appending("self-test"), cancellation: $0)
        }
        let checked = settings.time.uptime
        try await runHermes(scratch)
        let done = settings.time.uptime
        return part(
            takenAt: takenAt, now: now,
            phases: [
                Receipt.Phase(name: "check", source: restored.label, durationMs: (checked - start).wholeMilliseconds),
                Receipt.Phase(name: "hermes", source: restored.label, durationMs: (done - checked).wholeMilliseconds),
            ])
    }

    private func part(takenAt: Timestamp?, now: Timestamp, phases: [Receipt.Phase]) -> Receipt.Part {
        var required: Set<CheckName> = [.manifest, .canary, .modes, .freshness, .selfTest]
        if restored.repository != nil { required.insert(.noSecrets) }
        if restored.agreement != nil { required.insert(.agreement) }
        if !restored.expectations.databases.isEmpty { required.insert(.databases) }
        if hermes.wish == .required { required.insert(.hermes) }
        func measured(_ name: CheckName, _ key: String) -> Int64? {
            results.first { $0.name == name.rawValue }?.measured[key]
        }
        var counts = Receipt.Counts()
        counts.files = measured(.manifest, "files") ?? 0
        counts.bytes = measured(.manifest, "bytes") ?? 0
        counts.memories = measured(.memories, "memories")
        counts.skills = measured(.skills, "skills")
        counts.cronJobs = measured(.cron, "cronJobs")
        counts.sessions = measured(.databases, "sessions")
        counts.messages = measured(.databases, "messages")
        return Receipt.Part(
            source: restored.label, outcome: Receipt.judge(results, required: required), origins: restored.origins,
            rpoSeconds: takenAt.map { max(0, (now - $0).wholeMilliseconds / 1000) },
            rtoMs: restored.phases.reduce(0) { $0 + $1.durationMs }, phases: restored.phases + phases, checks: results,
            counts: counts, secretsToProvide: restored.expectations.secretsToProvide, hermesVersion: version)
    }

    private mutating func check(
        _ name: CheckName, _ body: @escaping @Sendable (CancellationFlag) throws -> CheckFinding
    ) async throws {
        try Task.checkCancellation()
        let start = settings.time.uptime
        var finding: CheckFinding
        do {
            finding = try await offPoolCancellable(body)
        } catch {
            finding = try Self.unknown(error)
        }
        // Of `both`: what was wrong with the repository's part is not made good by the bundle that lies over it.
        if finding.outcome == .passed, let earlier = restored.repository?.earlier[name], earlier.outcome != .passed {
            finding = earlier
        }
        results.append(CheckResult(name, finding, durationMs: (settings.time.uptime - start).wholeMilliseconds))
    }

    /// What an error within a check means: it could not be found out; a cancellation goes on.
    private static func unknown(_ error: any Error) throws -> CheckFinding {
        if error is CancellationError { throw error }
        try Task.checkCancellation()
        switch error {
        case let error as OperatorError:
            if error.type == "cancelled" { throw error }
            return .unknown(error.description)
        case let error as HomeFailure: return .unknown(error.detail)
        case let error as Errno: return .unknown(errorText(error.rawValue))
        default: return .unknown("the check could not be carried out")
        }
    }

    private static func manifest(_ restored: RestoredHome, _ instance: String, _ cancellation: CancellationFlag) throws
        -> CheckFinding
    {
        let finding = try TreeCheck.run(restored.home, against: restored.expectations, cancellation: cancellation)
        let strangers = restored.origins.filter { $0.instance != instance }
        if let stranger = strangers.first {
            return .failed(
                "the backup is of instance \(printable(stranger.instance, limit: 64)), not of \(instance)",
                finding.measured)
        }
        return finding
    }

    private mutating func runHermes(_ scratch: FilePath) async throws {
        try Task.checkCancellation()
        let start = settings.time.uptime
        let finding: CheckFinding
        switch (hermes.wish, hermes.command) {
        case (.off, _): finding = .skipped("verify does not ask for it (hermes: off)")
        case (.auto, nil): finding = .skipped("there is no hermes command on this machine")
        case (.required, nil): finding = .unknown("there is no hermes command on this machine")
        case (_, .some(let program)):
            do {
                let home = restored.home
                try await offPoolCancellable { try HarmlessHome.make(home, cancellation: $0) }
                let expected = try ExpectedHome(reading: home, at: settings.time.now)
                try FileSystem.makeDirectory(scratch)
                let command = SealedCommand(
                    seal: try await Seal.available(hermes.runner), runner: hermes.runner, program: program,
                    home: home, scratch: scratch, folder: restored.folder.path, liveHome: settings.liveHome)
                let outcome = try await HermesCheck(command: command, expected: expected).run()
                version = outcome.version
                finding = outcome.finding
            } catch {
                finding = try Self.unknown(error)
            }
        }
        results.append(CheckResult(.hermes, finding, durationMs: (settings.time.uptime - start).wholeMilliseconds))
    }
}

extension ExpectedHome {
    /// What Hermes should count in the root home, by this program's own readers.
    fileprivate init(reading home: FilePath, at now: Timestamp) throws {
        self.init()
        let layout = HomeLayout(home)
        if let state = try StateDatabase.read(layout, at: now) {
            sessions = Int64(state.sessions)
            messages = Int64(state.messages)
        }
        if try ConfigCheck.exists(layout.cronJobs) { cronJobs = Int64(try CronJobs.read(layout).jobs.count) }
        let settings = (try? HomeSettings.read(layout)) ?? HomeSettings()
        skills = Int64(try Skills.read(layout, settings: settings, userHome: home).skills.count)
    }
}
