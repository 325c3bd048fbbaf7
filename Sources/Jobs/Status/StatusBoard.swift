internal import Foundation
public import Support
public import SystemPackage

/// Makes the status of all declared jobs from the ledger, and keeps `STATE/status.json`.
public struct StatusBoard: Sendable {
    private let configuration: Configuration
    private let stateDirectory: FilePath
    private let runs: RunStore
    private let version: String
    private let time: any TimeSource
    private let nextElapse: NextElapseFunction

    /// How long after its due time a run may start before it counts as late.
    static let lateAfter = Duration.seconds(300)

    /// How long after its time limit a run may still be under way, with its hooks and its clean-up, before it counts as hung.
    static let overrunAfter = Duration.seconds(600)

    public init(
        configuration: Configuration, stateDirectory: FilePath, runs: RunStore, version: String, time: any TimeSource,
        nextElapse: @escaping NextElapseFunction
    ) {
        self.configuration = configuration
        self.stateDirectory = stateDirectory
        self.runs = runs
        self.version = version
        self.time = time
        self.nextElapse = nextElapse
    }

    /// The status as it is now. Writes nothing.
    ///
    /// - Parameter withNextDue: whether to ask when each schedule elapses next, which costs a process each.
    public func report(from ledger: Ledger, withNextDue: Bool = true) async throws -> StatusReport {
        var jobs: [JobStatus] = []
        let seen = SeenJobs.read(stateDirectory)
        for job in configuration.jobs { jobs.append(try await status(of: job, ledger, seen, withNextDue)) }
        return StatusReport(
            instance: configuration.instance.id, label: CredentialScrubber.safeText(configuration.instance.label),
            generatedAt: time.now, runner: .init(version: version), jobs: jobs)
    }

    /// Brings `STATE/status.json` up to date; one process at a time, so that no older state is written over a newer one.
    public func write(from ledger: Ledger) async throws {
        let path = try StateLock.path(stateDirectory, "status")
        for _ in 0..<1000 {
            guard let lock = try FileLock(path) else {
                try await Task.sleep(for: .milliseconds(20))
                continue
            }
            defer { withExtendedLifetime(lock) {} }
            try SeenJobs.note(configuration.jobs, stateDirectory: stateDirectory, now: time.now)
            let report = try await report(from: ledger)
            let bytes = try Self.encode(report)
            let target = stateDirectory.appending("status.json")
            return try await offPool { try FileSystem.replace(target, with: bytes) }
        }
        throw OperatorError(
            "locked", doing: "writing", subject: "status.json", reason: "another process holds its lock",
            isTemporary: true)
    }

    private static func encode(_ report: StatusReport) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(report)) + [10]
    }

    private func status(
        of job: JobDeclaration, _ ledger: Ledger, _ seen: SeenJobs, _ withNextDue: Bool
    ) async throws -> JobStatus {
        let now = time.now
        let newest = try ledger.lastRun(of: job.name, finished: false)
        let last = try ledger.lastRun(of: job.name, finished: true)
        let success = try ledger.lastSuccess(of: job.name)
        var status = JobStatus(
            name: job.name, kind: job.kind, schedule: job.schedule, state: newest == nil ? .never : .idle,
            failuresSince: try ledger.failures(of: job.name, after: success?.sequence ?? 0))
        if let newest, newest.state != .finished {
            let isAlive = runs.owner(of: newest.runId)?.process.isAlive ?? false
            status.state = isAlive ? .running : .interrupted
            status.running = isAlive ? run(newest) : nil
            // Its process is gone: it went wrong, whoever closes its record.
            if !isAlive { status.failuresSince += 1 }
        }
        status.lastRun = last.map(run)
        status.lastSuccess = success.map(run)
        if let end = success?.finishedAt { status.ageSeconds = max(0, (now - end).components.seconds) }
        await fillSchedule(&status, job, newest, seen, now, withNextDue)
        return status
    }

    private func fillSchedule(
        _ status: inout JobStatus, _ job: JobDeclaration, _ newest: LedgerEntry?, _ seen: SeenJobs, _ now: Timestamp,
        _ withNextDue: Bool
    ) async {
        if let running = status.running { status.late = Self.isHung(running, job, now: now) }
        guard let schedule = job.schedule else { return }
        if withNextDue {
            switch await nextElapse(schedule, now) {
            case .at(let moment): status.nextDue = moment
            case .never: status.nextDueUnknown = "the schedule lies in the past"
            case .unknown(let reason): status.nextDueUnknown = CredentialScrubber.safeText(reason)
            }
        }
        guard status.state != .running else { return }
        // One that never ran has been due since it was first declared so. A time in the future comes of a clock that was set back: it
        // says nothing about what was due since.
        guard let reference = newest?.startedAt ?? seen.since(job.name, schedule: schedule), reference <= now else {
            return
        }
        switch await nextElapse(schedule, reference) {
        case .at(let due): status.late = due + job.randomizedDelay + Self.lateAfter < now
        case .never: status.late = false
        case .unknown: break
        }
    }

    /// Whether a run under way is so far past its job's time limit that it will not end by itself.
    static func isHung(_ run: JobStatus.Run, _ job: JobDeclaration, now: Timestamp) -> Bool {
        now - run.startedAt > job.timeout + overrunAfter
    }

    private func run(_ entry: LedgerEntry) -> JobStatus.Run {
        let warnings = entry.warnings > 0 ? runs.warnings(of: entry.runId) : []
        var error: RunRecord.Failure?
        if let type = entry.errorType {
            error = .init(type: type, message: entry.errorMessage ?? "", step: entry.errorStep)
        }
        return JobStatus.Run(
            runId: entry.runId, outcome: entry.outcome, startedAt: entry.startedAt, finishedAt: entry.finishedAt,
            durationMs: entry.durationMs, exitCode: entry.exitCode, error: error,
            warnings: warnings.isEmpty ? nil : warnings)
    }
}
