internal import Jobs
internal import Logging
internal import Notify
internal import Support
internal import SystemPackage

/// Runs a job with everything that surrounds it: signals, pings, the news of a recovery, clean-up.
struct JobExecution: Sendable {
    let session: Session
    let job: String
    let dryRun: Bool
    let acceptShrink: Bool
    /// What a drill restores is left for a person to look at.
    var keepDrill = false

    func run() async throws -> RunResult {
        try session.requireOwnState()
        let configuration = try await session.configuration()
        session.closeToOthers(session.stateDirectory, 0o700)
        await session.noteGoodConfiguration(configuration)
        let elapses = ElapseMemory(file: session.stateDirectory.appending("elapses.json"), ask: session.nextElapse)
        let runner = JobRunner(
            configuration: configuration, stateDirectory: session.stateDirectory, version: Version.current,
            factory: StepMaker(
                session: session, configuration: configuration, acceptShrink: acceptShrink, keepDrill: keepDrill),
            logger: session.logger, nextElapse: { await elapses.nextElapse($0, after: $1) }, progress: session.progress,
            beforeRun: { await before($0, configuration) }, afterRun: { await after($0, configuration) })
        let options = RunOptions(
            dryRun: dryRun, environment: session.environment, receivedSignal: { Interruption.signals.received })
        let isFrequent = [.exporter, .watchdog].contains(configuration.job(named: job)?.kind)
        let execute = { try await Interruption.signals.run { try await runner.run(job, options: options) } }
        let result = isFrequent ? try await ResidentCode.releasing(execute) : try await execute()
        await elapses.save(schedules: configuration.schedules)
        // Whatever the outcome, nothing of the run's working files stays behind, unless another run works there now, or a step of this
        // one that could not be ended does: the next run sweeps then.
        if result.exit != .skipped, !result.hasAbandonedWork {
            Staging.sweep(session.stateDirectory, job: job, repository: configuration.repository?.path)
            session.sweepDrills()
        }
        return result
    }

    /// The ping of the run's start. One try: the backup does not wait for a server that only wants to know of it.
    private func before(_ record: RunRecord, _ configuration: Configuration) async {
        guard configuration.job(named: job)?.sendsPings == true else { return }
        do {
            try await session.ping(configuration, attempts: 1)?.send(.start, runID: record.runId)
        } catch {
            session.logger.warning("the ping of the start was not sent: \(Self.describe(error))")
        }
    }

    /// The ping of the run's end, and the message that something works again.
    private func after(_ result: RunResult, _ configuration: Configuration) async -> [Delivery] {
        guard let declaration = configuration.job(named: job) else { return [] }
        var deliveries: [Delivery] = []
        if declaration.sendsPings, configuration.notify.ping != nil {
            var outcome = Delivery.Outcome.delivered
            do {
                // Stopped by a signal it has seconds left.
                let attempts = result.record.outcome == .cancellation ? 1 : 3
                try await session.ping(configuration, attempts: attempts)?.send(
                    .finish(exitCode: result.exit.rawValue), runID: result.record.runId)
            } catch {
                outcome = .failed
                session.logger.warning("the ping of the end was not sent: \(Self.describe(error))")
            }
            deliveries.append(Delivery(channel: .healthchecks, outcome: outcome, at: SystemTime().now))
        }
        guard result.record.outcome == .success, configuration.notify.telegram != nil else { return deliveries }
        let run = RunSummary(
            result.record, label: configuration.instance.label, summaries: result.summaries)
        if declaration.sendsMessages {
            let told = StepNotice(await session.notifier(configuration).report(run))
            if let error = told.error { session.logger.warning("the message was not sent: \(error)") }
            // Most successes are no news: then there is nothing to record.
            deliveries += told.deliveries.filter { $0.outcome != .suppressed }
        } else {
            do {
                try await session.silentNotifier(AlertChannel(configuration)).noteRecovery(run)
            } catch {
                session.logger.warning("whether the job works again was not noted: \(Self.describe(error))")
            }
        }
        return deliveries
    }

    /// The pings of the end for runs that were killed before they could send theirs; for `finalize`.
    static func pingEnd(of closed: [RunRecord], _ session: Session, _ configuration: Configuration) async {
        for record in closed where configuration.job(named: record.job.name)?.sendsPings == true {
            guard
                record.deliveries?.contains(where: { $0.channel == .healthchecks && $0.outcome == .delivered }) != true
            else { continue }
            let code = record.exit?.code ?? Int(ExitStatus.failure.rawValue)
            do {
                try await session.ping(configuration, attempts: 1)?.send(
                    .finish(exitCode: code == 0 ? ExitStatus.failure.rawValue : Int32(code)), runID: record.runId)
            } catch {
                session.logger.warning("the ping of the end was not sent: \(Self.describe(error))")
            }
        }
    }

    private static func describe(_ error: any Error) -> String { (error as? OperatorError)?.description ?? "stopped" }
}
