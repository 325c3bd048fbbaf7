internal import Glibc
public import Logging
public import Support
public import SystemPackage

/// What a run should be.
public struct RunOptions: Sendable {
    /// Stops before the first effect outside the state directory.
    public var dryRun: Bool
    /// The process's environment: systemd tells there which invocation this is and what started it.
    public var environment: [String: String]
    /// The signal that asked the run to stop, if one did; see ``SignalCancellation``.
    public var receivedSignal: @Sendable () -> Int32?

    public init(
        dryRun: Bool = false, environment: [String: String] = [:],
        receivedSignal: @escaping @Sendable () -> Int32? = { nil }
    ) {
        self.dryRun = dryRun
        self.environment = environment
        self.receivedSignal = receivedSignal
    }
}

/// How a run ended.
public struct RunResult: Sendable {
    public var record: RunRecord
    /// What the process should exit with.
    public var exit: ExitStatus
    public var warnings: [String]
    /// Why it did not succeed, in full; nil after a success.
    public var error: OperatorError?
    /// A step did not end when told to: the process must exit without waiting for it (`_exit`, not a return from main).
    public var hasAbandonedWork: Bool
    public var summaries: [StepSummary]
}

/// The bounds that the configuration does not set.
public struct RunLimits: Sendable {
    /// How long a step may take to end after it was cancelled.
    public var grace: Duration
    /// The time for each of `onFailure`, `onSuccess` and `always` as a whole.
    public var hooks: Duration
    /// The same after a signal: systemd sends SIGKILL 90 seconds after SIGTERM.
    public var hooksAfterSignal: Duration

    public init(
        grace: Duration = .seconds(10), hooks: Duration = .seconds(120), hooksAfterSignal: Duration = .seconds(20)
    ) {
        self.grace = grace
        self.hooks = hooks
        self.hooksAfterSignal = hooksAfterSignal
    }
}

/// Runs declared jobs: plan → lock → record and ledger row "executing" → steps → "finished" → status.json → notify.
public struct JobRunner: Sendable {
    /// Called after the record is written and the status told, with the lock still held: for alerts that depend on the history.
    /// What it answers goes into the record.
    public typealias AfterRun = @Sendable (RunResult) async -> [Delivery]
    /// Called when the run's record says "executing" and before its first step, for as long as the grace at the most; not for a dry
    /// run.
    public typealias BeforeRun = @Sendable (RunRecord) async -> Void

    let configuration: Configuration
    let stateDirectory: FilePath
    let version: String
    let factory: any StepFactory
    let time: any TimeSource
    let deadlineTime: any TimeSource
    let logger: Logger
    let progress: any ProgressReporter
    let nextElapse: NextElapseFunction
    let random: @Sendable () -> Double
    let limits: RunLimits
    let beforeRun: BeforeRun?
    let afterRun: AfterRun?

    /// - Parameters:
    ///   - version: of this program, `1.2.3`.
    ///   - time: tells the moments in the record and sleeps between attempts.
    ///   - deadlineTime: what timeouts and graces are measured with.
    ///   - random: draws from 0 to 1, for the jitter.
    public init(
        configuration: Configuration, stateDirectory: FilePath, version: String, factory: any StepFactory,
        logger: Logger,
        nextElapse: @escaping NextElapseFunction, progress: any ProgressReporter = NoProgress(),
        time: any TimeSource = SystemTime(), deadlineTime: any TimeSource = SystemTime(),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }, limits: RunLimits = RunLimits(),
        beforeRun: BeforeRun? = nil, afterRun: AfterRun? = nil
    ) {
        self.configuration = configuration
        self.stateDirectory = stateDirectory
        self.version = version
        self.factory = factory
        self.logger = logger
        self.nextElapse = nextElapse
        self.progress = progress
        self.time = time
        self.deadlineTime = deadlineTime
        self.random = random
        self.limits = limits
        self.beforeRun = beforeRun
        self.afterRun = afterRun
    }

    /// Runs a job and records it. Cancelling the task that calls this stops the run; the record is closed all the same.
    ///
    /// Throws only when nothing could be recorded, such as with a full disk before the first step (exit 73), or when there is no such
    /// job. Everything else, failures included, is a result.
    public func run(_ name: String, options: RunOptions = RunOptions()) async throws -> RunResult {
        guard let job = configuration.job(named: name) else {
            let names = configuration.jobs.map(\.name)
            throw OperatorError(
                "no-such-job", doing: "looking for the job", subject: printable(name, limit: 64),
                reason: "it is not declared",
                advice: (names.isEmpty ? "declare one under `jobs:`" : "declared: \(names.joined(separator: ", "))")
                    + suggestion(for: name, among: names), exit: .usage)
        }
        let stop = StopRequest()
        // A task of its own: the record must be closed although the caller is cancelled.
        let supervisor = Task { try await supervise(job, options, stop) }
        return try await withTaskCancellationHandler {
            try await supervisor.value
        } onCancel: {
            stop.request()
        }
    }

    private func supervise(_ job: JobDeclaration, _ options: RunOptions, _ stop: StopRequest) async throws -> RunResult
    {
        let runs = try RunStore(stateDirectory: stateDirectory)
        let record = try startRecord(job, options, runs)
        let journal: RunJournal
        do {
            journal = try RunJournal(
                runs: runs, stateDirectory: stateDirectory, time: time, logger: logger, record: record)
        } catch {
            try? runs.removeOwner(of: record.runId)
            throw error
        }
        guard let lock = try FileLock(StateLock.path(stateDirectory, "job-\(job.name)")) else {
            let result = await recordSkip(of: job, journal)
            try runs.removeOwner(of: record.runId)
            return result
        }
        defer { withExtendedLifetime(lock) {} }
        let board = statusBoard(runs)
        let closer = RunCloser(runs: runs, ledger: journal.ledger, time: time, version: version, logger: logger)
        for closed in try closer.closeDead(of: job.name, holdingLock: true, service: nil) {
            logger.warning("an earlier run was interrupted; its record is closed", metadata: ["run": "\(closed.runId)"])
        }
        try await journal.start()
        await journal.tell(board)
        logger.info("run started", metadata: ["job": "\(job.name)", "run": "\(journal.record.runId)"])
        if let beforeRun, !options.dryRun {
            let record = journal.record
            let end = await bounded(stop, limit: limits.grace, grace: .seconds(1), time: deadlineTime) {
                await beforeRun(record)
            }
            if end.stopReason == .timeout { logger.debug("what precedes the run did not end in time") }
        }
        let execution = RunExecution(runner: self, job: job, options: options, stop: stop, journal: journal)
        let verdict = await execution.runSteps()
        var result = await journal.finish(verdict, summaries: execution.summaries)
        await journal.tell(board)
        log(result)
        if !options.dryRun {
            await execution.runHooks(after: verdict)
            await callAfterRun(&result, journal, execution, stop)
        }
        await journal.close(job: job.name, declared: Set(configuration.jobs.map(\.name)))
        await journal.tell(board)
        result.record = journal.record
        result.warnings = journal.warnings
        result.hasAbandonedWork = execution.hasAbandonedWork
        result.summaries = execution.summaries
        if let failure = journal.recordFailure {
            // The steps are done, but nobody would know: that must not pass for a success.
            result.error = result.error ?? failure
            if result.exit == .success { result.exit = failure.exit == .success ? .cannotWrite : failure.exit }
        }
        return result
    }

    private func callAfterRun(
        _ result: inout RunResult, _ journal: RunJournal, _ execution: RunExecution, _ stop: StopRequest
    ) async {
        guard let afterRun else { return }
        result.record = journal.record
        result.warnings = journal.warnings
        result.summaries = execution.summaries
        let snapshot = result
        let limit = stop.isRequested ? limits.hooksAfterSignal : limits.hooks
        let end = await bounded(stop.forWhatComesAfter, limit: limit, grace: limits.grace, time: deadlineTime) {
            await afterRun(snapshot)
        }
        switch end {
        case .finished(.success(let deliveries), _): await journal.add(deliveries: deliveries)
        case .finished(.failure, _): break
        case .abandoned:
            execution.hasAbandonedWork = true
            journal.warn("the notification after the run did not end in time")
        }
    }

    func statusBoard(_ runs: RunStore) -> StatusBoard {
        StatusBoard(
            configuration: configuration, stateDirectory: stateDirectory, runs: runs, version: version, time: time,
            nextElapse: nextElapse)
    }

    /// The record of a run whose id is this process's from now on.
    private func startRecord(_ job: JobDeclaration, _ options: RunOptions, _ runs: RunStore) throws -> RunRecord {
        let owner = RunStore.Owner(process: .current, job: job.name)
        // A shell below a service carries that service's INVOCATION_ID: it is this run's own only once.
        let invocation = try RunIdentity.invocation(in: options.environment).flatMap {
            try runs.claim($0, owner) ? $0 : nil
        }
        let isOwn = invocation != nil
        let id = invocation ?? RunIdentity.generate(at: time.now)
        guard try isOwn || runs.claim(id, owner) else {
            throw OperatorError("internal", doing: "starting job", subject: job.name, reason: "the id \(id) is taken")
        }
        return RunRecord(
            runId: id, instance: configuration.instance.id,
            job: .init(name: job.name, kind: job.kind, definition: job.definition),
            trigger: isOwn ? RunIdentity.trigger(in: options.environment) : .init(type: .manual), state: .executing,
            dryRun: options.dryRun ? true : nil, attempt: 1, maxAttempts: job.retry.attempts, startedAt: time.now,
            timeoutMs: job.timeout.wholeMilliseconds,
            steps: job.steps.map { StepRecord(name: $0.name, state: .pending) },
            host: RunRecord.isBootID(ProcessIdentity.currentBootID)
                ? .init(bootId: ProcessIdentity.currentBootID) : nil,
            runner: .init(version: version))
    }

    private func recordSkip(of job: JobDeclaration, _ journal: RunJournal) async -> RunResult {
        let error = OperatorError(
            "locked", doing: "starting job", subject: job.name, reason: "a run of it is under way",
            advice: "wait for it, or see `hermes-ops-runner status`", exit: .skipped, isTemporary: true)
        logger.notice("skipped: a run of the job is under way", metadata: ["job": "\(job.name)"])
        journal.record.steps = nil
        let verdict = RunVerdict(outcome: .skip, error: error, step: nil, exit: .skipped, signal: nil)
        return await journal.finish(verdict, summaries: [])
    }

    private func log(_ result: RunResult) {
        var metadata: Logger.Metadata = [
            "job": "\(result.record.job.name)", "run": "\(result.record.runId)",
            "outcome": "\(result.record.outcome?.rawValue ?? "unknown")",
            "durationMs": "\(result.record.durationMs ?? 0)",
        ]
        if let error = result.error {
            metadata["error"] = "\(CredentialScrubber.safeText(error.summary))"
            logger.error("run ended", metadata: metadata)
        } else {
            logger.info("run ended", metadata: metadata)
        }
    }
}

extension RunRecord {
    static func isBootID(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
