internal import Glibc
internal import Logging
internal import Support
internal import SystemPackage

/// What the runner decided about a run.
struct RunVerdict: Sendable {
    var outcome: RunOutcome
    var error: OperatorError?
    /// The step that failed.
    var step: String?
    var exit: ExitStatus
    /// The signal that stopped the run.
    var signal: Int32?
}

/// Keeps a run's record, its ledger row and its warnings up to date on disk. Used by one task alone.
final class RunJournal {
    var record: RunRecord
    private(set) var warnings: [String] = []
    /// The first failure to write the record after the start.
    private(set) var recordFailure: OperatorError?
    let ledger: Ledger?
    var store: RunStore { runs }

    private let runs: RunStore
    private let time: any TimeSource
    private let logger: Logger
    private let startUptime: Duration

    init(runs: RunStore, stateDirectory: FilePath, time: any TimeSource, logger: Logger, record: RunRecord) throws {
        self.runs = runs
        self.time = time
        self.logger = logger
        self.record = record
        startUptime = time.uptime
        do {
            let ledger = try Ledger(stateDirectory: stateDirectory, runs: runs, time: time)
            self.ledger = ledger
            for repair in ledger.repairs {
                logger.warning("\(repair)")
                warnings.append(repair)
            }
        } catch let error as OperatorError where error.exit != .cannotWrite {
            // The index is no reason not to make a backup: the records are the truth.
            ledger = nil
            warn(error.description)
        }
    }

    /// Writes the record, then the row. Failing here ends the run before it began.
    func start() async throws {
        let (runs, record) = (runs, record)
        try await offPool {
            do {
                try runs.write(record)
            } catch {
                try? runs.removeOwner(of: record.runId)
                throw error
            }
        }
        await index()
    }

    /// Writes the record as it is now; a failure is remembered and does not stop the run.
    func save() async {
        let (runs, record) = (runs, record)
        do {
            try await offPool { try runs.write(record) }
        } catch {
            let failure =
                error as? OperatorError
                ?? OperatorError("record", doing: "writing the run's record", reason: "it failed", exit: .cannotWrite)
            if recordFailure == nil { logger.error("the run's record cannot be written: \(failure)") }
            recordFailure = recordFailure ?? failure
        }
    }

    private func index() async {
        guard let ledger else { return }
        let (record, warnings) = (record, warnings)
        do {
            try await offPool { try ledger.put(record, warnings: warnings) }
        } catch {
            let text = CredentialScrubber.safeText("the ledger could not be brought up to date: \(error)")
            if !self.warnings.contains(text) { warn(text) }
        }
    }

    /// Notes a warning, scrubbed.
    func warn(_ text: String) {
        let line = CredentialScrubber.safeText(text)
        guard warnings.count < 200, !warnings.contains(line) else { return }
        warnings.append(line)
        logger.warning("\(line)")
    }

    func add(deliveries: [Delivery]) async {
        guard !deliveries.isEmpty else { return }
        // The schema keeps eight: the last ones tell how it ended.
        record.deliveries = Array(((record.deliveries ?? []) + deliveries).suffix(8))
        await save()
    }

    /// Closes the record with a verdict.
    func finish(_ verdict: RunVerdict, summaries: [StepSummary]) async -> RunResult {
        let duration = max(.zero, time.uptime - startUptime)
        record.state = .finished
        record.outcome = verdict.outcome
        // The wall clock may have been set back meanwhile.
        record.finishedAt = max(time.now, record.startedAt)
        record.durationMs = duration.wholeMilliseconds
        record.exit = .init(code: Int(verdict.exit.rawValue), signal: verdict.signal.map(signalName))
        record.error = verdict.outcome == .success ? nil : verdict.error.map { .init($0, step: verdict.step) }
        if record.effects?.isEmpty == true { record.effects = nil }
        record.resources = Self.resources()
        await save()
        await index()
        return RunResult(
            record: record, exit: verdict.exit, warnings: warnings, error: verdict.error, hasAbandonedWork: false,
            summaries: summaries)
    }

    /// What comes after the hooks: their part of the record, the warnings, the end of ownership, the retention.
    func close(job: String, declared: Set<String>) async {
        let (runs, id, warnings) = (runs, record.runId, warnings)
        await save()
        do {
            try await offPool {
                try runs.writeWarnings(warnings, of: id)
                try runs.removeOwner(of: id)
            }
        } catch {
            logger.warning("what lies beside the run's record is not up to date: \(error)")
        }
        await index()
        guard let ledger else { return }
        let now = time.now
        do {
            try await offPool {
                try RunRetention.apply(to: job, runs: runs, ledger: ledger, now: now)
                try RunRetention.applyToOthers(than: declared, runs: runs, ledger: ledger, now: now)
            }
        } catch {
            logger.warning("old run records could not be removed: \(error)")
        }
    }

    /// Brings status.json up to date.
    func tell(_ board: StatusBoard) async {
        guard let ledger else { return }
        do {
            try await board.write(from: ledger)
        } catch {
            warn("status.json could not be written: \(error)")
        }
    }

    private static func resources() -> RunRecord.Resources {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return .init() }
        func milliseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1000 + Int64(time.tv_usec) / 1000 }
        return .init(
            cpuMs: milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
            maxRssBytes: Int64(usage.ru_maxrss) * 1024)
    }
}

/// `SIGTERM` for 15 and so on.
func signalName(_ number: Int32) -> String {
    let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGABRT: "SIGABRT", SIGKILL: "SIGKILL",
        SIGTERM: "SIGTERM",
        SIGXCPU: "SIGXCPU",
    ]
    return names[number] ?? "SIG\(number)"
}
